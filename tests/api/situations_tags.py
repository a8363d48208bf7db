"""What the samples of tags.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations, World, deleted, small

FILE = "tags"


def many_tags(world: World) -> None:
    world.request = {**world.request, "Tags": {f"key{number}": "value" for number in range(51)}}


SITUATIONS: Situations = {
    ("ListTags", "function without tags"): small,
    ("CreateFunction", "51 tags"): many_tags,
    ("ListTags", "function deleted"): deleted,
}

SKIPPED: Reasons = {
    ("TagResource", "function"): NOT_YET + "TagResource",
    ("ListTags", "one tag given at creation, four added"): NOT_YET + "TagResource",
    ("ListTags", "one value overwritten"): NOT_YET + "TagResource",
    ("UntagResource", "key that is not there: no error"): NOT_YET + "UntagResource",
    ("ListTags", "event source mapping tagged at creation"): NOT_YET + "event source mappings",
    ("TagResource", "ARN of no known kind"): NOT_YET + "TagResource",
    ("TagResource", "function does not exist"): NOT_YET + "TagResource",
    ("TagResource", "qualified ARN"): NOT_YET + "TagResource",
    ("UntagResource", "no keys"): NOT_YET + "UntagResource",
    ("TagResource", "empty map"): NOT_YET + "TagResource",
    ("TagResource", "51 tags at once"): NOT_YET + "TagResource",
    ("TagResource", "one more when there are 50"): NOT_YET + "TagResource",
}
