"""What the samples of tags.json need."""

from collections.abc import Mapping

from tests.api.golden_world import Reasons, Situations, World, deleted, nothing, small
from tests.api.situations_event_source_mappings import of_default_settings

FILE = "tags"

MANY = {f"key{number}": "value" for number in range(51)}


def many_tags(world: World) -> None:
    world.request = {**world.request, "Tags": MANY}


def many_added_tags(world: World) -> None:
    small(world)
    many_tags(world)


def add(world: World, tags: Mapping[str, str]) -> None:
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.client.tag_resource(Resource=shown["FunctionArn"], Tags=tags)


def all_tags(world: World) -> None:
    small(world)
    add(world, {key: MANY[key] for key in list(MANY)[:50]})


def four_added(world: World) -> None:
    world.create(like={}, Tags={"key_a": "value_a"})
    add(world, {f"key_{letter}": f"value_{letter}" for letter in "bcde"})


def overwritten(world: World) -> None:
    four_added(world)
    add(world, {"key_c": "value_x"})


def tagged_mapping(world: World) -> None:
    of_default_settings(world)
    shown = world.client.get_event_source_mapping(UUID=world.values["uuid:1"])
    world.client.tag_resource(Resource=shown["EventSourceMappingArn"], Tags={"testtag": "a value"})


SITUATIONS: Situations = {
    ("ListTags", "event source mapping tagged at creation"): tagged_mapping,
    ("ListTags", "function without tags"): small,
    ("CreateFunction", "51 tags"): many_tags,
    ("ListTags", "function deleted"): deleted,
    ("TagResource", "function"): small,
    ("ListTags", "one tag given at creation, four added"): four_added,
    ("ListTags", "one value overwritten"): overwritten,
    ("UntagResource", "key that is not there: no error"): small,
    ("TagResource", "function does not exist"): nothing,
    ("TagResource", "qualified ARN"): small,
    ("UntagResource", "no keys"): small,
    ("TagResource", "empty map"): small,
    ("TagResource", "51 tags at once"): many_added_tags,
    ("TagResource", "one more when there are 50"): all_tags,
}

SKIPPED: Reasons = {
    ("TagResource", "ARN of no known kind"): "the model has a newer pattern; compared in test_tags.py",
}

SERVERS = {("ListTags", "event source mapping tagged at creation"): "lambent_with_aws"}
