"""What the samples of recursion.json need."""

from tests.api.golden_world import Reasons, Situations, World, small

FILE = "recursion"


def allowed(world: World) -> None:
    small(world)
    world.client.put_function_recursion_config(FunctionName=world.values["function"], RecursiveLoop="Allow")


SITUATIONS: Situations = {
    ("PutFunctionRecursionConfig", "allow"): small,
    ("GetFunctionRecursionConfig", "after that"): allowed,
    ("PutFunctionRecursionConfig", "unknown value"): small,
}

SKIPPED: Reasons = {}
