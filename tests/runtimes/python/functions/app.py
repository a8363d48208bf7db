"""One function whose handler does what the event's "do" says; deployed to both clients in the differential test."""

import collections
import datetime
import decimal
import enum
import json
import logging
import os
import sys
import warnings

# Given at another moment by each client.
warnings.filterwarnings("ignore", "coroutine", RuntimeWarning)

Point = collections.namedtuple("Point", "x y")
D = decimal.Decimal


class Colour(enum.IntEnum):
    RED = 1


class Fields:
    def _asdict(self):
        return {"a": Point(1, 2)}


class NotFields:
    def _asdict(self):
        return [1]


class DictWithFields(dict):
    def _asdict(self):
        return {"q": 1}


class LoudInt(int):
    def __repr__(self):
        return "loud"


class OddItems(dict):
    def items(self):
        return [("k", 1)]


class OddIteration(list):
    def __iter__(self):
        return iter([9])


class Custom(ValueError):
    pass


def cyclic_dict():
    value = {}
    value["self"] = value
    return value


def cyclic_list():
    value = []
    value.append([value])
    return value


ANSWERS = {
    "none": lambda: None,
    "text": lambda: 'é\u2028\u2029\x7f\x00\x1f"\\/\b\n\t\U0001f600',
    "number": lambda: 42,
    "big_number": lambda: 10**40,
    "huge_number": lambda: 10**5000,
    "true": lambda: True,
    "floats": lambda: [float("nan"), float("inf"), float("-inf"), -0.0, 1e16, 1e-7, 1.0, 1e22, 5e-324],
    "empty": lambda: [{}, [], (), ""],
    "tuple": lambda: (1, (2,)),
    "keys": lambda: {1: 1, 1.5: 2, None: 4, float("nan"): 5, 10**30: 7, False: 8, Colour.RED: 9, "é": 10},
    "bad_key": lambda: {(1, 2): 3},
    "decimal_key": lambda: {D("1.5"): 3},
    "decimals": lambda: [D("1.10"), D("NaN"), D("sNaN"), D("-Infinity"), D("1E+5"), {"a": D("0")}],
    "named_tuple": lambda: {"p": [Point(1, Point("é", None))]},
    "as_dict": lambda: [Fields(), DictWithFields(a=1)],
    "bad_as_dict": lambda: NotFields(),
    "class": lambda: Point,
    "subclasses": lambda: [Colour.RED, LoudInt(3), OddItems(a=1), OddIteration([1, 2]), collections.OrderedDict(a=1)],
    "bytes": lambda: b"\x00raw\xff",
    "nested_bytes": lambda: {"a": b"x", b"k": "é".encode()},
    "bad_bytes": lambda: {"a": b"\xff"},
    "bytearray": lambda: bytearray(b"x"),
    "set": lambda: {"a": {1}},
    "datetime": lambda: [datetime.datetime(2024, 5, 1)],
    "generator": lambda: (i for i in ()),
    "lambda": lambda: len,
    "cyclic_dict": cyclic_dict,
    "cyclic_list": cyclic_list,
    "shared": lambda: [[{"a": 1}] * 2] * 2,
}

LOGS = {
    "print": lambda: print("a line", "in two", end="\nparts\n"),
    "stderr": lambda: print("oops", file=sys.stderr),
    "partial": lambda: sys.stdout.write("no line end"),
    "write_lines": lambda: sys.stdout.writelines(["a\n", "b\n"]),
    "info": lambda: logging.getLogger().info("info is off by default"),
    "warning": lambda: logging.getLogger("lib.part").warning("to %s", "you"),
    "lines": lambda: logging.error("two\nlines"),
    "odd_level": lambda: logging.log(35, "between"),
    "high_level": lambda: logging.log(70, "above"),
    "extra": lambda: logging.warning("with", extra={"order": {"id": D("1.5")}, "when": datetime.date(2024, 5, 1)}),
    "dict": lambda: logging.warning({"a": 1, "é": [None]}),
    "dict_with_args": lambda: logging.warning({"a": 1}, 2),
    "percent_dict": lambda: logging.warning("%(a)s", {"a": 1}),
    "bad_arguments": lambda: logging.warning("%d", "x"),
    "stack": lambda: logging.warning("here", stack_info=True),
    "critical": lambda: logging.critical("end"),
    "warn": lambda: warnings.warn("old", stacklevel=1),
}


def log_exception(event, context):
    try:
        raise Custom("caught")
    except Custom:
        logging.exception("it failed")


def fail_deep(event, context):
    def inner(depth):
        if depth:
            return inner(depth - 1)
        raise Custom("deep\nmessage é")

    inner(event["depth"])


def fail_chained(event, context):
    try:
        {}["missing"]
    except KeyError as error:
        raise RuntimeError("after") from error


def fail_empty(event, context):
    raise ValueError


def fail_generated(event, context):
    exec(compile("def f():\n    raise OSError(2, 'gone', 'file')\nf()", "<generated>", "exec"))


def fail_group(event, context):
    json.loads("{")


def describe(event, context):
    client = context.client_context
    remaining = context.get_remaining_time_in_millis()
    return {
        "repr": repr(context),
        "vars": [name for name in vars(context)],
        "types": [type(value).__name__ for value in vars(context).values()],
        "client": None if client is None else [repr(client), client.custom, client.env, repr(client.client)],
        "identity": repr(context.identity),
        "tenant": context.tenant_id,
        "w3c": context.w3c(),
        "memory": context.memory_limit_in_mb,
        "remaining": [type(remaining).__name__, 0 < remaining <= 3000],
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "attributes": sorted(name for name in dir(context) if not name.startswith("_")),
    }


def context_log(event, context):
    context.log("as it is")
    context.log(5)


def root_logger(event, context):
    root = logging.getLogger()
    return {
        "level": root.level,
        "handlers": [type(handler).__name__ for handler in root.handlers],
        "filters": [type(f).__name__ for handler in root.handlers for f in handler.filters],
        "formatter": [type(handler.formatter).__name__ for handler in root.handlers],
        "datefmt": [handler.formatter.datefmt for handler in root.handlers],
    }


def echo(event, context):
    return event


def type_name(event, context):
    return type(event).__name__


def no_arguments():
    return 1


async def coroutine(event, context):
    return 1


def handler(event, context):
    if not isinstance(event, dict) or "do" not in event:
        return [type(event).__name__, repr(event)]
    kind, name = event["do"]
    if kind == "answer":
        return ANSWERS[name]()
    if kind == "log":
        LOGS[name]()
        return None
    return globals()[name](event, context)
