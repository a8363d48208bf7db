"""What the samples of urls.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "urls"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("CreateFunctionUrlConfig", "function, no authorisation, nothing else"): NOT_YET + "CreateFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "alias"): NOT_YET + "CreateFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "invoke mode given: echoed"): NOT_YET + "CreateFunctionUrlConfig",
    ("GetFunctionUrlConfig", "invoke mode never given: default shown"): NOT_YET + "GetFunctionUrlConfig",
    ("GetFunctionUrlConfig", "alias"): NOT_YET + "GetFunctionUrlConfig",
    ("GetFunctionUrlConfig", "after the mode was changed"): NOT_YET + "GetFunctionUrlConfig",
    ("UpdateFunctionUrlConfig", "mode changed"): NOT_YET + "UpdateFunctionUrlConfig",
    ("UpdateFunctionUrlConfig", "nothing to change"): NOT_YET + "UpdateFunctionUrlConfig",
    ("ListFunctionUrlConfigs", "none"): NOT_YET + "ListFunctionUrlConfigs",
    ("ListFunctionUrlConfigs", "function and alias (order not asserted)"): NOT_YET + "ListFunctionUrlConfigs",
    ("ListFunctionUrlConfigs", "function does not exist"): NOT_YET + "ListFunctionUrlConfigs",
    ("DeleteFunctionUrlConfig", "function; the URL of its alias stays"): NOT_YET + "DeleteFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "function does not exist"): NOT_YET + "CreateFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "alias does not exist"): NOT_YET + "CreateFunctionUrlConfig",
    ("GetFunctionUrlConfig", "function does not exist"): NOT_YET + "GetFunctionUrlConfig",
    ("GetFunctionUrlConfig", "alias does not exist"): NOT_YET + "GetFunctionUrlConfig",
    ("GetFunctionUrlConfig", "function has no URL"): NOT_YET + "GetFunctionUrlConfig",
    ("DeleteFunctionUrlConfig", "function does not exist"): NOT_YET + "DeleteFunctionUrlConfig",
    ("DeleteFunctionUrlConfig", "function has no URL"): NOT_YET + "DeleteFunctionUrlConfig",
    ("UpdateFunctionUrlConfig", "function does not exist"): NOT_YET + "UpdateFunctionUrlConfig",
    ("UpdateFunctionUrlConfig", "alias does not exist"): NOT_YET + "UpdateFunctionUrlConfig",
    ("UpdateFunctionUrlConfig", "function has no URL"): NOT_YET + "UpdateFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "qualifier is a version number"): NOT_YET + "CreateFunctionUrlConfig",
    ("GetFunctionUrlConfig", "qualifier is $LATEST"): NOT_YET + "GetFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "suffix of the name differs from Qualifier"): NOT_YET + "CreateFunctionUrlConfig",
    ("CreateFunctionUrlConfig", "unknown invoke mode"): NOT_YET + "CreateFunctionUrlConfig",
}
