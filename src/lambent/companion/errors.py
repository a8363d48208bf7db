"""What can go wrong on the way to another service."""


class CompanionUnavailable(Exception):
    """The companion could not be started, or ended while it was asked; the message says why."""


class ForwardingFailed(Exception):
    """An endpoint could not be reached, or its answer not be read; the message says which and why.

    Attributes:
        timed_out: it took too long.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Abandoned(Exception):
    """Nobody waited for an answer any more, and the connection to the server that was asked was closed."""
