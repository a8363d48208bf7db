"""What the samples of provisioned.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "provisioned"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("PutProvisionedConcurrencyConfig", "alias, five"): NOT_YET + "PutProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "still starting"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "ready"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "function fails while starting: status and reason"): NOT_YET
    + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "version, ready"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("ListProvisionedConcurrencyConfigs", "none"): NOT_YET + "ListProvisionedConcurrencyConfigs",
    ("DeleteProvisionedConcurrencyConfig", "version without a configuration: no error"): NOT_YET
    + "DeleteProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "nothing configured"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "function does not exist, alias-like qualifier"): NOT_YET
    + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "version does not exist"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("GetProvisionedConcurrencyConfig", "$LATEST"): NOT_YET + "GetProvisionedConcurrencyConfig",
    ("DeleteProvisionedConcurrencyConfig", "alias does not exist"): NOT_YET + "DeleteProvisionedConcurrencyConfig",
    ("DeleteProvisionedConcurrencyConfig", "$LATEST"): NOT_YET + "DeleteProvisionedConcurrencyConfig",
    ("PutProvisionedConcurrencyConfig", "zero"): NOT_YET + "PutProvisionedConcurrencyConfig",
    ("PutProvisionedConcurrencyConfig", "function does not exist, version qualifier"): NOT_YET
    + "PutProvisionedConcurrencyConfig",
    ("PutProvisionedConcurrencyConfig", "$LATEST"): NOT_YET + "PutProvisionedConcurrencyConfig",
    ("ListProvisionedConcurrencyConfigs", "function does not exist"): NOT_YET + "ListProvisionedConcurrencyConfigs",
    ("PutProvisionedConcurrencyConfig", "more than the account has"): NOT_YET + "PutProvisionedConcurrencyConfig",
    ("PutProvisionedConcurrencyConfig", "all the account has"): NOT_YET + "PutProvisionedConcurrencyConfig",
}
