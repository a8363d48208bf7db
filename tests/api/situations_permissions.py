"""What the samples of permissions.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "permissions"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("AddPermission", "service principal with source ARN"): NOT_YET + "AddPermission",
    ("GetPolicy", "one statement"): NOT_YET + "GetPolicy",
    ("AddPermission", "everyone, restricted to an account"): NOT_YET + "AddPermission",
    ("AddPermission", "service principal with source account"): NOT_YET + "AddPermission",
    ("AddPermission", "account number as principal"): NOT_YET + "AddPermission",
    ("AddPermission", "every optional condition at once"): NOT_YET + "AddPermission",
    ("AddPermission", "event source token"): NOT_YET + "AddPermission",
    ("GetPolicy", "two statements, in the order added"): NOT_YET + "GetPolicy",
    ("GetPolicy", "one of two statements removed"): NOT_YET + "GetPolicy",
    ("GetPolicy", "last statement removed"): NOT_YET + "GetPolicy",
    ("RemovePermission", "unknown statement, policy exists"): NOT_YET + "RemovePermission",
    ("AddPermission", "statement id with a dot"): NOT_YET + "AddPermission",
    ("AddPermission", "suffix of the name differs from Qualifier"): NOT_YET + "AddPermission",
    ("AddPermission", "for $LATEST"): NOT_YET + "AddPermission",
    ("AddPermission", "principal that is no AWS service"): NOT_YET + "AddPermission",
    ("AddPermission", "function does not exist"): NOT_YET + "AddPermission",
    ("AddPermission", "alias does not exist"): NOT_YET + "AddPermission",
    ("AddPermission", "version does not exist"): NOT_YET + "AddPermission",
    ("AddPermission", "statement id taken"): NOT_YET + "AddPermission",
    ("AddPermission", "wrong RevisionId"): NOT_YET + "AddPermission",
    ("GetPolicy", "function does not exist"): NOT_YET + "GetPolicy",
    ("RemovePermission", "no policy on the function"): NOT_YET + "RemovePermission",
    ("RemovePermission", "function does not exist"): NOT_YET + "RemovePermission",
    ("RemovePermission", "alias does not exist"): NOT_YET + "RemovePermission",
}
