"""PublishVersion and ListVersionsByFunction."""

from typing import Any

from lambent.core.function import LATEST, FunctionConfiguration
from lambent.core.function_rules import name_of_latest, unqualified_name
from lambent.core.honesty import refuse_unsupported_settings
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import render_configuration, render_listed
from lambent.gateway.operations.pages import BY_NUMBER, render_page
from lambent.services.versions import Publication


async def publish_version(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, PublishVersion."""
    name = name_of_latest(context.reference(request, with_qualifier=False))
    refuse_unsupported_settings(request)
    publication = Publication(
        function_name=name,
        code_sha256=request.get("code_sha256") or None,
        description=request.get("description"),
        revision_id=request.get("revision_id"),
    )
    version = await context.services.versions.publish(context.scope, publication)
    return render_configuration(version, qualifier=version.version)


async def list_versions_by_function(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListVersionsByFunction."""
    name = unqualified_name(context.reference(request, with_qualifier=False))
    return await render_page(
        request,
        "versions",
        lambda after, limit: context.services.versions.list_versions(context.scope, name, after=after, limit=limit),
        keys=BY_NUMBER,
        key=_sort_key,
        render=lambda one: render_listed(one, qualifier=one.version),
    )


def _sort_key(configuration: FunctionConfiguration) -> int:
    return 0 if configuration.version == LATEST else int(configuration.version)
