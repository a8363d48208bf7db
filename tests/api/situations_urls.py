"""What the samples of urls.json need."""

from typing import Any

from tests.api.golden_world import Reasons, Situations, World, nothing, small

FILE = "urls"


def with_alias(world: World) -> None:
    small(world)
    world.client.create_alias(FunctionName=world.values["function"], Name="myalias", FunctionVersion="$LATEST")


def create_url(world: World, **more: Any) -> None:
    world.client.create_function_url_config(FunctionName=world.values["function"], AuthType="NONE", **more)


def with_url(world: World) -> None:
    small(world)
    create_url(world)


def with_url_of_alias(world: World) -> None:
    with_alias(world)
    create_url(world, Qualifier="myalias")


def with_both(world: World) -> None:
    with_url_of_alias(world)
    create_url(world)


def with_changed_mode(world: World) -> None:
    with_url(world)
    world.client.update_function_url_config(FunctionName=world.values["function"], InvokeMode="RESPONSE_STREAM")


SITUATIONS: Situations = {
    ("CreateFunctionUrlConfig", "function, no authorisation, nothing else"): small,
    ("CreateFunctionUrlConfig", "alias"): with_alias,
    ("CreateFunctionUrlConfig", "invoke mode given: echoed"): small,
    ("GetFunctionUrlConfig", "invoke mode never given: default shown"): with_url,
    ("GetFunctionUrlConfig", "alias"): with_url_of_alias,
    ("GetFunctionUrlConfig", "after the mode was changed"): with_changed_mode,
    ("UpdateFunctionUrlConfig", "mode changed"): with_url,
    ("UpdateFunctionUrlConfig", "nothing to change"): with_changed_mode,
    ("ListFunctionUrlConfigs", "none"): small,
    ("ListFunctionUrlConfigs", "function and alias (order not asserted)"): with_both,
    ("ListFunctionUrlConfigs", "function does not exist"): nothing,
    ("DeleteFunctionUrlConfig", "function; the URL of its alias stays"): with_both,
    ("CreateFunctionUrlConfig", "function does not exist"): nothing,
    ("CreateFunctionUrlConfig", "alias does not exist"): small,
    ("GetFunctionUrlConfig", "function does not exist"): nothing,
    ("GetFunctionUrlConfig", "alias does not exist"): small,
    ("GetFunctionUrlConfig", "function has no URL"): small,
    ("DeleteFunctionUrlConfig", "function does not exist"): nothing,
    ("DeleteFunctionUrlConfig", "function has no URL"): small,
    ("UpdateFunctionUrlConfig", "function does not exist"): nothing,
    ("UpdateFunctionUrlConfig", "alias does not exist"): small,
    ("UpdateFunctionUrlConfig", "function has no URL"): small,
    ("CreateFunctionUrlConfig", "qualifier is a version number"): nothing,
    ("GetFunctionUrlConfig", "qualifier is $LATEST"): nothing,
    ("CreateFunctionUrlConfig", "suffix of the name differs from Qualifier"): nothing,
    ("CreateFunctionUrlConfig", "unknown invoke mode"): nothing,
}

SKIPPED: Reasons = {}
