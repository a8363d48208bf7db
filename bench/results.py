"""All figures of one run."""

from dataclasses import dataclass

from bench.scenarios import Burst, Cold, Memory, Start, Warm


@dataclass(frozen=True, slots=True)
class Results:
    """What `make bench` has measured, on what."""

    version: str
    machine: str
    runtime: str
    start: Start
    hello_start_seconds: float
    memory: Memory
    warm: tuple[Warm, ...]
    cold_new: Cold
    cold_again: Cold
    bursts: tuple[Burst, ...]

    def warm_at(self, clients: int) -> Warm:
        """The warm figures of a number of clients.

        Raises:
            KeyError: it wasn't measured.
        """
        for warm in self.warm:
            if warm.clients == clients:
                return warm
        raise KeyError(clients)

    @property
    def best_warm(self) -> Warm:
        """The warm figures with the highest rate."""
        return max(self.warm, key=lambda warm: warm.rate)

    @property
    def cold_p50_ms(self) -> float:
        """The slower one of the two kinds of cold start."""
        return max(self.cold_new.p50_ms, self.cold_again.p50_ms)

    @property
    def start_ratio(self) -> float:
        """How many times the raw hello's time Lambent takes from start to a function's first answer."""
        return self.start.first_answer_seconds / self.hello_start_seconds
