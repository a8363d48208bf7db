"""What the samples of code-signing.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "code-signing"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("CreateCodeSigningConfig", "policy Enforce and description given"): NOT_YET + "CreateCodeSigningConfig",
    ("UpdateCodeSigningConfig", "nothing to change"): NOT_YET + "UpdateCodeSigningConfig",
    ("GetCodeSigningConfig", "existing"): NOT_YET + "GetCodeSigningConfig",
    ("GetFunctionCodeSigningConfig", "function without one"): NOT_YET + "GetFunctionCodeSigningConfig",
    ("DeleteFunctionCodeSigningConfig", "function without one: no error"): NOT_YET + "DeleteFunctionCodeSigningConfig",
    ("ListFunctionsByCodeSigningConfig", "used by no function"): NOT_YET + "ListFunctionsByCodeSigningConfig",
    ("DeleteCodeSigningConfig", "does not exist"): NOT_YET + "DeleteCodeSigningConfig",
    ("UpdateCodeSigningConfig", "does not exist, nothing to change"): NOT_YET + "UpdateCodeSigningConfig",
    ("GetCodeSigningConfig", "does not exist"): NOT_YET + "GetCodeSigningConfig",
    ("ListFunctionsByCodeSigningConfig", "does not exist"): NOT_YET + "ListFunctionsByCodeSigningConfig",
    ("PutFunctionCodeSigningConfig", "configuration does not exist"): NOT_YET + "PutFunctionCodeSigningConfig",
    (
        "PutFunctionCodeSigningConfig",
        "neither function nor configuration exist: configuration is checked first",
    ): NOT_YET + "PutFunctionCodeSigningConfig",
    ("PutFunctionCodeSigningConfig", "function does not exist"): NOT_YET + "PutFunctionCodeSigningConfig",
    ("GetFunctionCodeSigningConfig", "function does not exist"): NOT_YET + "GetFunctionCodeSigningConfig",
    ("DeleteFunctionCodeSigningConfig", "function does not exist"): NOT_YET + "DeleteFunctionCodeSigningConfig",
}
