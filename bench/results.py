"""All figures of one run, as values with units. What wasn't measured is missing.

`hello_p50_ms` beside a figure is the raw hello's at one client, measured right before and after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Warm:
    """Warm invocations by one number of clients, beside the raw hello's; processor time is per invocation."""

    clients: int
    rate: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    runtime_cpu_us: float
    client_cpu_us: float
    hello_rate: float
    hello_p50_ms: float

    @property
    def ratio(self) -> float:
        """The share of the raw hello's rate that is left."""
        return self.rate / self.hello_rate

    @property
    def cpu_us(self) -> float:
        """Processor time of server and runtime."""
        return self.server_cpu_us + self.runtime_cpu_us

    @property
    def added_ms(self) -> float:
        """What the median gains over the raw hello's."""
        return self.p50_ms - self.hello_p50_ms


@dataclass(frozen=True, slots=True)
class Cold:
    """Invocations that had to wait for a new environment, request to answer; and the Init Duration of REPORT."""

    samples: int
    p50_ms: float
    p95_ms: float
    init_ms: float
    hello_p50_ms: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of the server's process to its first HTTP answer, and to the first answer of a function."""

    listening_seconds: float
    first_answer_seconds: float
    hello_seconds: float

    @property
    def ratio(self) -> float:
        """How many times the raw hello's time Lambent takes from start to a function's first answer."""
        return self.first_answer_seconds / self.hello_seconds


@dataclass(frozen=True, slots=True)
class Burst:
    """Concurrent invocations of one function that had no environment."""

    concurrency: int
    per_second: float
    hello_p50_ms: float

    @property
    def each_ms(self) -> float:
        """The time that one environment takes."""
        return 1000 / self.per_second


@dataclass(frozen=True, slots=True)
class Memory:
    """What the server takes when idle (RSS), and what one more idle execution environment takes (PSS), in MiB.

    Attributes:
        environment_pss_mb: by difference, everything below the server counted.
        init_pss_mb: the average init's own.
        runtime_pss_mb: the average runtime process's own.
    """

    server_rss_mb: float
    environments: int
    environment_pss_mb: float
    init_pss_mb: float
    runtime_pss_mb: float


@dataclass(frozen=True, slots=True)
class Idle:
    """Processor time that idle environments and their server take in some seconds."""

    environments: int
    seconds: float
    server_cpu_seconds: float
    environments_cpu_seconds: float

    @property
    def cpu_seconds(self) -> float:
        """Both."""
        return self.server_cpu_seconds + self.environments_cpu_seconds


@dataclass(frozen=True, slots=True)
class Update:
    """From sending UpdateFunctionCode, or saving a file, to having the first answer of the new code."""

    samples: int
    p50_ms: float
    p95_ms: float
    hello_p50_ms: float


@dataclass(frozen=True, slots=True)
class Events:
    """Asynchronous invocations with a kilobyte each: accepted durably while nothing runs, and then run.

    Attributes:
        accept_cpu_us: processor time of the server for an accepted event, all its threads.
        syncs_per_second: writes of 4 KiB, each followed by fdatasync, of the same disk in the same minute.
        drain_rate: of a queue that has only waited, at `drain_concurrency` at a time, one transaction for each end.
    """

    clients: int
    accepted_rate: float
    p50_ms: float
    p99_ms: float
    accept_cpu_us: float
    syncs_per_second: float
    hello_rate: float
    drain_concurrency: int
    drain_rate: float
    drain_cpu_us: float


@dataclass(frozen=True, slots=True)
class Flood:
    """One function's warm p50 at one client, alone and while another function is flooded; and the raw hello's."""

    flood_clients: int
    flood_rate: float
    quiet_p50_ms: float
    flooded_p50_ms: float
    hello_quiet_p50_ms: float
    hello_flooded_p50_ms: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes during the flood."""
        return self.flooded_p50_ms / self.quiet_p50_ms


@dataclass(frozen=True, slots=True)
class UrlCost:
    """A function's URL beside Invoke of the same function, at a number of clients, taking turns.

    Attributes:
        rate_ratio: how many times as many Invoke does; the median of the turns, as the other ratios.
        p50_ratio: how many times as long the URL takes.
        server_cpu_ratio: how many times as much of the server's processor time.
    """

    clients: int
    rate: float
    invoke_rate: float
    p50_ms: float
    invoke_p50_ms: float
    rate_ratio: float
    p50_ratio: float
    server_cpu_ratio: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """From a function's write of the first byte of a stream to its read by who called the function's URL."""

    samples: int
    p50_ms: float
    p95_ms: float
    hello_p50_ms: float


@dataclass(frozen=True, slots=True)
class Pair:
    """The median of an operation, with few functions and with many."""

    few_ms: float
    many_ms: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes with many."""
        return self.many_ms / self.few_ms


@dataclass(frozen=True, slots=True)
class Flat:
    """A server with many functions beside one with one, taking turns."""

    functions: int
    created_per_second: float
    server_rss_mb: float
    start_seconds: float
    rate: float
    rate_with_one: float
    cold_p50_ms: float
    cold_p50_with_one_ms: float
    operations: Mapping[str, Pair] = field(default_factory=dict)

    @property
    def operations_ratio(self) -> float:
        """How many times as long the operation takes that suffers most from many functions."""
        return max((pair.ratio for pair in self.operations.values()), default=0)

    @property
    def rate_ratio(self) -> float:
        """The share of the rate that is left with many functions."""
        return self.rate / self.rate_with_one

    @property
    def cold_ratio(self) -> float:
        """How many times as long a cold start takes with many functions."""
        return self.cold_p50_ms / self.cold_p50_with_one_ms


@dataclass(frozen=True, slots=True)
class Isolation:
    """What environments of the measured server could do or see that they must not.

    Attributes:
        kinds: the ways in which their runtime processes began.
        processes: those that were looked at.
        attempts: what was tried from inside.
        findings: what isn't as it must be; empty if all is well.
    """

    kinds: tuple[str, ...]
    processes: int
    attempts: int
    findings: tuple[str, ...]


PYTHON, AWSLAMBDARIC, NODE, PROVIDED = "Python", "awslambdaric", "Node", "provided"
COLD_NEW, COLD_AGAIN = "Python, new function", "Python, after a change"
COLD_PROVIDED, COLD_NODE_EXEC, COLD_NODE_STEM = "provided, in C", "Node, executed", "Node, from a stem"
COLD_REQUESTS, COLD_BOTO3 = "Python, imports requests", "Python, boto3 in the package"


@dataclass(slots=True)
class Results:
    """What `make bench` has measured, on what. Sections fill it in one by one."""

    version: str
    machine: str
    runtimes: str
    warm: dict[str, tuple[Warm, ...]] = field(default_factory=dict)
    cold: dict[str, Cold] = field(default_factory=dict)
    bursts: dict[int, Burst] = field(default_factory=dict)
    memory: Memory | None = None
    idle: Idle | None = None
    update: Update | None = None
    reload: dict[str, Update] = field(default_factory=dict)
    flood: Flood | None = None
    urls: tuple[UrlCost, ...] = ()
    first_byte: Arrival | None = None
    isolation: Isolation | None = None
    start: Start | None = None
    flat: Flat | None = None
    events: Events | None = None

    def best_warm(self, client: str) -> Warm | None:
        """The warm figures with the highest rate."""
        return max(self.warm.get(client, ()), key=lambda warm: warm.rate, default=None)

    def warm_at(self, client: str, clients: int) -> Warm | None:
        """The warm figures of a number of clients."""
        return next((warm for warm in self.warm.get(client, ()) if warm.clients == clients), None)

    def url_at(self, clients: int) -> UrlCost | None:
        """The URL's figures of a number of clients."""
        return next((cost for cost in self.urls if cost.clients == clients), None)

    def cold_python(self) -> Cold | None:
        """The slower one of the two kinds of cold start."""
        kinds: Mapping[str, Cold] = self.cold
        found = [kinds[name] for name in (COLD_NEW, COLD_AGAIN) if name in kinds]
        return max(found, key=lambda cold: cold.p50_ms, default=None)
