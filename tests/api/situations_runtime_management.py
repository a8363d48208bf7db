"""What the samples of runtime-management.json need."""

from tests.api.golden_world import Reasons, Situations, World, small

FILE = "runtime-management"


def with_runtime_version(world: World) -> None:
    small(world)
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.values["runtime-version"] = shown["RuntimeVersionConfig"]["RuntimeVersionArn"].rpartition(":")[2]


SITUATIONS: Situations = {
    ("GetRuntimeManagementConfig", "never set"): small,
    ("PutRuntimeManagementConfig", "manual with a runtime version"): with_runtime_version,
}

SKIPPED: Reasons = {}
