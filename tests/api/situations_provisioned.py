"""What the samples of provisioned.json need."""

import time

from tests.api.calls import package
from tests.api.golden_world import Reasons, Situations, World, nothing, small

FILE = "provisioned"

_START = "def handler(event, context): return 1"
_SLOW_START = f"import time\ntime.sleep(3)\n{_START}"
_NO_START = "raise ValueError('no start')"
_PATIENCE_SECONDS = 60


def version(world: World) -> None:
    _code(world, _START)


def alias(world: World) -> None:
    version(world)
    world.client.create_alias(FunctionName=world.values["function"], Name="live", FunctionVersion="1")


def slow_start(world: World) -> None:
    _code(world, _SLOW_START)
    world.client.create_alias(FunctionName=world.values["function"], Name="live", FunctionVersion="1")
    _put(world, "live", 5)


def ready_alias(world: World) -> None:
    alias(world)
    _put(world, "live", 5)
    _until(world, "live", "READY")


def ready_version(world: World) -> None:
    version(world)
    _put(world, "1", 1)
    _until(world, "1", "READY")


def failing(world: World) -> None:
    _code(world, _NO_START)
    _put(world, "1", 1)
    _until(world, "1", "FAILED")


def _code(world: World, source: str) -> None:
    small(world)
    name = world.values["function"]
    world.client.update_function_code(FunctionName=name, ZipFile=package(source))
    world.settle()
    world.client.publish_version(FunctionName=name)


def _put(world: World, qualifier: str, count: int) -> None:
    world.client.put_provisioned_concurrency_config(
        FunctionName=world.values["function"], Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def _until(world: World, qualifier: str, status: str) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        config = world.client.get_provisioned_concurrency_config(
            FunctionName=world.values["function"], Qualifier=qualifier
        )
        if config["Status"] == status:
            return
        assert time.monotonic() < end, config
        time.sleep(0.02)


SITUATIONS: Situations = {
    ("PutProvisionedConcurrencyConfig", "alias, five"): alias,
    ("GetProvisionedConcurrencyConfig", "still starting"): slow_start,
    ("GetProvisionedConcurrencyConfig", "ready"): ready_alias,
    ("GetProvisionedConcurrencyConfig", "function fails while starting: status and reason"): failing,
    ("GetProvisionedConcurrencyConfig", "version, ready"): ready_version,
    ("ListProvisionedConcurrencyConfigs", "none"): small,
    ("DeleteProvisionedConcurrencyConfig", "version without a configuration: no error"): version,
    ("GetProvisionedConcurrencyConfig", "nothing configured"): version,
    ("GetProvisionedConcurrencyConfig", "function does not exist, alias-like qualifier"): nothing,
    ("GetProvisionedConcurrencyConfig", "version does not exist"): version,
    ("GetProvisionedConcurrencyConfig", "$LATEST"): small,
    ("DeleteProvisionedConcurrencyConfig", "alias does not exist"): small,
    ("DeleteProvisionedConcurrencyConfig", "$LATEST"): small,
    ("PutProvisionedConcurrencyConfig", "zero"): version,
    ("PutProvisionedConcurrencyConfig", "function does not exist, version qualifier"): nothing,
    ("PutProvisionedConcurrencyConfig", "$LATEST"): small,
    ("ListProvisionedConcurrencyConfigs", "function does not exist"): nothing,
    ("PutProvisionedConcurrencyConfig", "more than the account has"): version,
    ("PutProvisionedConcurrencyConfig", "all the account has"): version,
}

SKIPPED: Reasons = {}
