"""The one table of settings.

Each field of `Settings` is one setting; from its name, type, default, unit and help come the flag (`--log-level`), the
variable (`LAMBENT_LOG_LEVEL`), the key in the TOML file (`log_level`), `--help` and `docs/reference/settings.md`. A
flag wins over a variable, a variable over the file, the file over the default. They are read once, at start, into one
immutable value; only the composition root sees it, the parts get what they need through their constructors.

Whatever can't be understood is refused with one line that names where it was written: `SettingsError`.
"""

import dataclasses
import difflib
import ipaddress
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from lambent.setting_kinds import (
    Kind,
    Parser,
    WatchedFolder,
    address,
    choice,
    folder,
    folders,
    host_names,
    networks,
    number,
    origins,
    python_sdk,
    region,
    size,
    switch,
    watched_folders,
    whole_number,
)
from lambent.setting_kinds import host as host_kind

T = TypeVar("T")

Posture = Literal["dev", "serve"]

POSTURES: tuple[Posture, ...] = ("dev", "serve")
CONFIG_VARIABLE = "LAMBENT_CONFIG"
CONFIG_FILE = Path("lambent.toml")
_PREFIX = "LAMBENT_"


class SettingsError(Exception):
    """A setting is wrong; the message is one line that names it, where it was written, and what would be right."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        name: the field of `Settings`, the TOML key, and with other punctuation the flag and the variable.
        group: the heading it stands under.
        help: one sentence.
        expects: what a value looks like, to finish the sentence "expected …".
        default: in words, as the documentation shows it.
        parse: from text to value; raises ValueError.
        is_switch: takes no value on the command line.
        is_list: a TOML array, on the command line separated by commas.
        postures: where it exists.
        flags: all its flags, the one that is named after it first.
    """

    name: str
    group: str
    help: str
    expects: str
    default: str
    parse: Parser
    is_switch: bool
    is_list: bool
    postures: tuple[Posture, ...]
    flags: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The environment variable."""
        return _PREFIX + self.name.upper()


def _data_directory(posture: Posture, environ: Mapping[str, str]) -> Path:
    """A user's own for `dev`, as the XDG Base Directory Specification says; the system's for `serve`."""
    if posture == "serve":
        return Path("/var/lib/lambent")
    state = environ.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else Path.home() / ".local" / "state") / "lambent"


def _runtimes_directory(_posture: Posture, environ: Mapping[str, str]) -> Path:
    """A user's own, for all servers and data directories, as the XDG Base Directory Specification says."""
    data = environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "lambent" / "runtimes"


_DEV_OVERCOMMIT = 10


def _folders(posture: Posture, _environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where people work. One who starts the server at home, or above it, didn't mean all that is there."""
    here = Path.cwd()
    return () if posture == "serve" or Path.home().is_relative_to(here) else (here,)


def _memory_capacity_mb(posture: Posture, _environ: Mapping[str, str]) -> int:
    """What the MemorySize of all environments may add up to, from what this process may use of the machine.

    `serve` promises each function its memory: 80 %. A developer's functions use a fraction of what they declare, and
    AWS's burst is to work on a laptop: ten times the machine, and the control groups see to each limit.
    """
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such controller, or "max"
            continue
    usable = min(limits) // (1 << 20)
    return usable * _DEV_OVERCOMMIT if posture == "dev" else usable * 8 // 10


def _setting(
    *,
    default: T,
    kind: Kind,
    group: str,
    description: str,
    shown: str | None = None,
    postures: tuple[Posture, ...] = POSTURES,
    flags: tuple[str, ...] = (),
) -> T:
    """A row of the table, as the default of a dataclass field."""
    row = {"kind": kind, "group": group, "help": description, "shown": shown, "postures": postures, "flags": flags}
    return dataclasses.field(default=default, metadata=row)


def _derived(
    *,
    derive: Callable[[Posture, Mapping[str, str]], T],
    kind: Kind,
    group: str,
    description: str,
    shown: str,
    postures: tuple[Posture, ...] = POSTURES,
    flags: tuple[str, ...] = (),
) -> T:
    """A row whose default depends on the posture, the environment or the machine."""
    row = {"kind": kind, "group": group, "help": description, "shown": shown, "postures": postures, "flags": flags}
    return dataclasses.field(default_factory=lambda: derive("dev", os.environ), metadata=row | {"derive": derive})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, parsed and checked. Lists are tuples, paths absolute, sizes bytes."""

    host: str = _setting(
        default="127.0.0.1",
        kind=host_kind(),
        group="Address",
        description="Where to listen.",
    )
    port: int = _setting(
        default=4566,
        kind=whole_number(0, 65_535),
        group="Address",
        description="The port to listen on; 0 takes a free one. The tools people have look for LocalStack's, 4566.",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        default=(),
        kind=host_names(),
        group="Address",
        description="Further names by which requests may address this server, besides localhost and *.localhost.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        default=(),
        kind=origins(),
        group="Address",
        description="Web origins whose pages may call this server from a browser.",
    )
    url_domain: str = _setting(
        default="",
        kind=address(),
        group="Address",
        description="Below which domain function URLs are, besides localhost, and by which scheme: what stands before "
        "this server answers for https.",
        shown="none: as a request reached this server, below localhost",
    )
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = _setting(
        default=(),
        kind=networks(),
        group="Address",
        description="Proxies whose X-Forwarded-For tells functions behind URLs the address of their caller.",
        shown="none: the caller is who connects to this server",
    )
    insecure: bool = _setting(
        default=False,
        kind=switch(),
        group="Address",
        description="Listen beyond loopback although any credentials will do: whoever reaches the port can run code.",
        postures=("dev",),
    )
    block_public_policies: bool = _setting(
        default=False,
        kind=switch(),
        group="Access",
        description="Refuse policies that would let everybody use a function: no condition says where they come from.",
    )
    data_directory: Path = _derived(  # noqa: RUF009  # a field with a factory
        derive=_data_directory,
        kind=folder(),
        group="State",
        description="Functions, code, queued events and logs. One server at a time; made when it isn't there.",
        shown="dev: $XDG_STATE_HOME/lambent or ~/.local/state/lambent; serve: /var/lib/lambent",
        flags=("--data-dir",),
    )
    runtimes_directory: Path = _derived(  # noqa: RUF009  # a field with a factory
        derive=_runtimes_directory,
        kind=folder(),
        group="State",
        description="Where `lambent runtime install` puts runtimes, and where servers find them besides the machine's.",
        shown="$XDG_DATA_HOME/lambent/runtimes or ~/.local/share/lambent/runtimes",
        flags=("--runtimes-dir",),
    )
    default_region: str = _setting(
        default="us-east-1",
        kind=region(),
        group="State",
        description="The region of the example, of the commands, and of code in S3; requests name their own.",
    )
    companion: Literal["auto", "off"] = _setting(
        default="auto",
        kind=choice("auto", "off"),
        group="The rest of AWS",
        description="Whether S3, SQS, SNS, DynamoDB and the others are behind this port, too: a moto server, started "
        "by the first request for one of them, which keeps what it is given in memory only.",
        postures=("dev",),
    )
    concurrency_limit: int = _setting(
        default=1000,
        kind=whole_number(100, 1_000_000),
        group="Execution environments",
        description="Concurrent invocations of an account in a region.",
    )
    memory_capacity_mb: int = _derived(  # a field with a factory
        derive=_memory_capacity_mb,
        kind=whole_number(128),
        group="Execution environments",
        description="What the MemorySize of all execution environments may add up to; beyond it, idle ones make room.",
        shown="dev: ten times the machine's memory; serve: 80 % of it",
    )
    idle_timeout_seconds: float = _setting(
        default=600,
        kind=number(0),
        group="Execution environments",
        description="How long an execution environment without invocations is kept.",
    )
    freeze_after_ms: int = _setting(
        default=100,
        kind=whole_number(0),
        group="Execution environments",
        description="How long an execution environment without invocations runs before its processes are frozen.",
    )
    stream_bytes_per_second: int = _setting(
        default=2_097_152,
        kind=whole_number(0),
        group="Execution environments",
        description="How fast a streamed response may be beyond its first 6 MiB; 0 for as fast as it can be.",
    )
    sandbox: Literal["auto", "namespaces", "process"] = _setting(
        default="auto",
        kind=choice("auto", "namespaces", "process"),
        group="Execution environments",
        description="How functions are kept apart: by namespaces, or as plain processes that share the user's files. "
        "Auto takes namespaces where this user can have them; only dev falls back to processes.",
    )
    blank_pool_size: int = _setting(
        default=4,
        kind=whole_number(0, 1000),
        group="Execution environments",
        description="Unused sandboxes kept ready for the next cold start, for each runtime in use.",
    )
    python_sdk: str = _setting(
        default="bundled",
        kind=python_sdk(),
        group="Execution environments",
        description="The boto3 that Python functions can import without bringing it: the one that came with Lambent, "
        "none, or another version, which is installed with pip when it is first needed.",
    )
    node_sdk: str = _setting(
        default="installed",
        kind=choice("installed", "none"),
        group="Execution environments",
        description="The AWS SDK for JavaScript that Node.js functions can import without bringing it: the one that "
        "`lambent runtime install` has installed, or none.",
    )
    watch: tuple[WatchedFolder, ...] = _setting(
        default=(),
        kind=watched_folders(),
        group="Hot reload",
        description="Folders that are functions: what is saved there is what the next invocation runs. Each is a "
        "function of the folder's name, or of the name in NAME=FOLDER.",
        postures=("dev",),
    )
    folders: tuple[Path, ...] = _derived(  # a field with a factory
        derive=_folders,
        kind=folders(),
        group="Hot reload",
        description="Where the folders may be that functions are created from, with the bucket hot-reload.",
        shown="the folder that it is started in, unless that is the home directory or above it",
        postures=("dev",),
    )
    event_concurrency: int = _setting(
        default=1_000,
        kind=whole_number(1, 100_000),
        group="Asynchronous invocations",
        description="How many asynchronous invocations of one function run at the same time, where its own concurrency "
        "allows for more; the others wait in its queue.",
    )
    event_history_hours: float = _setting(
        default=24,
        kind=number(0),
        group="Asynchronous invocations",
        description="How long is known what became of an asynchronous invocation that is over.",
    )
    event_history_events: int = _setting(
        default=100_000,
        kind=whole_number(0),
        group="Asynchronous invocations",
        description="Of how many asynchronous invocations that are over this is known; the oldest are forgotten first.",
    )
    log_retention_days: float = _setting(
        default=7,
        kind=number(0),
        group="Logs",
        description="How long the logs of functions are kept.",
    )
    log_retention_bytes: int = _setting(
        default=2 << 30,
        kind=size(),
        group="Logs",
        description="How large the logs of functions may grow together before the oldest of the largest go.",
        shown="2GiB",
    )
    log_level: str = _setting(
        default="info",
        kind=choice("debug", "info", "warning", "error"),
        group="Logs",
        description="What the server's own log, on standard error, tells.",
    )
    example: bool = _setting(
        default=False,
        kind=switch(),
        group="First steps",
        description="Deploy an example function at the start, invoke it cold and warm, and say what to try next.",
        postures=("dev",),
    )


def table(posture: Posture | None = None) -> tuple[Setting, ...]:
    """The settings, of one posture or all, in the order of the documentation."""
    return tuple(row for row in _rows() if posture is None or posture in row.postures)


def load(
    posture: Posture,
    *,
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    config: Path | None = None,
) -> Settings:
    """Read the settings from all their places.

    Args:
        posture: which settings exist, and some defaults.
        flags: text by setting name, for those that were on the command line.
        environ: the environment; whatever begins with LAMBENT_ must be a setting.
        config: the TOML file; without it, LAMBENT_CONFIG or ./lambent.toml if that is there.

    Raises:
        SettingsError: one line about the first thing that is wrong.
    """
    by_name = {row.name: row for row in _rows()}
    values: dict[str, object] = {}
    for name, origin, text in _everything(by_name, flags, environ, config):
        values[name] = _parse(by_name[name], posture, origin, text)
    for field in dataclasses.fields(Settings):
        if "derive" in field.metadata and field.name not in values:
            values[field.name] = field.metadata["derive"](posture, environ)
    return Settings(**values)  # type: ignore[arg-type]  # each was parsed by its own row


def check_server(settings: Settings, posture: Posture) -> None:
    """Refuse what a server mustn't be started with, though each setting is right by itself.

    Raises:
        SettingsError: one line about the first such combination.
    """
    if posture == "dev" and not settings.insecure and not is_loopback(settings.host):
        raise SettingsError(
            f"--host: others can reach {settings.host}, and lambent dev takes any credentials; "
            "add --insecure if that is meant, or use lambent serve"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _rows() -> Iterator[Setting]:
    for field in dataclasses.fields(Settings):
        row = field.metadata
        kind: Kind = row["kind"]
        yield Setting(
            name=field.name,
            group=row["group"],
            help=row["help"],
            expects=kind.expects,
            default=row["shown"] or _shown(field.default),
            parse=kind.parse,
            is_switch=kind.is_switch,
            is_list=kind.is_list,
            postures=row["postures"],
            flags=("--" + field.name.replace("_", "-"), *row["flags"]),
        )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "none" if default == () else str(default)


def _everything(
    by_name: Mapping[str, Setting], flags: Mapping[str, str], environ: Mapping[str, str], config: Path | None
) -> Iterator[tuple[str, str, str]]:
    """All that was written anywhere, as (setting, where, text), the place that wins last."""
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    if config is not None or CONFIG_FILE.is_file():
        yield from _from_file(by_name, config or CONFIG_FILE)
    variables = {row.variable: name for name, row in by_name.items()}
    for variable, text in sorted(environ.items()):
        if variable.startswith(_PREFIX) and variable != CONFIG_VARIABLE:
            if variable not in variables:
                raise SettingsError(f"{variable}: no such setting{_near_match(variable, variables)}")
            yield variables[variable], variable, text
    for name, text in flags.items():
        yield name, by_name[name].flags[0], text


def _from_file(by_name: Mapping[str, Setting], path: Path) -> Iterator[tuple[str, str, str]]:
    import tomllib  # noqa: PLC0415  # most starts have no file, and every one is to be fast

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    for key, value in content.items():
        origin = f"{path}: {key}"
        if key not in by_name:
            raise SettingsError(f"{origin}: no such setting{_near_match(key, by_name)}")
        yield key, origin, _as_text(by_name[key], origin, value)


def _as_text(row: Setting, origin: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if row.is_list and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    raise SettingsError(f"{origin}: expected {row.expects}")


def _parse(row: Setting, posture: Posture, origin: str, text: str) -> object:
    if posture not in row.postures:
        raise SettingsError(f"{origin}: a setting of lambent {' and '.join(row.postures)} only")
    try:
        return row.parse(text)
    except ValueError:
        raise SettingsError(f"{origin}: expected {row.expects}, not {text!r}") from None


def _near_match(name: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {matches[0]}?" if matches else ""
