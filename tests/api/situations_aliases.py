"""What the samples of aliases.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "aliases"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("CreateAlias", "description and weights"): NOT_YET + "CreateAlias",
    ("CreateAlias", "description, no weights"): NOT_YET + "CreateAlias",
    ("CreateAlias", "only required parameters: Description is empty, not absent"): NOT_YET + "CreateAlias",
    ("CreateAlias", "empty weights given"): NOT_YET + "CreateAlias",
    ("CreateAlias", "points at $LATEST"): NOT_YET + "CreateAlias",
    ("GetAlias", "with weights"): NOT_YET + "GetAlias",
    ("GetAlias", "weights taken away by an update"): NOT_YET + "GetAlias",
    ("UpdateAlias", "weights taken away with an empty map"): NOT_YET + "UpdateAlias",
    ("UpdateAlias", "nothing to change"): NOT_YET + "UpdateAlias",
    ("UpdateAlias", "new description with right RevisionId"): NOT_YET + "UpdateAlias",
    ("UpdateAlias", "moved to the next version"): NOT_YET + "UpdateAlias",
    ("ListAliases", "four aliases (order not asserted)"): NOT_YET + "ListAliases",
    ("ListAliases", "only those of version 1"): NOT_YET + "ListAliases",
    ("DeleteAlias", "existing alias"): NOT_YET + "DeleteAlias",
    ("DeleteAlias", "alias that never existed: no error"): NOT_YET + "DeleteAlias",
    ("CreateAlias", "two weights"): NOT_YET + "CreateAlias",
    ("CreateAlias", "weight above 1"): NOT_YET + "CreateAlias",
    ("CreateAlias", "weight for the primary version"): NOT_YET + "CreateAlias",
    ("CreateAlias", "unknown primary version"): NOT_YET + "CreateAlias",
    ("CreateAlias", "unknown weighted version"): NOT_YET + "CreateAlias",
    ("CreateAlias", "$LATEST with weights"): NOT_YET + "CreateAlias",
    ("CreateAlias", "$LATEST as weighted version"): NOT_YET + "CreateAlias",
    ("CreateAlias", "alias name taken"): NOT_YET + "CreateAlias",
    ("CreateAlias", "name of digits only"): NOT_YET + "CreateAlias",
    ("GetAlias", "unknown alias"): NOT_YET + "GetAlias",
    ("UpdateAlias", "wrong RevisionId"): NOT_YET + "UpdateAlias",
}
