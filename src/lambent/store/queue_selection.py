"""Which rows of the queue's tables somebody means who looks at them, hastens them or takes them out."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, case, true

from lambent.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Selection:
    """What must be so of a row; None is whatever it may be.

    Attributes:
        account, region: of the function.
        function_name: without a qualifier.
        request_id: of the event.
    """

    account: str | None = None
    region: str | None = None
    function_name: str | None = None
    request_id: str | None = None

    def may_have_of(self, scope: Scope, function_name: str) -> bool:
        """Whether rows of this function may be meant."""
        wanted = (self.account, scope.account), (self.region, scope.region), (self.function_name, function_name)
        return all(one is None or one == other for one, other in wanted)


EVERYTHING = Selection()


def selected(table: Table, selection: Selection) -> ColumnElement[bool]:
    """The condition on one of the tables, which all have these four columns."""
    wanted = {
        "account": selection.account,
        "region": selection.region,
        "function_name": selection.function_name,
        "request_id": selection.request_id,
    }
    return and_(true(), *(table.c[name] == value for name, value in wanted.items() if value is not None))


def by_now(table: Table, now_ms: int) -> ColumnElement[int]:
    """When a row becomes due, or now if that is earlier."""
    due_ms = table.c.visible_after_ms
    return case((due_ms > now_ms, now_ms), else_=due_ms)
