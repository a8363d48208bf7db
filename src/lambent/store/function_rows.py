"""Functions and versions as rows of their tables, and back."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from lambent.core.function import (
    LATEST,
    Code,
    Deployment,
    FunctionConfiguration,
    FunctionLayer,
    FunctionRecord,
    FunctionSettings,
    LastUpdateStatus,
    LoggingSettings,
    State,
    VpcSettings,
)
from lambent.core.scope import Scope

LATEST_NUMBER = 0
_NO_NUMBER = -1  # of what can't be a version's: 01, 128 digits, $LATEST.PUBLISHED
_HIGHEST_NUMBER = 2**31 - 1


def version_number(version: str) -> int:
    """`$LATEST` or a number as it is stored; what can't be a version's number as one that no version has."""
    if version == LATEST:
        return LATEST_NUMBER
    number = int(version) if version.isdecimal() else _NO_NUMBER
    return number if str(number) == version and number <= _HIGHEST_NUMBER else _NO_NUMBER


def version_text(number: int) -> str:
    """The other way round."""
    return LATEST if number == LATEST_NUMBER else str(number)


def to_record(row: Row[Any]) -> FunctionRecord:
    """A function."""
    return FunctionRecord(
        scope=Scope(row.account, row.region),
        function_name=row.name,
        reserved_concurrency=row.reserved_concurrency,
        tags=json.loads(row.tags),
    )


def to_row(configuration: FunctionConfiguration) -> dict[str, object]:
    """The columns of a version."""
    deployment = configuration.deployment
    return {
        "account": configuration.scope.account,
        "region": configuration.scope.region,
        "name": configuration.function_name,
        "version": version_number(configuration.version),
        "settings": json.dumps(asdict(configuration.settings)),
        "code_sha256": configuration.code.sha256,
        "code_size": configuration.code.size,
        "last_modified_ms": configuration.last_modified_ms,
        "revision_id": configuration.revision_id,
        "state": configuration.state,
        "state_reason": configuration.state_reason,
        "state_reason_code": configuration.state_reason_code,
        "last_update_status": configuration.last_update_status,
        "last_update_status_reason": configuration.last_update_status_reason,
        "last_update_status_reason_code": configuration.last_update_status_reason_code,
        "deployment": None if deployment is None else json.dumps(asdict(deployment)),
        "published_from": configuration.published_from,
        "code_folder": configuration.code.folder,
    }


def to_configuration(row: Row[Any]) -> FunctionConfiguration:
    """A version."""
    return FunctionConfiguration(
        scope=Scope(row.account, row.region),
        function_name=row.name,
        version=version_text(row.version),
        settings=to_settings(json.loads(row.settings)),
        code=Code(row.code_sha256, row.code_size, row.code_folder),
        last_modified_ms=row.last_modified_ms,
        revision_id=row.revision_id,
        state=State(row.state),
        state_reason=row.state_reason,
        state_reason_code=row.state_reason_code,
        last_update_status=None if row.last_update_status is None else LastUpdateStatus(row.last_update_status),
        last_update_status_reason=row.last_update_status_reason,
        last_update_status_reason_code=row.last_update_status_reason_code,
        deployment=None if row.deployment is None else to_deployment(row.deployment),
        published_from=row.published_from,
    )


def to_settings(document: dict[str, Any]) -> FunctionSettings:
    """From the JSON of a version's settings."""
    return FunctionSettings(
        **{
            **document,
            "logging": LoggingSettings(**document["logging"]),
            "architectures": tuple(document["architectures"]),
            "layers": tuple(FunctionLayer(**layer) for layer in document.get("layers", ())),
            "vpc": _vpc(document.get("vpc")),
        }
    )


def _vpc(document: dict[str, Any] | None) -> VpcSettings | None:
    if document is None:
        return None
    return VpcSettings(
        subnet_ids=tuple(document["subnet_ids"]),
        security_group_ids=tuple(document["security_group_ids"]),
        ipv6_allowed_for_dual_stack=document["ipv6_allowed_for_dual_stack"],
        vpc_id=document["vpc_id"],
    )


def to_deployment(text: str) -> Deployment:
    """From the JSON of what a version runs."""
    document = json.loads(text)
    return Deployment(to_settings(document["settings"]), Code(**document["code"]), document["revision"])
