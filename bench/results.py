"""All figures of one run."""

from dataclasses import dataclass

from bench.scenarios import Burst, Cold, Memory, Warm


@dataclass(frozen=True, slots=True)
class Results:
    """What `make bench` has measured, on what."""

    version: str
    machine: str
    runtime: str
    first_answer_seconds: float
    hello_first_answer_seconds: float
    memory: Memory
    warm: tuple[Warm, ...]
    cold: Cold
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
    def start_ratio(self) -> float:
        """How many times the raw hello's time Lambent takes from start to first answer."""
        return self.first_answer_seconds / self.hello_first_answer_seconds
