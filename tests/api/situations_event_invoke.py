"""What the samples of event-invoke.json need."""

from typing import Any

from tests.api.golden_world import Reasons, Situations, World, small

FILE = "event-invoke"


def put(world: World, **settings: Any) -> None:
    world.client.put_function_event_invoke_config(FunctionName=world.values["function"], **settings)


def published(world: World) -> None:
    small(world)
    world.publish()


def with_retries(world: World) -> None:
    small(world)
    put(world, MaximumRetryAttempts=0)


def with_queue(world: World) -> None:
    small(world)
    world.values["queue"] = "my-queue"


def with_age(world: World) -> None:
    small(world)
    put(world, MaximumEventAgeInSeconds=60)


def with_both(world: World) -> None:
    small(world)
    put(world, MaximumEventAgeInSeconds=60, MaximumRetryAttempts=1)


def of_version(world: World) -> None:
    published(world)
    put(world, MaximumEventAgeInSeconds=120, Qualifier="1")


def not_of_version(world: World) -> None:
    with_age(world)
    world.publish()


def of_latest_deleted(world: World) -> None:
    of_version(world)
    put(world, MaximumEventAgeInSeconds=60)
    world.client.delete_function_event_invoke_config(FunctionName=world.values["function"])


SITUATIONS: Situations = {
    ("PutFunctionEventInvokeConfig", "only retries (0)"): small,
    ("PutFunctionEventInvokeConfig", "then only age: retries are gone again (put replaces)"): with_retries,
    ("PutFunctionEventInvokeConfig", "version"): published,
    ("PutFunctionEventInvokeConfig", "retries and failure destination"): with_queue,
    ("PutFunctionEventInvokeConfig", "retries and both destinations"): with_queue,
    ("UpdateFunctionEventInvokeConfig", "age set before, retries added (update merges)"): with_age,
    ("GetFunctionEventInvokeConfig", "no qualifier: ARN ends in $LATEST"): with_both,
    ("GetFunctionEventInvokeConfig", "version"): of_version,
    ("GetFunctionEventInvokeConfig", "fresh version has none of its own"): not_of_version,
    ("ListFunctionEventInvokeConfigs", "one"): with_both,
    ("ListFunctionEventInvokeConfigs", "that of $LATEST deleted, that of version 1 left"): of_latest_deleted,
}

SKIPPED: Reasons = {}
