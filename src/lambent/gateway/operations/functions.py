"""CreateFunction, GetFunction, GetFunctionConfiguration, UpdateFunctionCode/Configuration, ListFunctions, Delete."""

from typing import Any

from lambent.core.errors import InvalidParameterValue
from lambent.core.function import LATEST, FunctionConfiguration
from lambent.core.function_rules import check_deletable_qualifier, name_of_latest, unqualified_name
from lambent.core.honesty import refuse_unsupported_settings
from lambent.gateway.operations.context import OperationContext
from lambent.gateway.operations.function_configuration import render_configuration, render_listed
from lambent.gateway.operations.function_request import requested_features, requested_settings
from lambent.gateway.operations.packages import package_request
from lambent.gateway.operations.pages import BY_NAME_AND_NUMBER, render_page
from lambent.services.functions import CodeUpdate, NewFunction, SettingsUpdate


async def create_function(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, CreateFunction. The ARN is unqualified, also when version 1 is answered."""
    name = unqualified_name(context.reference(request, with_qualifier=False))
    new = NewFunction(
        function_name=name,
        settings=requested_settings(request),
        package=package_request(request["code"]),
        features=requested_features(request),
        publish=request.get("publish", False),
        tags=request.get("tags"),
        code_signing_config_arn=request.get("code_signing_config_arn"),
    )
    return render_configuration(await context.services.functions.create(context.scope, new))


async def get_function(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunction. Tags and Concurrency are there only when set."""
    reference = context.reference(request)
    found = await context.services.functions.get(context.scope, reference.name, reference.qualifier)
    location = context.services.code_links.link(context.base_url, found.configuration.code)
    code = {"repository_type": "S3", "location": location}
    if found.configuration.settings.source_kms_key:
        code["source_kms_key_arn"] = found.configuration.settings.source_kms_key
    answer: dict[str, Any] = {
        "configuration": render_configuration(found.configuration, qualifier=reference.qualifier),
        "code": code,
    }
    if found.function.tags:
        answer["tags"] = dict(found.function.tags)
    if found.function.reserved_concurrency is not None:
        answer["concurrency"] = {"reserved_concurrent_executions": found.function.reserved_concurrency}
    return answer


async def get_function_configuration(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, GetFunctionConfiguration."""
    reference = context.reference(request)
    found = await context.services.functions.get(context.scope, reference.name, reference.qualifier)
    return render_configuration(found.configuration, qualifier=reference.qualifier)


async def update_function_code(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateFunctionCode. A version that is published at once has its own ARN."""
    name = name_of_latest(context.reference(request, with_qualifier=False))
    refuse_unsupported_settings(request)
    if request.get("image_uri"):
        await context.services.functions.get(context.scope, name, None)
        raise InvalidParameterValue("Please don't provide ImageUri when updating a function with packageType Zip.")
    architectures = request.get("architectures")
    update = CodeUpdate(
        function_name=name,
        package=package_request(request),
        architectures=None if architectures is None else tuple(architectures),
        source_kms_key=request.get("source_kms_key_arn") or "",
        revision_id=request.get("revision_id"),
        publish=request.get("publish", False),
        dry_run=request.get("dry_run", False),
    )
    changed = await context.services.functions.update_code(context.scope, update)
    return render_configuration(changed, qualifier=None if changed.version == LATEST else changed.version)


async def update_function_configuration(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, UpdateFunctionConfiguration."""
    name = name_of_latest(context.reference(request, with_qualifier=False))
    update = SettingsUpdate(
        function_name=name,
        settings=requested_settings(request),
        features=requested_features(request),
        revision_id=request.get("revision_id"),
    )
    return render_configuration(await context.services.functions.update_configuration(context.scope, update))


async def list_functions(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, ListFunctions.

    MasterRegion asks for replicas of functions in another region (Lambda@Edge), of which there are none here.
    """
    every_version = request.get("function_version") == "ALL"
    if request.get("master_region") not in {None, "ALL", context.scope.region}:
        return {"functions": []}
    return await render_page(
        request,
        "functions",
        lambda after, limit: context.services.functions.list_functions(
            context.scope, every_version=every_version, after=after, limit=limit
        ),
        keys=BY_NAME_AND_NUMBER,
        key=_sort_key,
        render=lambda one: render_listed(one, qualifier=one.version if every_version else None),
    )


async def delete_function(context: OperationContext, request: dict[str, Any]) -> dict[str, Any]:
    """Source: API reference, DeleteFunction."""
    reference = context.reference(request)
    if reference.qualifier is not None:
        check_deletable_qualifier(reference.qualifier)
    await context.services.functions.delete(context.scope, reference.name, reference.qualifier)
    return {}


def _sort_key(configuration: FunctionConfiguration) -> tuple[str, int]:
    number = 0 if configuration.version == LATEST else int(configuration.version)
    return configuration.function_name, number
