"""Functions of a column on a server, and what their invocations come to."""

import base64
import json
from typing import Any, NamedTuple

from tests.lambent_server import ROLE, wait_until_active
from tests.scenarios.columns import Column


class Outcome(NamedTuple):
    """What came of one invocation.

    Attributes:
        payload: as received.
        log: its tail, the last 4 KB.
    """

    payload: bytes
    failed: bool
    request_id: str
    log: str

    @property
    def result(self) -> Any:
        """What the function returned, which must not be an error."""
        assert not self.failed, self.payload[:2000]
        return json.loads(self.payload)

    @property
    def error(self) -> Any:
        assert self.failed, self.payload[:2000]
        return json.loads(self.payload)

    @property
    def output(self) -> list[str]:
        """The lines between START and END."""
        return self.log.partition(" Version: $LATEST\n")[2].rpartition("END RequestId: ")[0].splitlines()


class Function:
    """One function; calling it invokes it."""

    def __init__(self, client: Any, column: Column, name: str) -> None:
        self.client = client
        self.column = column
        self.name = name

    def __call__(self, do: str, **event: Any) -> Outcome:
        """Ask the function to do something: see `functions/`, where each runtime can do the same."""
        return self.invoke(json.dumps({"do": do, **event}, separators=(",", ":")).encode())

    def invoke(self, payload: bytes, **options: Any) -> Outcome:
        answer = self.client.invoke(FunctionName=self.name, Payload=payload, LogType="Tail", **options)
        assert answer["StatusCode"] == 200, answer
        assert answer["ExecutedVersion"] == "$LATEST"
        failed = answer.get("FunctionError")
        assert failed in {None, "Unhandled"}
        return Outcome(
            answer["Payload"].read(),
            failed is not None,
            answer["ResponseMetadata"]["RequestId"],
            base64.b64decode(answer["LogResult"]).decode(),
        )


def deploy(client: Any, column: Column, name: str, package: bytes, **settings: Any) -> Function:
    """Create a function and wait until it is Active.

    Args:
        settings: of CreateFunction; Environment is given as its variables, which are added to the column's.
    """
    variables = {**column.environment, **settings.pop("Environment", {})}
    given = {"Runtime": column.runtime, "Handler": column.handler, "Role": ROLE, "Timeout": 20, "MemorySize": 192}
    given |= {"Environment": {"Variables": variables}, **settings}
    client.create_function(FunctionName=name, Code={"ZipFile": package}, **given)
    wait_until_active(client, name)
    return Function(client, column, name)
