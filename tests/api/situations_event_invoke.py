"""What the samples of event-invoke.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "event-invoke"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("PutFunctionEventInvokeConfig", "only retries (0)"): NOT_YET + "PutFunctionEventInvokeConfig",
    ("PutFunctionEventInvokeConfig", "then only age: retries are gone again (put replaces)"): NOT_YET
    + "PutFunctionEventInvokeConfig",
    ("PutFunctionEventInvokeConfig", "version"): NOT_YET + "PutFunctionEventInvokeConfig",
    ("PutFunctionEventInvokeConfig", "retries and failure destination"): NOT_YET + "PutFunctionEventInvokeConfig",
    ("PutFunctionEventInvokeConfig", "retries and both destinations"): NOT_YET + "PutFunctionEventInvokeConfig",
    ("UpdateFunctionEventInvokeConfig", "age set before, retries added (update merges)"): NOT_YET
    + "UpdateFunctionEventInvokeConfig",
    ("GetFunctionEventInvokeConfig", "no qualifier: ARN ends in $LATEST"): NOT_YET + "GetFunctionEventInvokeConfig",
    ("GetFunctionEventInvokeConfig", "version"): NOT_YET + "GetFunctionEventInvokeConfig",
    ("GetFunctionEventInvokeConfig", "fresh version has none of its own"): NOT_YET + "GetFunctionEventInvokeConfig",
    ("ListFunctionEventInvokeConfigs", "one"): NOT_YET + "ListFunctionEventInvokeConfigs",
    ("ListFunctionEventInvokeConfigs", "that of $LATEST deleted, that of version 1 left"): NOT_YET
    + "ListFunctionEventInvokeConfigs",
}
