"""Runtime identifiers as AWS knows them."""

from __future__ import annotations

from datetime import date

import pytest

from lambent.runtimes.catalogue import RUNTIMES, unknown_runtime_message, unsupported_runtime_message
from lambent.runtimes.python.interpreters import IDENTIFIERS
from lambent.wire.constraints import VALUE_SETS

TODAY = date(2026, 9, 1)


def test_what_aws_lists_can_be_created_and_the_rest_of_the_catalogue_cannot() -> None:
    listed = set(VALUE_SETS["Runtime"])
    # ruby4.0 was added after the list was recorded.
    assert {name for name, runtime in RUNTIMES.items() if not runtime.blocks_create(TODAY)} == listed | {"ruby4.0"}


@pytest.mark.parametrize(
    ("identifier", "create", "update"),
    [("python3.13", False, False), ("python3.7", True, False), ("python2.7", True, True), ("nodejs4.3", True, True)],
)
def test_blocks(identifier: str, create: bool, update: bool) -> None:
    runtime = RUNTIMES[identifier]
    assert (runtime.blocks_create(TODAY), runtime.blocks_update(TODAY)) == (create, update)


def test_a_runtime_is_blocked_from_its_day_on() -> None:
    runtime = RUNTIMES["python3.9"]
    assert not runtime.blocks_create(date(2027, 1, 31))
    assert runtime.blocks_create(date(2027, 2, 1))
    assert not runtime.blocks_update(date(2027, 3, 2))
    assert runtime.blocks_update(date(2027, 3, 3))


def test_families() -> None:
    families = {runtime.family for runtime in RUNTIMES.values()}
    assert families == {"dotnet", "go", "java", "nodejs", "provided", "python", "ruby"}


def test_every_identifier_of_the_python_client_is_in_the_catalogue() -> None:
    assert set(IDENTIFIERS) <= set(RUNTIMES)


def test_messages_are_those_of_aws() -> None:
    assert unsupported_runtime_message("java8") == (
        "The runtime parameter of java8 is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    )
    assert unknown_runtime_message("PYTHON3.9").startswith(
        "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        "[nodejs20.x, python3.14, provided.al2023, "
    )
    assert unknown_runtime_message("x").endswith("java8.al2] or be a valid ARN")
