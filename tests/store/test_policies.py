import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from lambent.core.arn import FunctionReference
from lambent.core.layer_policies import LayerPermission
from lambent.core.policies import Policy, add_statement
from lambent.core.scope import Scope
from lambent.store import policies as table
from lambent.store.database import Database, in_transaction, open_engine
from lambent.store.errors import StoreConflict
from lambent.store.migrations import control
from lambent.store.migrations.runner import migration_modules
from lambent.store.qualified import Existence

SCOPE = Scope("123456789012", "eu-west-1")
FUNCTION = FunctionReference("f", None)
POLICY = Policy("{}", "r1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'control.db'}", control)
    yield database
    database.close()


async def test_the_decision_hears_what_there_is_and_a_function_that_is_not_there_gets_nothing(
    database: Database,
) -> None:
    heard: list[tuple[Existence, Policy | None]] = []

    def decide(there: Existence, policy: Policy | None) -> Policy:
        heard.append((there, policy))
        return POLICY

    with pytest.raises(StoreConflict):
        await database.write(table.change, SCOPE, FUNCTION, decide)
    assert heard == [(Existence.NO_SUCH_FUNCTION, None)]
    assert await database.read(table.find, SCOPE, FUNCTION) is None


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/migrated.db", connections=1)
    yield engine
    engine.dispose()


def test_policies_of_layers_from_before_are_the_documents_of_now(engine: Engine) -> None:
    """Before the fifth migration a layer version's policy was kept as a list of the members of its statements."""
    before = [
        {"statement_id": "s1", "action": "lambda:GetLayerVersion", "principal": "*", "organization_id": "o-abc123defg"},
        {
            "statement_id": "s2",
            "action": "lambda:GetLayerVersion",
            "principal": "arn:aws:iam::999999999999:root",
            "organization_id": None,
        },
    ]
    for name in migration_modules(control)[:4]:
        in_transaction(engine, importlib.import_module(name).upgrade)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO layers VALUES ('123456789012', 'eu-west-1', 'l', 2)"))
        for version, policy in ((1, json.dumps(before)), (2, None)):
            connection.execute(
                text(
                    "INSERT INTO layer_versions (account, region, name, version, description, code_sha256, code_size, "
                    "unpacked_bytes, created_ms, policy, policy_revision_id) "
                    "VALUES ('123456789012', 'eu-west-1', 'l', :version, '', '00', 1, 1, 1, :policy, 'r1')"
                ),
                {"version": version, "policy": policy},
            )
    in_transaction(engine, importlib.import_module(migration_modules(control)[4]).upgrade)
    expected: Policy | None = None
    for permission in (
        LayerPermission("s1", "lambda:GetLayerVersion", "*", "o-abc123defg"),
        LayerPermission("s2", "lambda:GetLayerVersion", "999999999999"),
    ):
        statement = permission.statement("arn:aws:lambda:eu-west-1:123456789012:layer:l:1")
        expected = add_statement(
            expected, statement, seen_revision=None, revision_id="r1", read_operation="GetLayerPolicy"
        )
    assert expected is not None
    with engine.begin() as connection:
        found = connection.execute(text("SELECT policy FROM layer_versions ORDER BY version")).scalars().all()
    assert found == [expected.text, None]
