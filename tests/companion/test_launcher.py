"""The pure parts of what runs in the companion's process."""

import importlib
import io
import zipfile
from typing import Any

import pytest

from lambent.companion.launcher.deliveries import is_function
from lambent.companion.launcher.events import complete_s3_event, rule_event
from lambent.companion.launcher.inline_code import inline_package
from lambent.companion.launcher.stacks import fit


def shape(operation: str) -> Any:
    session = importlib.import_module("botocore.session").get_session()
    return session.get_service_model("lambda").operation_model(operation).input_shape


def test_a_templates_values_are_fitted_to_the_api() -> None:
    """CloudFormation user guide: a number may be text."""
    properties = {
        "FunctionName": "f",
        "Timeout": "7",
        "MemorySize": 256,
        "Publish": "true",
        "Environment": {"Variables": {"NUMBER": 1, "SWITCH": True, "TEXT": "x"}},
        "Layers": ["a"],
        "EphemeralStorage": {"Size": "1024"},
        "OnlyCloudFormationHasIt": 1,
    }
    assert fit(shape("CreateFunction"), properties) == {
        "FunctionName": "f",
        "Timeout": 7,
        "MemorySize": 256,
        "Publish": True,
        "Environment": {"Variables": {"NUMBER": "1", "SWITCH": "true", "TEXT": "x"}},
        "Layers": ["a"],
        "EphemeralStorage": {"Size": 1024},
    }


def test_what_cannot_be_fitted_is_left_to_the_api() -> None:
    assert fit(shape("CreateFunction"), {"Timeout": "soon"}) == {"Timeout": "soon"}


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", True),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f:live", True),
        ("arn:aws:lambda:eu-west-1:123456789012:layer:l", False),
        ("arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("f", False),
        (None, False),
    ],
)
def test_which_targets_are_functions(arn: object, expected: bool) -> None:
    assert is_function(arn) is expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1714557600.5, "2024-05-01T10:00:00Z"),
        ("1714557600", "2024-05-01T10:00:00Z"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
    ],
)
def test_the_time_of_an_event_is_in_words(time: Any, expected: str) -> None:
    """Source: event-sources.md §9, "EventBridge"."""
    assert rule_event({"time": time, "ingestion-time": 1.0, "detail": {}}) == {"time": expected, "detail": {}}


def test_only_deletions_have_no_size() -> None:
    """Source: event-sources.md §9, "S3"."""

    def event(name: str) -> dict[str, Any]:
        record = {"eventName": name, "s3": {"bucket": {}, "object": {"key": "k", "size": 1, "eTag": "e"}}}
        return complete_s3_event({"Records": [record]}, account_id="1" * 12, request_id="R", sequencer="S")

    created = event("ObjectCreated:Put")["Records"][0]["s3"]["object"]
    assert created == {"key": "k", "size": 1, "eTag": "e", "sequencer": "S"}
    assert event("ObjectRemoved:Delete")["Records"][0]["s3"]["object"] == {"key": "k", "sequencer": "S"}


@pytest.mark.parametrize(
    ("runtime", "files"),
    [
        ("python3.13", {"index.py", "cfnresponse.py"}),
        ("nodejs22.x", {"index.js", "node_modules/cfn-response/index.js"}),
    ],
)
def test_code_in_a_template_is_index_with_the_module_for_custom_resources(runtime: str, files: set[str]) -> None:
    """Source: CloudFormation user guide, "cfn-response module"."""
    package = inline_package("text", runtime)
    assert package == inline_package("text", runtime)  # the same text is the same package
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert set(archive.namelist()) == files
        [index] = [name for name in files if name.startswith("index.")]
        assert archive.read(index) == b"text"
