"""The context object: the second argument of every handler.

Attribute names, their order in ``vars(context)``, types (the memory limit is a string) and the text of
``repr`` are AWS's. Source: developer guide, "Python context"; observed (awslambdaric 4.2.2).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time

from lambent_runtime import errors

# What of a client context's "w3c" object may be read through `LambdaContext.w3c`.
_W3C_FIELDS = ("traceparent", "tracestate", "baggage")


def parse_json(text: str, name: str) -> dict[str, object] | None:
    """The object in one of the two JSON texts that accompany an event, None if there is none.

    Raises:
        RuntimeFault: the text is not JSON.
    """
    if not text:
        return None
    try:
        value: dict[str, object] = json.loads(text)
    except Exception as error:
        message = "Unable to parse %s JSON: %s" % (name, error)
        raise errors.RuntimeFault(errors.CONTEXT_UNMARSHAL_ERROR, message) from None
    return value


class FunctionEnvironment:
    """What is the same in every context of one process, read from the environment once."""

    __slots__ = ("function_name", "function_version", "log_group_name", "log_stream_name", "memory_limit_in_mb")

    def __init__(self) -> None:
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")


class _Record:
    """Shows its slots, in order; those that the source doesn't have are None."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, values: dict[str, object]) -> None:
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        values = ",".join("%s=%s" % (name, getattr(self, name)) for name in self.__slots__)
        return "%s([%s])" % (type(self).__name__, values)


class CognitoIdentity(_Record):
    """``context.identity``: always there; its attributes are None if the caller had no Cognito identity."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")
    cognito_identity_id: object
    cognito_identity_pool_id: object


class Client(_Record):
    """``context.client_context.client``: the mobile application."""

    __slots__ = (  # noqa: RUF023  # the order of AWS's text
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )


class ClientContext(_Record):
    """``context.client_context``: what the caller gave as ClientContext."""

    __slots__ = ("custom", "env", "client")  # noqa: RUF023  # as above
    client: object


_NO_IDENTITY: dict[str, object] = {}


class LambdaContext:
    """One invocation, as its handler sees it."""

    def __init__(
        self,
        environment: FunctionEnvironment,
        request_id: str,
        deadline_ms: int,
        invoked_function_arn: str | None,
        client_context: dict[str, object] | None,
        cognito_identity: dict[str, object] | None,
        tenant_id: str | None,
    ) -> None:
        self.aws_request_id = request_id
        self.log_group_name = environment.log_group_name
        self.log_stream_name = environment.log_stream_name
        self.function_name = environment.function_name
        self.memory_limit_in_mb = environment.memory_limit_in_mb
        self.function_version = environment.function_version
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self._w3c_fields = _take_w3c(client_context) if client_context else {}
        self.client_context = None if client_context is None else _client_context(client_context)
        self.identity = CognitoIdentity(_NO_IDENTITY)
        if cognito_identity is not None:
            self.identity.cognito_identity_id = cognito_identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = cognito_identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out, never below 0."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """The W3C trace context that came with the invocation."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write a log record of exactly this text."""
        for handler in logging.getLogger().handlers:
            sink = getattr(handler, "log_sink", None)
            if sink is not None:
                sink.log(str(msg))
                return
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(["
            f"aws_request_id={self.aws_request_id},"
            f"log_group_name={self.log_group_name},"
            f"log_stream_name={self.log_stream_name},"
            f"function_name={self.function_name},"
            f"memory_limit_in_mb={self.memory_limit_in_mb},"
            f"function_version={self.function_version},"
            f"invoked_function_arn={self.invoked_function_arn},"
            f"client_context={self.client_context},"
            f"identity={self.identity},"
            f"tenant_id={self.tenant_id}"
            "])"
        )


def _client_context(values: dict[str, object]) -> ClientContext:
    context = ClientContext(values)
    if context.client is not None:
        context.client = Client(context.client)  # type: ignore[arg-type]  # what the caller sent, any JSON
    return context


def _take_w3c(client_context: object) -> dict[str, str]:
    """Remove the "w3c" object from a client context and return its known fields."""
    if not isinstance(client_context, dict):
        return {}
    fields = client_context.pop("w3c", None)
    if not isinstance(fields, dict):
        return {}
    return {name: fields[name] for name in _W3C_FIELDS if isinstance(fields.get(name), str)}
