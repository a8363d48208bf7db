"""What the samples of recursion.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "recursion"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("PutFunctionRecursionConfig", "allow"): NOT_YET + "PutFunctionRecursionConfig",
    ("GetFunctionRecursionConfig", "after that"): NOT_YET + "GetFunctionRecursionConfig",
    ("PutFunctionRecursionConfig", "unknown value"): NOT_YET + "PutFunctionRecursionConfig",
}
