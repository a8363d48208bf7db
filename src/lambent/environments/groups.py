"""What the fleet knows of the environments of one function version: which there are, who waits, what is being started.

Only data; `fleet` decides and does.
"""

import collections
from collections.abc import Callable
from dataclasses import dataclass, field

from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation
from lambent.core.provisioned import Provision
from lambent.environments.environment import ExecutionEnvironment
from lambent.environments.host_memory import MemoryRequest

OnRefused = Callable[[Exception], None]
OnEnded = Callable[[], None]


@dataclass(slots=True)
class Pending:
    """An invocation that waits for an environment."""

    invocation: Invocation
    on_refused: OnRefused
    on_ended: OnEnded


@dataclass(slots=True, eq=False)
class Group:
    """The environments of one version of a function in one revision, for one tenant if it has tenants.

    Attributes:
        tenant_id: empty for functions without tenant isolation.
        idle: the one used last is the last.
        starting: environments that aren't members yet; never fewer than there are pending invocations.
        requests: those of the starting ones that wait for memory, in their order (a dict for its order).
        provision: what is asked for of environments that are initialised ahead.
        provisioned: those of the members, but for those that are leaving.
        ready: the idle ones of them; they aren't in `idle`.
    """

    target: FunctionTarget
    tenant_id: str
    members: int = 0
    idle: list["Member"] = field(default_factory=list)
    pending: collections.deque[Pending] = field(default_factory=collections.deque)
    starting: int = 0
    requests: dict[MemoryRequest, None] = field(default_factory=dict)
    retired: bool = False
    provision: Provision = field(default_factory=Provision)
    provisioned: set["Member"] = field(default_factory=set)
    ready: list["Member"] = field(default_factory=list)

    @property
    def initialised(self) -> int:
        """How many of the provisioned ones have been."""
        return sum(member.initialised for member in self.provisioned)


@dataclass(slots=True, eq=False)
class Member:
    """An environment and what its keeping is decided by (greedy-dual: frequency x cost / size).

    Attributes:
        on_ended: of the invocation that it has.
        cost_seconds: from its start to the end of its first invocation: what losing it would cost the next caller.
        leaving: it was told to end, or has.
        provisioned: it was started ahead of every invocation.
        initialised: of a provisioned one, whether its Init has succeeded.
    """

    environment: ExecutionEnvironment
    group: Group
    started: float
    on_ended: OnEnded | None = None
    cost_seconds: float = 0.0
    uses: int = 0
    priority: float = 0.0
    idle_since: float = 0.0
    leaving: bool = False
    provisioned: bool = False
    initialised: bool = False
