"""What the samples of runtime-management.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "runtime-management"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("GetRuntimeManagementConfig", "never set"): NOT_YET + "GetRuntimeManagementConfig",
    ("PutRuntimeManagementConfig", "manual with a runtime version"): NOT_YET + "PutRuntimeManagementConfig",
}
