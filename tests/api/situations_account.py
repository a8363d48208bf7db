"""What the samples of account.json need."""

from tests.api.golden_world import Reasons, Situations, nothing

FILE = "account"

SITUATIONS: Situations = {
    ("GetAccountSettings", "any account; values differ"): nothing,
}

SKIPPED: Reasons = {}
