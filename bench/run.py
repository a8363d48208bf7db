"""What every scenario is given."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench import load
from bench.deployment import Functions
from bench.load import Target
from bench.processes import Lambent
from lambent.commands.signature import Credentials

_YARDSTICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured.

    Attributes:
        seconds: of load for each number of clients and round.
        rounds: of which the best one counts.
        samples: of cold starts and the like.
        python: the runtime identifier of Python functions.
        node: that of JavaScript functions.
        functions: how many are many.
    """

    seconds: float
    rounds: int
    samples: int
    python: str
    node: str
    functions: int


@dataclass(slots=True)
class Yardstick:
    """The raw hello's median at one client, around the measurement that it belongs to."""

    p50_ms: float = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A server that is measured, its functions, and the raw hello beside it."""

    lambent: Lambent
    functions: Functions
    hello_port: int
    options: Options

    def yardstick(self) -> contextlib.AbstractContextManager[Yardstick]:
        """Measure the raw hello before and after the block; the figure is there when it has ended."""
        return yardstick(self.hello_port)


@contextlib.contextmanager
def yardstick(hello_port: int) -> Iterator[Yardstick]:
    """As `Run.yardstick`, for a server that isn't the run's."""
    measured = Yardstick()
    before = hello_p50_ms(hello_port)
    yield measured
    measured.p50_ms = (before + hello_p50_ms(hello_port)) / 2


def hello_p50_ms(port: int) -> float:
    """The raw hello's median at one client, measured now."""
    target = Target(port, Credentials("AKID", "secret"))
    request = load.signed_invoke(target, "hello", b'{"number": "00000000"}')
    return load.run(port, [request], clients=1, seconds=_YARDSTICK_SECONDS).percentile_ms(50)
