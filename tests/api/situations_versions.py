"""What the samples of versions.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations, World, existing, published, small

FILE = "versions"


def moved_on(world: World) -> None:
    published(world)
    world.change(Description="moved on")
    world.change()


def second_version(world: World) -> None:
    published(world)
    world.change()


def published_twice(world: World) -> None:
    second_version(world)
    world.publish()


def with_hash(world: World) -> None:
    world.create()
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.values["sha256"] = shown["CodeSha256"]


def with_revision(world: World) -> None:
    world.create()
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.values["uuid"] = shown["RevisionId"]


def only_latest(world: World) -> None:
    world.create(like=world.sample.body["Versions"][0])


def two_versions(world: World) -> None:
    world.create(like={**world.sample.body["Versions"][0], "Description": "first"})
    world.publish(Description="v1 text")
    world.change(Description="d2")
    world.publish()
    world.publish(Description="changed nothing")


def two_versions_less_one(world: World) -> None:
    two_versions(world)
    world.client.delete_function(FunctionName=world.values["function"], Qualifier="1")


SITUATIONS: Situations = {
    ("PublishVersion", "first version, with description"): existing,
    ("PublishVersion", "no parameters: description of $LATEST is taken over"): second_version,
    (
        "PublishVersion",
        "nothing changed since the last version, only another description: the last version comes back as it was",
    ): published_twice,
    ("PublishVersion", "expected hash matches"): with_hash,
    ("PublishVersion", "expected hash of a zip function differs"): small,
    ("PublishVersion", "wrong RevisionId"): small,
    ("PublishVersion", "after activation, right RevisionId given"): with_revision,
    ("ListVersionsByFunction", "nothing published: only $LATEST"): only_latest,
    ("ListVersionsByFunction", "two versions (a third publish changed nothing)"): two_versions,
    ("ListVersionsByFunction", "version 1 deleted: its number is not used again"): two_versions_less_one,
    ("GetFunction", "version 1 unchanged after $LATEST has moved on"): moved_on,
}

SKIPPED: Reasons = {
    ("PublishVersion", "container image with matching hash"): NOT_YET + "images are refused",
    ("PublishVersion", "expected hash of an image differs (64 times a)"): NOT_YET + "images are refused",
    ("ListVersionsByFunction", "container image created with publish"): NOT_YET + "images are refused",
}
