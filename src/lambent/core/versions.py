"""Publishing: when a new version is made, and what it is a copy of.

A published version is `$LATEST` frozen: settings, code, what is deployed. It has its own RevisionId and, when the
caller gave one, its own Description. Publishing what was published already makes no new version.

Source: api-errors.md §6 (recorded from AWS).
"""

import base64
import hashlib
import json
from dataclasses import asdict, replace

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import CREATING_CODE, CREATING_REASON, Code, FunctionConfiguration, LastUpdateStatus, State


def code_sha256_base64(sha256_hex: str) -> str:
    """CodeSha256 as the API says it: base64 of the digest."""
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


_LATER_SETTINGS = ("layers", "vpc", "dead_letter_target", "kms_key", "source_kms_key", "tenant_isolation")
"""Left out of a fingerprint where they say nothing, as in those that were made before there were such settings."""


def fingerprint(latest: FunctionConfiguration) -> str:
    """Digest of everything that publishing would freeze; equal when nothing has changed in between."""
    settings = asdict(latest.settings)
    for name in _LATER_SETTINGS:
        if not settings[name]:
            del settings[name]
    content = json.dumps([settings, latest.code.sha256], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def frozen(latest: FunctionConfiguration, code: Code) -> FunctionConfiguration:
    """What a version is made of where `$LATEST` runs a folder: as it is, with the package made of the folder."""
    deployment = latest.deployment
    return replace(latest, code=code, deployment=None if deployment is None else replace(deployment, code=code))


def check_code_sha256(latest: FunctionConfiguration, expected: str | None) -> None:
    """Raises InvalidParameterValue when the caller expects other code than `$LATEST` has."""
    current = code_sha256_base64(latest.code.sha256)
    if expected is not None and expected != current:
        raise InvalidParameterValue(
            f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def published(
    latest: FunctionConfiguration, *, number: str, description: str | None, revision_id: str
) -> FunctionConfiguration:
    """The version that is made of `$LATEST`: active at once when what `$LATEST` says is what runs.

    Else it is pending and wants an activation of its own.
    """
    version = replace(
        latest,
        version=number,
        settings=latest.settings if description is None else replace(latest.settings, description=description),
        revision_id=revision_id,
        published_from=fingerprint(latest),
    )
    if latest.state is State.ACTIVE and latest.last_update_status is LastUpdateStatus.SUCCESSFUL:
        return version
    return replace(
        version,
        state=State.PENDING,
        state_reason=CREATING_REASON,
        state_reason_code=CREATING_CODE,
        last_update_status=None,
        last_update_status_reason=None,
        last_update_status_reason_code=None,
        deployment=None,
    )
