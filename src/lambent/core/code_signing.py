"""Code signing: which publishers a function's code may come from, and what happens to code of others.

Words:
    code signing config   publishers that are trusted and a policy for code that none of them signed.
    policy                `Warn`: the code is deployed, and the log says so; `Enforce`: it is refused.

AWS Signer, which makes the signatures, exists on AWS only. So nothing that can be uploaded here is signed by a
publisher that could be verified: all code is untrusted, and so is every layer.

Source: api-errors.md §13 (recorded from AWS); developer guide, "Configuring code signing".
"""

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from lambent.core.arn import PARTITION
from lambent.core.errors import CodeSigningConfigNotFound, CodeVerificationFailed, ResourceConflict, ResourceNotFound
from lambent.core.scope import Scope

_ID_CHARACTERS: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 17
_CONFIG_ARN: Final = re.compile(
    rf"arn:{PARTITION}:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):code-signing-config:(?P<id>csc-[a-z0-9]+)"
)


class UntrustedArtifact(StrEnum):
    """What happens to code that no allowed publisher has signed."""

    WARN = "Warn"
    ENFORCE = "Enforce"


@dataclass(frozen=True, slots=True)
class CodeSigningConfig:
    """One code signing config of an account in a region."""

    scope: Scope
    config_id: str
    """`csc-` and 17 characters."""
    publishers: tuple[str, ...]
    """ARNs of the signing profile versions that are trusted."""
    policy: UntrustedArtifact
    description: str
    last_modified_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:{PARTITION}:lambda:{self.scope.region}:{self.scope.account}:code-signing-config:{self.config_id}"


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What UpdateCodeSigningConfig asks for; None leaves a member as it is."""

    publishers: tuple[str, ...] | None = None
    policy: UntrustedArtifact | None = None
    description: str | None = None

    def of(self, current: CodeSigningConfig, *, now_ms: int) -> CodeSigningConfig:
        """The config as changed."""
        return replace(
            current,
            publishers=current.publishers if self.publishers is None else self.publishers,
            policy=current.policy if self.policy is None else self.policy,
            description=current.description if self.description is None else self.description,
            last_modified_ms=now_ms,
        )


def make_config_id() -> str:
    """An id that nobody has had before."""
    return "csc-" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))


def parse_config_arn(arn: str, *, scope: Scope) -> str | None:
    """The id that an ARN names; None for another account's or region's, which can't be seen from here."""
    match = _CONFIG_ARN.fullmatch(arn)
    if match is None or (match["account"], match["region"]) != (scope.account, scope.region):
        return None
    return match["id"]


def config_not_found(arn: str) -> ResourceNotFound:
    """The answer of the configs' own operations when there is no such config."""
    return ResourceNotFound(f"The Lambda code signing configuration {arn} can not be found.", typeless=True)


def function_config_not_found(arn: str) -> CodeSigningConfigNotFound:
    """The answer to a function that shall have a config which isn't there."""
    return CodeSigningConfigNotFound(
        f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}."
    )


def config_in_use(arn: str) -> ResourceConflict:
    """The answer to deleting a config that functions have. Source: model and documentation; the text is unverified."""
    return ResourceConflict(f"The code signing configuration {arn} is in use by at least one function.")


def check_untrusted(config: CodeSigningConfig | None, function_name: str) -> None:
    """Whether a function may get code or layers that no allowed publisher has signed, which all are.

    Args:
        config: the function's, or None.

    Raises:
        CodeVerificationFailed: not under `Enforce`. Source of the text: observed.
    """
    if config is not None and config.policy is UntrustedArtifact.ENFORCE:
        raise CodeVerificationFailed(
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the "
            f"client is not configured to accept. Check the provided signature for {function_name}."
        )
