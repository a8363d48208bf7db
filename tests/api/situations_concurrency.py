"""What the samples of concurrency.json need."""

from tests.api.golden_world import Reasons, Situations, World, nothing, small

FILE = "concurrency"


def zero_reserved(world: World) -> None:
    small(world)
    world.client.put_function_concurrency(FunctionName=world.values["function"], ReservedConcurrentExecutions=0)


def reservation_deleted(world: World) -> None:
    zero_reserved(world)
    world.client.delete_function_concurrency(FunctionName=world.values["function"])


SITUATIONS: Situations = {
    ("GetFunctionConcurrency", "nothing reserved"): small,
    ("PutFunctionConcurrency", "zero"): small,
    ("GetFunctionConcurrency", "zero reserved: the key is there"): zero_reserved,
    ("GetFunctionConcurrency", "reservation deleted"): reservation_deleted,
    ("PutFunctionConcurrency", "two"): small,
    ("PutFunctionConcurrency", "function does not exist"): nothing,
    ("PutFunctionConcurrency", "qualified ARN"): small,
    ("PutFunctionConcurrency", "more than the account has"): small,
    ("PutFunctionConcurrency", "all the account has"): small,
}

SKIPPED: Reasons = {}
