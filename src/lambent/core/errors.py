"""The caller's errors: what AWS answers instead of a result, by its codes, statuses and key cases.

Each class is one error shape of the API model, or an error of the framework in front of it, which the model doesn't
have; the gateway renders whichever reaches it. A test compares those that the model has with the model.
Source: API model; api-errors.md sections 1 and 2 (key case, Type and status recorded from AWS).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal


class ApiError(Exception):
    """An error that the caller is answered with.

    Attributes:
        code: the value of `x-amzn-ErrorType`.
        status: HTTP status.
        message_key: how the body spells the message's key.
        fault: the body's Type; None where it has none.
        message: the text; None is JSON null.
        extra: further members of the body.
        headers: further headers of the answer.

    Args:
        typeless: leave Type out, which AWS does for single messages of an error that usually has it.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    message_key: ClassVar[Literal["Message", "message"]] = "message"
    fault: Literal["User", "Service"] | None = "User"

    def __init__(
        self,
        message: str | None = None,
        *,
        extra: Mapping[str, object] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        typeless: bool = False,
    ) -> None:
        super().__init__(message)
        if typeless:
            self.fault = None
        self.message = message
        self.extra = dict(extra or {})
        self.headers = list(headers)


class ResourceNotFound(ApiError):
    """The function, version, alias, layer or mapping of the request does not exist."""

    code, status, message_key = "ResourceNotFoundException", 404, "Message"


class ResourceConflict(ApiError):
    """It exists already, or its state doesn't allow the operation now."""

    code, status = "ResourceConflictException", 409


class ResourceInUse(ApiError):
    """It is in transition, or something else needs it; the status isn't a conflict's.

    Source: API model (the status is observed for event source mappings).
    """

    code, status, message_key = "ResourceInUseException", 400, "Message"


class InvalidParameterValue(ApiError):
    """A parameter's value is not acceptable, for a reason the API model can't say."""

    code, status = "InvalidParameterValueException", 400


class ValidationFailed(ApiError):
    """Parameters violate the API model; all violations are in the one message."""

    code, status, fault = "ValidationException", 400, None


class SerializationFailed(ApiError):
    """The body is not the JSON, or not of the JSON types, that the operation takes.

    Source: observed (the code); key case and Type are unverified.
    """

    code, status, fault = "SerializationException", 400, None


class PreconditionFailed(ApiError):
    """The RevisionId of the request is not the latest."""

    code, status = "PreconditionFailedException", 412


class TooManyRequests(ApiError):
    """A concurrency or rate limit was reached.

    Args:
        reason: a ThrottleReason, e.g. ReservedFunctionConcurrentInvocationLimitExceeded.
        retry_after_seconds: for the Retry-After header.
    """

    code, status = "TooManyRequestsException", 429

    def __init__(self, *, reason: str, message: str = "Rate Exceeded.", retry_after_seconds: int = 1) -> None:
        super().__init__(
            message,
            extra={"Reason": reason},
            headers=[("Retry-After", str(retry_after_seconds))],
        )
        self.reason = reason


class RequestTooLarge(ApiError):
    """The payload of an invocation is over the limit."""

    code, status = "RequestTooLargeException", 413


class RequestEntityTooLarge(ApiError):
    """The body, or the zip in it, is over the limit."""

    code, status, fault = "RequestEntityTooLargeException", 413, None


class InvalidRequestContent(ApiError):
    """The payload of an invocation is not JSON."""

    code, status = "InvalidRequestContentException", 400


class RecursiveInvocation(ApiError):
    """The function is being invoked in a loop, and was stopped."""

    code, status, message_key = "RecursiveInvocationException", 400, "Message"


class CodeStorageExceeded(ApiError):
    """The account's code storage is used up."""

    code, status = "CodeStorageExceededException", 400


class CodeSigningConfigNotFound(ApiError):
    """The code signing config that a function has, or shall have, does not exist."""

    code, status, message_key = "CodeSigningConfigNotFoundException", 404, "Message"


class CodeVerificationFailed(ApiError):
    """Code that isn't signed by an allowed publisher, where that is enforced."""

    code, status, message_key = "CodeVerificationFailedException", 400, "Message"


class ProvisionedConcurrencyConfigNotFound(ApiError):
    """The version or alias has no provisioned concurrency."""

    code, status = "ProvisionedConcurrencyConfigNotFoundException", 404


class PublicPolicy(ApiError):
    """A resource policy would let everybody in, where that isn't allowed."""

    code, status, message_key = "PublicPolicyException", 400, "Message"


class PolicyLengthExceeded(ApiError):
    """A resource policy would be longer than it may be."""

    code, status = "PolicyLengthExceededException", 400


class InvalidZipFile(ApiError):
    """The code of a function can't be had any more."""

    code, status, message_key, fault = "InvalidZipFileException", 502, "Message", "Service"


class ServiceFault(ApiError):
    """Lambent's own failure; the cause is in its log."""

    code, status, message_key, fault = "ServiceException", 500, "Message", "Service"


class AccessDenied(ApiError):
    """The caller may not do this."""

    code, status, message_key, fault = "AccessDeniedException", 403, "Message", None


class UnknownOperation(ApiError):
    """No operation has this method and path.

    Source: operations.md (a 404 in JSON); the code is observed, the text is unverified.
    """

    code, status, fault = "UnknownOperationException", 404, None


class NotImplementedOperation(ApiError):
    """An operation of AWS's that Lambent doesn't have yet.

    Args:
        operation: its name in the API model.
    """

    code, status, fault = "NotImplementedException", 501, "Service"

    def __init__(self, operation: str) -> None:
        super().__init__(f"Lambent does not implement the operation {operation} yet.")
        self.operation = operation


class MissingAuthenticationToken(ApiError):
    """The request carries no credentials."""

    code, status, fault = "MissingAuthenticationTokenException", 403, None


class IncompleteSignature(ApiError):
    """The Authorization header or presigned query lacks something or can't be read."""

    code, status, fault = "IncompleteSignatureException", 400, None


class InvalidSignature(ApiError):
    """The signature doesn't match, or has expired."""

    code, status, fault = "InvalidSignatureException", 403, None


class UnrecognizedClient(ApiError):
    """The access key is unknown."""

    code, status, fault = "UnrecognizedClientException", 403, None
