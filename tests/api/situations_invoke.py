"""What the samples of invoke.json need."""

from tests.api.golden_world import Reasons, Situations

FILE = "invoke"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("Invoke", "function does not exist, no qualifier"): "compared in tests/invoke/test_qualifiers.py",
    ("Invoke", "asynchronous"): "compared in tests/invoke/test_events.py",
    ("Invoke", "by alias name"): "compared in tests/invoke/test_aliases.py",
    ("Invoke", "by alias after it was moved to version 2"): "compared in tests/invoke/test_aliases.py",
    ("Invoke", "alias does not exist"): "compared in tests/invoke/test_qualifiers.py",
    ("Invoke", "handler raises an error (Python)"): "compared in tests/invoke/test_function_errors.py",
    ("Invoke", "module raises an error while loading (Python)"): "compared in tests/invoke/test_function_errors.py",
    ("Invoke", "function runs into its timeout of one second"): "compared in tests/invoke/test_function_errors.py",
    ("Invoke", "nothing reserved (0): refused"): "compared in tests/invoke/test_concurrency.py",
    (
        "Invoke",
        "asynchronous with nothing reserved (0): accepted all the same",
    ): "compared in tests/invoke/test_events.py",
    ("Invoke", "reserved concurrency used up"): "compared in tests/invoke/test_concurrency.py",
    ("Invoke", "payload is not UTF-8"): "compared in tests/invoke/test_payloads.py",
    ("Invoke", "characters not allowed in the ARN"): "compared in tests/invoke/test_qualifiers.py",
}
