"""What is decided in the transaction that writes `$LATEST`, whatever was looked at before."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.core.code_signing import CodeSigningConfig, UntrustedArtifact
from lambent.core.errors import CodeVerificationFailed, InvalidParameterValue
from lambent.core.function import Code, FunctionConfiguration, FunctionLayer, FunctionRecord
from lambent.core.runtime_management import RuntimeManagement
from lambent.store import code_signing, function_changes, functions, runtime_management
from lambent.store.database import Database
from lambent.store.migrations import control
from tests.store.test_functions import SCOPE, insert, latest

CURRENT = latest("a")
OTHER_CODE = replace(CURRENT, code=Code("11" * 32, 7), revision_id="r2")
LAYERS = (
    FunctionLayer(arn="arn:aws:lambda:eu-west-1:123456789012:layer:l:1", sha256="22" * 32, size=1, unpacked_bytes=1),
)
OTHER_LAYERS = replace(CURRENT, settings=replace(CURRENT.settings, layers=LAYERS), revision_id="r2")
DESCRIBED = replace(CURRENT, settings=replace(CURRENT.settings, description="new"), revision_id="r2")
ENFORCED = CodeSigningConfig(SCOPE, "csc-1", ("publisher",), UntrustedArtifact.ENFORCE, "", 1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """The function a, and a code signing config that it hasn't got."""
    opened = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    await insert(opened, CURRENT)
    await opened.write(code_signing.insert_config, ENFORCED)
    yield opened
    opened.close()


async def write(database: Database, changed: FunctionConfiguration, *, publish: bool) -> bool:
    if not publish:
        return await database.write(function_changes.replace_configuration, CURRENT, changed)
    made = await database.write(
        function_changes.replace_and_publish, CURRENT, changed, lambda number: replace(changed, version=number)
    )
    return made is not None


async def stored(database: Database) -> list[FunctionConfiguration]:
    return await database.read(functions.all_versions, SCOPE, "a")


@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize("changed", [OTHER_CODE, OTHER_LAYERS])
async def test_signatures_that_are_enforced_by_now_keep_code_and_layers_out(
    database: Database, changed: FunctionConfiguration, publish: bool
) -> None:
    await database.write(code_signing.put_function_config, SCOPE, "a", "csc-1")
    with pytest.raises(CodeVerificationFailed):
        await write(database, changed, publish=publish)
    assert await stored(database) == [CURRENT]
    await database.write(code_signing.delete_function_config, SCOPE, "a")
    assert await write(database, changed, publish=publish)


async def test_other_changes_need_no_signature(database: Database) -> None:
    await database.write(code_signing.put_function_config, SCOPE, "a", "csc-1")
    assert await write(database, DESCRIBED, publish=False)
    assert await stored(database) == [DESCRIBED]


async def test_signatures_that_are_enforced_by_now_keep_a_new_function_out(database: Database) -> None:
    new = latest("b")
    with pytest.raises(CodeVerificationFailed):
        await database.write(
            code_signing.insert_function_with_config, FunctionRecord(SCOPE, "b"), [new], config_id="csc-1"
        )
    assert await database.read(functions.find_function, SCOPE, "b") is None


async def test_a_runtime_that_is_pinned_by_now_stays(database: Database) -> None:
    pinned = RuntimeManagement("Manual", "arn:aws:lambda:eu-west-1::runtime:1")
    await database.write(runtime_management.put_runtime_management, SCOPE, "a", "$LATEST", pinned, lambda _: None)
    other = replace(CURRENT, settings=replace(CURRENT.settings, runtime="python3.12"), revision_id="r2")
    with pytest.raises(InvalidParameterValue):
        await write(database, other, publish=False)
    assert await stored(database) == [CURRENT]


@pytest.mark.parametrize("publish", [False, True])
async def test_of_two_writers_the_second_is_told(database: Database, publish: bool) -> None:
    assert await write(database, DESCRIBED, publish=False)
    assert not await write(database, OTHER_CODE, publish=publish)
    assert await stored(database) == [DESCRIBED]
