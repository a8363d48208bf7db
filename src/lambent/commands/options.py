"""What may be written after `lambent`; the options of `dev` and `serve` come from the table of settings."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from lambent.settings import POSTURES, Setting, table
from lambent.version import VERSION

_DESCRIPTION = "AWS Lambda as software: the real API, real isolation, no account."
_EPILOG = """\
first steps:
  lambent dev --example         start on port 4566 with an example function
  lambent invoke hello --tail   invoke it and show its log
  lambent logs hello --follow   read its log
  lambent runtime list          see which runtimes are here
  lambent doctor                see what this machine can enforce

Options of dev and serve may also be variables (LAMBENT_PORT=4567) or keys of lambent.toml (port = 4567).
"""
_SUMMARIES = {
    "dev": "run a server on your own machine; any credentials will do",
    "serve": "run a server for a team; requests must be signed",
}
_WORDS = {
    "invoke": "FUNCTION ",
    "logs": "FUNCTION ",
    "runtime": "list | install NAME... | remove NAME... ",
    "queue": "list | show ID | retry ID | purge ID ",
    "invocations": "[ID] ",
    "clock": "show | advance DURATION ",
}
_DEFAULT_ACCOUNT = "000000000000"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Understand a command line (`sys.argv` by default); settings arrive as text under their names.

    Raises:
        SystemExit: help or version was asked for, or a line says what is wrong (status 2).
    """
    root, commands = _parsers()
    options, unknown = root.parse_known_args(arguments)
    if unknown:
        chosen = commands[options.command]
        flags = [flag for flag in chosen._option_string_actions if flag.startswith("--")]  # noqa: SLF001
        near = difflib.get_close_matches(unknown[0].partition("=")[0], flags, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; see {chosen.prog} --help"
        chosen.exit(2, f"lambent: {unknown[0]}: no such option{hint}\n")
    if options.command == "runtime" and bool(options.names) == (options.action == "list"):
        wrong = "list takes no names" if options.names else f"{options.action} needs a name"
        commands["runtime"].error(f"{wrong}, such as nodejs22.x" if not options.names else wrong)
    if options.command == "clock" and bool(options.duration) != (options.action == "advance"):
        wrong = "show takes no duration" if options.duration else "advance needs a duration, such as 2m"
        commands["clock"].error(wrong)
    if options.command == "queue":
        _check_queue(options, commands["queue"])
    return options


def _check_queue(options: argparse.Namespace, command: argparse.ArgumentParser) -> None:
    """`retry` and `purge` say what they mean; nothing is taken out by leaving a word out."""
    which = (options.request_id, options.function, options.all or None)
    given = sum(one is not None for one in which)
    if options.action == "list" and (options.request_id or options.all):
        command.error("list takes no request id, and shows all but with --function")
    if options.action == "show" and (options.request_id is None or given > 1):
        command.error("show needs a request id, and nothing else")
    if options.action in {"retry", "purge"} and given != 1:
        command.error(f"{options.action} needs a request id, --function or --all")


def _parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    root = _Parser(prog="lambent", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=_Plain)
    root.add_argument("--version", action="version", version=f"lambent {VERSION}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for posture in POSTURES:
        command = _command(commands, posture, _SUMMARIES[posture])
        for group in dict.fromkeys(row.group for row in table(posture)):
            _add_settings(command.add_argument_group(group.lower()), [r for r in table(posture) if r.group == group])
    _add_invoke(_command(commands, "invoke", "send one event to a function and show its answer"))
    _add_logs(_command(commands, "logs", "show what a function has logged"))
    _add_runtime(_command(commands, "runtime", "list the runtimes of this machine, and get more"))
    _add_queue(_command(commands, "queue", "show or change what waits to be invoked asynchronously"))
    _add_invocations(_command(commands, "invocations", "show what became of asynchronous invocations"))
    _add_clock(_command(commands, "clock", "move the clock of retries and idle environments ahead, or show it"))
    doctor = _command(commands, "doctor", "show what this machine can enforce, and what it can't")
    doctor.add_argument("--json", action="store_true", help="for programs")
    _add_settings(doctor, _named("host", "port", "data_directory", "sandbox", "runtimes_directory", "node_sdk"))
    return root, commands.choices


class _Parser(argparse.ArgumentParser):
    """One line for a wrong option, without the whole usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lambent: {message}; see {self.prog} --help\n")


class _Listed(argparse.Action):
    """An option whose values add up, whether they are separated by commas or the option is there several times."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  # argparse's signature
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,  # noqa: ARG002  # as above
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Help in two columns that leave room for our longer options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34)


def _command(commands: "argparse._SubParsersAction[_Parser]", name: str, summary: str) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        formatter_class=_Plain,
        allow_abbrev=False,
        usage=f"lambent {name} {_WORDS.get(name, '')}[options]",
    )
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML; default: lambent.toml if there")
    return command


def _add_invoke(command: argparse.ArgumentParser) -> None:
    command.add_argument("function", metavar="FUNCTION", help="name or ARN")
    command.add_argument("--payload", default="{}", metavar="JSON", help="the event: text, @FILE or - (standard input)")
    command.add_argument("--qualifier", default="", metavar="VERSION", help="a version or an alias")
    command.add_argument("--tenant-id", default="", metavar="ID", help="of a function with tenants: whose event it is")
    command.add_argument("--tail", action="store_true", help="show the end of the log too")
    _add_server(command)
    command.add_argument("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION, or the setting")


def _add_logs(command: argparse.ArgumentParser) -> None:
    command.add_argument("function", metavar="FUNCTION", help="name, or a log group, which begins with /")
    command.add_argument("--follow", "-f", action="store_true", help="go on with what is logged from now on")
    command.add_argument("--since", metavar="WHEN", help="an age such as 90s, 10m, 2h, 7d, or a time in ISO 8601")
    command.add_argument("--account", default=_DEFAULT_ACCOUNT, metavar="DIGITS", help=f"default: {_DEFAULT_ACCOUNT}")
    command.add_argument("--region", help="default: AWS_REGION, AWS_DEFAULT_REGION, or the setting")
    _add_settings(command, _named("data_directory"))


def _add_runtime(command: argparse.ArgumentParser) -> None:
    names = "a runtime such as nodejs22.x, aws-sdk-js, or a package of it such as @aws-sdk/client-textract"
    command.add_argument("action", choices=("list", "install", "remove"), metavar="ACTION", help="what to do")
    command.add_argument("names", nargs="*", metavar="NAME", help=names)
    command.add_argument("--json", action="store_true", help="for programs")
    _add_settings(command, _named("runtimes_directory", "node_sdk"))


def _add_queue(command: argparse.ArgumentParser) -> None:
    actions = ("list", "show", "retry", "purge")
    command.add_argument("action", choices=actions, metavar="ACTION", help="what to do: " + ", ".join(actions))
    command.add_argument("request_id", nargs="?", metavar="ID", help="the request id of one event")
    command.add_argument("--all", action="store_true", help="retry or purge whatever waits")
    _add_events_of(command)


def _add_invocations(command: argparse.ArgumentParser) -> None:
    command.add_argument("request_id", nargs="?", metavar="ID", help="the request id of one event")
    command.add_argument("--failed", action="store_true", help="only those that didn't succeed")
    _add_events_of(command)


def _add_events_of(command: argparse.ArgumentParser) -> None:
    command.add_argument("--function", metavar="NAME", help="only those of one function")
    command.add_argument("--limit", metavar="NUMBER", help="how many to show at most; default: 100")
    command.add_argument("--json", action="store_true", help="for programs")
    _add_server(command)
    _add_settings(command, _named("data_directory"))


def _add_clock(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("show", "advance"), metavar="ACTION", help="what to do")
    command.add_argument("duration", nargs="?", metavar="DURATION", help="such as 90s, 2m or 1h; at most 12h")
    _add_server(command)
    _add_settings(command, _named("data_directory"))


def _add_server(command: argparse.ArgumentParser) -> None:
    """Which server a command is for; the settings of that name say it, too."""
    command.add_argument(
        "--endpoint-url", metavar="URL", help="the server; default: AWS_ENDPOINT_URL, or this machine's"
    )
    for row in _named("host", "port"):
        text = f"of the server, instead of --endpoint-url; default: {row.default}"
        command.add_argument(*row.flags, dest=row.name, metavar=row.name.upper(), help=text)


def _named(*names: str) -> list[Setting]:
    return [row for row in table() if row.name in names]


def _add_settings(target: argparse._ActionsContainer, rows: list[Setting]) -> None:
    for row in rows:
        text = f"{row.help} Default: {row.default}.".replace("%", "%%")
        if row.is_switch:
            target.add_argument(*row.flags, dest=row.name, nargs="?", const="true", metavar="BOOL", help=row.help)
        elif row.is_list:
            target.add_argument(*row.flags, dest=row.name, action=_Listed, metavar="LIST", help=text)
        else:
            target.add_argument(*row.flags, dest=row.name, metavar=row.name.rpartition("_")[2].upper(), help=text)
