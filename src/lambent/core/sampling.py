"""Which invocations of a function with active tracing are sampled: one a second, and of the others one in twenty.

Source: developer guide, "Visualize Lambda function invocations using AWS X-Ray": "1 request per second and 5 percent of
additional requests".
"""

from lambent.core.scope import Scope

_RATE = 0.05
_MOST_FUNCTIONS = 10_000


class Sampler:
    """Decides where nobody upstream has."""

    def __init__(self) -> None:
        self._last: dict[tuple[Scope, str], int] = {}  # the second in which each function's was taken

    def sample(self, scope: Scope, function_name: str, *, now_ms: int, draw: float) -> bool:
        """Whether to sample an invocation. `draw` is a random number, at least 0.0 and below 1.0."""
        second = now_ms // 1_000
        if self._last.get((scope, function_name)) != second:
            if len(self._last) >= _MOST_FUNCTIONS:
                self._last.clear()
            self._last[scope, function_name] = second
            return True
        return draw < _RATE
