"""Lambda, as the services of the companion see it: Lambent, over its public API.

moto's services ask `get_backend(account, region)` for the Lambda of an account and region; what they get is a
`LambdaOf` with the few methods that they use. One that they don't use is refused by name, so that a newer moto that
wants more is noticed.
"""

import contextlib
import functools
import importlib
import json
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lambent.companion.launcher import traces
from lambent.companion.launcher.events import logs_event
from lambent.companion.launcher.patching import replace

_CONNECT_SECONDS = 5
_READ_SECONDS = 910  # a function may run for 900
_ATTEMPTS = 3
_CLIENTS = 256

ChangeWith = Callable[["Lambent", ModuleType], None]
"""Changes a module of moto, with a way to reach Lambent."""

logger = logging.getLogger(__name__)


class Lambent:
    """Clients of the server that started this process.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = functools.lru_cache(_CLIENTS)(self._client)

    def _client(self, account: str, region: str, service: str = "lambda") -> Any:
        """A boto3 client of one account and region; threads may share it."""
        session = importlib.import_module("boto3").session.Session(account, "companion", region_name=region)
        config = importlib.import_module("botocore.config").Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            max_pool_connections=64,
            ignore_configured_endpoint_urls=True,
            parameter_validation=service == "lambda",  # Step Functions' calls are made up of what a state machine says
            s3={"addressing_style": "path"},
        )
        client = session.client(service, endpoint_url=self.url, config=config)
        client.meta.events.register("before-call.lambda.Invoke", traces.add_header)
        return client

    def invoke_event(self, arn: str, event: object, *, source: str, traced: bool = False) -> None:
        """Invoke a function asynchronously, as AWS's services do; that it can't be is logged and nobody's failure.

        Args:
            arn: of a function, version or alias; it says whose and where.
            source: who invokes, for the log.
            traced: whether the invocation belongs to the trace of the request that it comes from.
        """
        try:
            _, _, _, region, account, _ = arn.split(":", 5)
            payload = event if isinstance(event, bytes) else json.dumps(event).encode()
            with traces.delivery() if traced else contextlib.nullcontext():
                self.client(account, region).invoke(FunctionName=arn, InvocationType="Event", Payload=payload)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other service goes on, as on AWS
            logger.warning("%s could not invoke %s: %s", source, arn, error)


class LambdaOf:
    """What moto takes for its Lambda backend of an account and region."""

    def __init__(self, lambent: Lambent, account_id: str, region_name: str) -> None:
        self.account_id = account_id
        self.region_name = region_name
        self._lambent = lambent

    def get_function(self, function_name_or_arn: str, qualifier: str | None = None) -> "Function":
        """The function, if it is there; botocore's ClientError if it isn't."""
        named = {"FunctionName": function_name_or_arn} | ({"Qualifier": qualifier} if qualifier else {})
        found = self._lambent.client(self.account_id, self.region_name).get_function_configuration(**named)
        return Function(self._lambent, found["FunctionArn"])

    def get_function_by_arn(self, function_arn: str) -> "Function | None":
        """As `get_function`."""
        return self.get_function(function_arn)

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,  # noqa: ARG002 - moto's signature
        response_headers: Any,  # noqa: ARG002 - moto's signature
    ) -> bytes:
        """Invoke a function and wait for its answer: the steps of a rotation of Secrets Manager."""
        named = {"FunctionName": function_name} | ({"Qualifier": qualifier} if qualifier else {})
        answer = self._lambent.client(self.account_id, self.region_name).invoke(**named, Payload=body)
        payload: bytes = answer["Payload"].read()
        if "FunctionError" in answer:
            raise FunctionFailed(f"{function_name}: {payload.decode(errors='replace')}")
        return payload

    def send_log_event(
        self, function_arn: str, filter_name: str, log_group_name: str, log_stream_name: str, log_events: Any
    ) -> None:
        """A subscription filter of CloudWatch Logs has matched."""
        event = logs_event(self.account_id, log_group_name, log_stream_name, filter_name, log_events)
        self._lambent.invoke_event(function_arn, event, source=f"the subscription filter {filter_name}")

    def iter_tagged_resources(self) -> list[object]:
        """Functions aren't in what the Resource Groups Tagging API lists."""
        return []

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"moto asks its Lambda for {name}, which Lambent doesn't provide to it.")


class Function:
    """A function, as moto's services have it."""

    def __init__(self, lambent: Lambent, function_arn: str) -> None:
        self.function_arn = function_arn
        self._lambent = lambent

    def invoke(self, body: str, request_headers: Any, response_headers: Any) -> None:  # noqa: ARG002 - moto's signature
        """An event for the function, from who can't wait: S3, CloudFormation's custom resources."""
        self._lambent.invoke_event(self.function_arn, body.encode(), source="another service")


class FunctionFailed(Exception):
    """A function that another service needed an answer from has failed."""


def take_the_place_of_backends(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.awslambda.utils`."""
    replace(module, "get_backend", lambda _: lambda account_id, region: LambdaOf(lambent, account_id, region))


class _Backends(dict[str, "_Regions"]):
    """`lambda_backends[account][region]`, which some services look into directly."""

    def __init__(self, lambent: Lambent) -> None:
        super().__init__()
        self._lambent = lambent

    def __missing__(self, account_id: str) -> "_Regions":
        return _Regions(self._lambent, account_id)


class _Regions(dict[str, LambdaOf]):
    def __init__(self, lambent: Lambent, account_id: str) -> None:
        super().__init__()
        self._lambent = lambent
        self._account_id = account_id

    def __missing__(self, region: str) -> LambdaOf:
        return LambdaOf(self._lambent, self._account_id, region)


def take_the_place_of_models(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.awslambda.models`."""
    replace(module, "lambda_backends", lambda _: _Backends(lambent))
