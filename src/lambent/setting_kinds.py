"""How the text of a setting becomes its value: one function per kind, each returns a `Kind`."""

import math
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

Parser = Callable[[str], object]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class WatchedFolder(NamedTuple):
    """A folder that is a function's code, and the function's name."""

    function_name: str
    folder: Path


class Kind(NamedTuple):
    """What a value looks like, to finish the sentence "expected …", and its parser, which raises ValueError."""

    expects: str
    parse: Parser
    is_switch: bool = False
    is_list: bool = False


def whole_number(low: int, high: int | None = None) -> Kind:
    """An integer of a range, both ends included."""
    expects = f"a whole number from {low:,} to {high:,}" if high is not None else f"a whole number, at least {low:,}"

    def parse(text: str) -> int:
        number = int(text)
        if number < low or (high is not None and number > high):
            raise ValueError
        return number

    return Kind(expects, parse)


def number(low: float) -> Kind:
    """A finite number."""

    def parse(text: str) -> float:
        number = float(text)
        if not low <= number < math.inf:
            raise ValueError
        return number

    return Kind(f"a number, at least {low:g}", parse)


_SIZE = re.compile(r"(\d+) ?([KMGT]i?)?B?", re.IGNORECASE)


def _parse_size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError
    unit = (match[2] or "").upper()
    power = " KMGT".index(unit[0]) if unit else 0
    return int(match[1]) * int((1024 if unit.endswith("I") else 1000) ** power)


def _parse_switch(text: str) -> bool:
    match text.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise ValueError


def choice(*choices: str) -> Kind:
    """One of several words."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return Kind("one of " + ", ".join(choices), parse)


def _parse_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", text):
        raise ValueError
    return text


def _parse_region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", text):
        raise ValueError
    return text


def _parse_path(text: str) -> Path:
    if not text:
        raise ValueError
    return Path(text).expanduser().absolute()


def _parse_python_sdk(text: str) -> str:
    if text not in {"bundled", "none"} and not re.fullmatch(r"\d+(\.\d+){1,3}", text):
        raise ValueError
    return text


def _list_of(parse: Parser, expects: str) -> Kind:
    def parse_list(text: str) -> tuple[object, ...]:
        return tuple(parse(part.strip()) for part in text.split(",") if part.strip())

    return Kind(expects, parse_list, is_list=True)


def _parse_watched(text: str) -> WatchedFolder:
    name, separator, path = text.rpartition("=")
    folder = _parse_path(path).resolve()
    name = name or _NOT_IN_NAMES.sub("-", folder.name).strip("-")[:64]
    if (separator and not text.partition("=")[0]) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError
    return WatchedFolder(name, folder)


def _parse_host_name(text: str) -> str:
    _parse_host(text.removeprefix("*."))
    return text.lower()


def _parse_address(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?/?", text):
        raise ValueError
    return text.lower().removesuffix("/")


def _parse_origin(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s,]+", text):
        raise ValueError
    return text


def switch() -> Kind:
    """On or off; a flag without a value."""
    return Kind("true or false", _parse_switch, is_switch=True)


def size() -> Kind:
    """Bytes, with decimal (MB) or binary (MiB) units."""
    return Kind("a size such as 500MB or 2GiB", _parse_size)


def host() -> Kind:
    """A host name or an address; whether it exists is seen when it is used."""
    return Kind("a host name or an IP address", _parse_host)


def host_names() -> Kind:
    """Several host names, each may begin with `*.`."""
    return _list_of(_parse_host_name, "host names, separated by commas")


def origins() -> Kind:
    """Several web origins: scheme, host and port."""
    return _list_of(_parse_origin, "origins such as http://localhost:3000, separated by commas")


def networks() -> Kind:
    """Several IP addresses, or networks of them by the length of their prefixes."""
    return _list_of(ip_network, "IP addresses or networks such as 10.0.0.0/8, separated by commas")


def address() -> Kind:
    """A scheme and a domain, with a port where it isn't the scheme's own."""
    return Kind("a scheme and a domain such as https://lambda.example.com", _parse_address)


def region() -> Kind:
    """The name of an AWS region, known or not yet."""
    return Kind("a region such as eu-west-1", _parse_region)


def folder() -> Kind:
    """A path, `~` expanded, made absolute; the folder needn't be there."""
    return Kind("the path of a folder", _parse_path)


def folders() -> Kind:
    """Several paths, as `folder`."""
    return _list_of(_parse_path, "paths of folders, separated by commas")


def watched_folders() -> Kind:
    """Several folders, each may begin with the name of its function: NAME=PATH."""
    return _list_of(_parse_watched, "folders, or NAME=FOLDER, separated by commas")


def python_sdk() -> Kind:
    """Where the boto3 of Python functions comes from."""
    return Kind("bundled, none, or a version of boto3 such as 1.40.4", _parse_python_sdk)
