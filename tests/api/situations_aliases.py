"""What the samples of aliases.json need."""

from tests.api.golden_world import Reasons, Situations, World

FILE = "aliases"


def two_versions(world: World) -> None:
    world.values["alias"] = "custom-alias"
    world.create(like={"Description": ""})
    world.publish()
    world.change()
    world.publish()


def add(world: World, name: str, version: str = "1", **more: object) -> None:
    world.client.create_alias(FunctionName=world.values["function"], Name=name, FunctionVersion=version, **more)


def weighted(world: World) -> None:
    two_versions(world)
    add(world, "a1", Description="my alias", RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}})


def no_longer_weighted(world: World) -> None:
    weighted(world)
    world.client.update_alias(
        FunctionName=world.values["function"], Name="a1", RoutingConfig={"AdditionalVersionWeights": {}}
    )


def described(world: World) -> None:
    two_versions(world)
    add(world, "a2", Description="my alias")


def plain(world: World) -> None:
    two_versions(world)
    add(world, world.values["alias"])


def with_revision(world: World) -> None:
    plain(world)
    found = world.client.get_alias(FunctionName=world.values["function"], Name=world.values["alias"])
    world.values["uuid"] = found["RevisionId"]


def four(world: World) -> None:
    weighted(world)
    add(world, "a4", "2", Description="my alias")
    add(world, "a3")
    add(world, "a2", Description="my alias")


def four_without_weights(world: World) -> None:
    four(world)
    world.client.update_alias(FunctionName=world.values["function"], Name="a1", RoutingConfig={})


def taken(world: World) -> None:
    two_versions(world)
    add(world, "custom")


SITUATIONS: Situations = {
    ("CreateAlias", "description and weights"): two_versions,
    ("CreateAlias", "description, no weights"): two_versions,
    ("CreateAlias", "only required parameters: Description is empty, not absent"): two_versions,
    ("CreateAlias", "empty weights given"): two_versions,
    ("CreateAlias", "points at $LATEST"): two_versions,
    ("GetAlias", "with weights"): weighted,
    ("GetAlias", "weights taken away by an update"): no_longer_weighted,
    ("UpdateAlias", "weights taken away with an empty map"): weighted,
    ("UpdateAlias", "nothing to change"): described,
    ("UpdateAlias", "new description with right RevisionId"): with_revision,
    ("UpdateAlias", "moved to the next version"): plain,
    ("ListAliases", "four aliases (order not asserted)"): four,
    ("ListAliases", "only those of version 1"): four_without_weights,
    ("DeleteAlias", "existing alias"): weighted,
    ("DeleteAlias", "alias that never existed: no error"): two_versions,
    ("CreateAlias", "two weights"): two_versions,
    ("CreateAlias", "weight above 1"): two_versions,
    ("CreateAlias", "weight for the primary version"): two_versions,
    ("CreateAlias", "unknown primary version"): two_versions,
    ("CreateAlias", "unknown weighted version"): two_versions,
    ("CreateAlias", "$LATEST with weights"): two_versions,
    ("CreateAlias", "$LATEST as weighted version"): two_versions,
    ("CreateAlias", "alias name taken"): taken,
    ("CreateAlias", "name of digits only"): two_versions,
    ("GetAlias", "unknown alias"): two_versions,
    ("UpdateAlias", "wrong RevisionId"): plain,
}

SKIPPED: Reasons = {}
