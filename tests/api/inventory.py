"""One of everything in an account and region, and everything that reading operations say of it.

What is made is a list of steps; a step whose operation Lambent doesn't have is left out. What is looked at comes from
the API model: every Get and List operation that can be asked with the names that are known here.
"""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lambent.gateway.operations.table import OPERATIONS
from tests.api.calls import ROLE, package
from tests.api.constraint_oracle import input_of, model, shape
from tests.api.raw_requests import Connection
from tests.golden import Answer
from tests.lambent_server import REGION

FUNCTION = "my-function"
ALIAS = "live"
LAYER = "my-layer"
QUEUE = "my-queue"
_IN_TRANSITION = ('"Pending"', '"InProgress"', '"IN_PROGRESS"', '"Creating"', '"Updating"', '"Enabling"', '"Deleting"')
_SECONDS = 30


class Reading(NamedTuple):
    """A request that changes nothing."""

    operation: str
    request: tuple[tuple[str, Any], ...]


class Inventory:
    """What there is in one account and region.

    Attributes:
        names: member of requests to the values that name something here.
    """

    def __init__(self, url: str, *, account: str, region: str = REGION) -> None:
        self.arn = f"arn:aws:lambda:{region}:{account}"
        self.connection = Connection(url, account=account, region=region)
        function = f"{self.arn}:function:{FUNCTION}"
        self.names: dict[str, list[Any]] = {
            "FunctionName": [FUNCTION],
            "Qualifier": ["1", ALIAS],
            "Name": [ALIAS],
            "LayerName": [LAYER],
            "VersionNumber": [1],
            "Arn": [f"{self.arn}:layer:{LAYER}:1"],
            "Resource": [function],
            "ResourceArn": [function],
        }

    def fill(self) -> None:
        """Make one of everything, and wait until nothing changes any more."""
        for operation, request in self._steps():
            self.make(operation, request)
        mapping = self._made("CreateEventSourceMapping", self._mapping())
        if mapping:
            self.names["UUID"] = [mapping["UUID"]]
            self.names["Resource"].append(mapping["EventSourceMappingArn"])
        signing = self._made(
            "CreateCodeSigningConfig", {"AllowedPublishers": {"SigningProfileVersionArns": [_PROFILE]}}
        )
        if signing:
            arn = signing["CodeSigningConfig"]["CodeSigningConfigArn"]
            self.names["CodeSigningConfigArn"] = [arn]
            self.names["Resource"].append(arn)
            self.make("PutFunctionCodeSigningConfig", {"FunctionName": FUNCTION, "CodeSigningConfigArn": arn})
        self.settle()

    def empty(self) -> None:
        """Delete what `fill` made, and is there still."""
        for uuid in self.names.get("UUID", ()):
            self._delete("DeleteEventSourceMapping", {"UUID": uuid})
        self._delete("DeleteFunctionCodeSigningConfig", {"FunctionName": FUNCTION})
        for arn in self.names.get("CodeSigningConfigArn", ()):
            self._delete("DeleteCodeSigningConfig", {"CodeSigningConfigArn": arn})
        self._delete("DeleteLayerVersion", {"LayerName": LAYER, "VersionNumber": 1})
        self._delete("DeleteFunction", {"FunctionName": FUNCTION})
        self.connection.close()

    def make(self, operation: str, request: Mapping[str, Any]) -> Answer | None:
        """Carry out a step; None if Lambent doesn't have the operation."""
        if operation not in OPERATIONS:
            return None
        answer = self.connection.call(operation, dict(request))
        if answer.status == 501:  # an operation that is there to say clearly that it isn't
            return None
        assert answer.status < 300, f"{operation}: {answer}"
        return answer

    def look(self) -> dict[Reading, Any]:
        """What every reading operation answers, but for links, which are new each time."""
        return {
            reading: _steady(self.connection.call(reading.operation, dict(reading.request)))
            for reading in self.readings()
        }

    def readings(self) -> Iterator[Reading]:
        """Every request of a Get or List operation that the names here allow."""
        for operation in OPERATIONS:
            if not operation.startswith(("Get", "List")) or "input" not in model()["operations"][operation]:
                continue
            definition = shape(input_of(operation))
            required = definition.get("required", [])
            if not all(member in self.names for member in required):
                continue
            members = [*required, *(["Qualifier"] if "Qualifier" in set(definition["members"]) - set(required) else [])]
            values = [self.names[member] if member in required else [None, *self.names[member]] for member in members]
            for combination in itertools.product(*values):
                named = zip(members, combination, strict=True)
                yield Reading(operation, tuple((member, value) for member, value in named if value is not None))

    def settle(self) -> None:
        """Wait until nothing is Pending, in progress or being made."""
        deadline = time.monotonic() + _SECONDS
        while any(word in json.dumps(list(self.look().values())) for word in _IN_TRANSITION):
            assert time.monotonic() < deadline, f"not settled: {self.look()}"
            time.sleep(0.05)

    def _delete(self, operation: str, request: Mapping[str, Any]) -> None:
        if operation in OPERATIONS:
            answer = self.connection.call(operation, request)
            assert answer.status in {200, 202, 204, 404}, f"{operation}: {answer}"

    def _made(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.make(operation, request)
        made: dict[str, Any] = {} if answer is None else json.loads(answer.body)
        return made

    def _mapping(self) -> dict[str, Any]:
        """A source whose being there nobody can check from here."""
        return {
            "FunctionName": FUNCTION,
            "Enabled": False,
            "StartingPosition": "TRIM_HORIZON",
            "Topics": ["my-topic"],
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["localhost:9092"]}},
            "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}],
        }

    def _steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        function = {"FunctionName": FUNCTION}
        code = {"Runtime": "python3.13", "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": package()}}
        environment = {"Environment": {"Variables": {"SECRET": "value"}}}
        yield "CreateFunction", {**function, **code, **environment, "Tags": {"key": "value"}}
        self.settle()
        yield "PublishVersion", function
        yield "CreateAlias", {**function, "Name": ALIAS, "FunctionVersion": "1"}
        permission = {"StatementId": "s1", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        yield "AddPermission", {**function, **permission}
        yield "AddPermission", {**function, **permission, "Qualifier": ALIAS}
        yield "PutFunctionConcurrency", {**function, "ReservedConcurrentExecutions": 5}
        yield "PutFunctionEventInvokeConfig", {**function, "MaximumRetryAttempts": 1}
        yield "PutFunctionEventInvokeConfig", {**function, "Qualifier": ALIAS, "MaximumRetryAttempts": 0}
        yield "CreateFunctionUrlConfig", {**function, "AuthType": "NONE"}
        yield "CreateFunctionUrlConfig", {**function, "Qualifier": ALIAS, "AuthType": "AWS_IAM"}
        yield "PutProvisionedConcurrencyConfig", {**function, "Qualifier": ALIAS, "ProvisionedConcurrentExecutions": 1}
        yield "PutRuntimeManagementConfig", {**function, "UpdateRuntimeOn": "FunctionUpdate"}
        yield "PutFunctionRecursionConfig", {**function, "RecursiveLoop": "Allow"}
        yield "PublishLayerVersion", {"LayerName": LAYER, "Content": {"ZipFile": package()}}
        of_layer = {"LayerName": LAYER, "VersionNumber": 1, "StatementId": "s1", "Principal": "123456789012"}
        yield "AddLayerVersionPermission", {**of_layer, "Action": "lambda:GetLayerVersion"}


_PROFILE = f"arn:aws:signer:{REGION}:000000000000:/signing-profiles/my_profile"


def _steady(answer: Answer) -> tuple[int, Any]:
    body = json.loads(answer.body) if answer.body else None
    for name in ("Code", "Content"):
        if isinstance(body, dict) and name in body:
            body[name].pop("Location", None)
    return answer.status, body
