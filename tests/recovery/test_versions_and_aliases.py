"""Published versions are frozen and aliases point at them, also across the death of the server."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.lambent_server import LambentServer, create_function, wait_until_active, zip_of
from tests.recovery.test_sigkill import invoked, killed_and_started_again

pytestmark = pytest.mark.root

NAME = "fn"
SEEN = """\
import os
from shared import TEXT

def handler(event, context):
    return ["%s", os.environ["COLOUR"], TEXT, context.memory_limit_in_mb, context.function_version]
"""


def add_layer(client: Any, text: str) -> str:
    content = {"ZipFile": zip_of({"python/shared.py": f"TEXT = {text!r}\n"})}
    arn: str = client.publish_layer_version(LayerName="shared", Content=content)["LayerVersionArn"]
    return arn


def test_a_version_runs_what_was_published_and_an_alias_finds_it(own_lambent: LambentServer) -> None:
    """Code, settings and layers (a deleted layer version too). Source: developer guide, "Lambda function versions"."""
    client = own_lambent.start().client()
    first, second = add_layer(client, "first layer"), add_layer(client, "second layer")
    create_function(client, NAME, SEEN % "old", Environment={"Variables": {"COLOUR": "red"}}, Layers=[first])
    client.publish_version(FunctionName=NAME)
    client.update_function_code(FunctionName=NAME, ZipFile=zip_of({"app.py": SEEN % "new"}))
    wait_until_active(client, NAME)
    client.update_function_configuration(
        FunctionName=NAME, MemorySize=256, Environment={"Variables": {"COLOUR": "blue"}}, Layers=[second]
    )
    wait_until_active(client, NAME)
    client.publish_version(FunctionName=NAME)
    client.delete_layer_version(LayerName="shared", VersionNumber=1)
    client.create_alias(FunctionName=NAME, Name="stable", FunctionVersion="1")
    weights = {"AdditionalVersionWeights": {"2": 1.0}}
    client.create_alias(FunctionName=NAME, Name="split", FunctionVersion="1", RoutingConfig=weights)
    old, new = ["old", "red", "first layer", "128", "1"], ["new", "blue", "second layer", "256", "2"]

    def check() -> None:
        for qualifier, expected in (("1", old), ("2", new), ("stable", old), ("split", new)):
            assert invoked(client, NAME, None, Qualifier=qualifier) == expected
        assert invoked(client, NAME, None) == [*new[:-1], "$LATEST"]

    check()
    before = client.list_aliases(FunctionName=NAME)["Aliases"]
    client = killed_and_started_again(own_lambent)
    assert client.list_aliases(FunctionName=NAME)["Aliases"] == before
    check()


@dataclass
class Written:
    """What the server has acknowledged of the function's versions and its alias."""

    versions: list[str] = field(default_factory=list)
    alias: str = ""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_kill_leaves_aliases_and_versions_before_or_after_each_write(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    create_function(client, NAME, "def handler(event, context):\n    return context.function_version\n")
    written = Written()
    chance = random.Random()
    for _ in range(6):
        writer = threading.Thread(target=move_on_without_end, args=(client, written))
        writer.start()
        time.sleep(chance.uniform(0.05, 0.5))
        own_lambent.kill()
        writer.join()
        client = own_lambent.start().client()
        check_against(client, written)
    if written.alias:
        assert invoked(client, NAME, None, Qualifier="live") == written.alias
    assert "Traceback" not in own_lambent.said()


def move_on_without_end(client: Any, written: Written) -> None:
    """Publish a version, point the alias at it, delete the version before, until the server has gone."""
    try:
        while True:
            wait_until_active(client, NAME)
            client.update_function_configuration(FunctionName=NAME, Description=str(time.monotonic_ns()))
            wait_until_active(client, NAME)
            version = client.publish_version(FunctionName=NAME)["Version"]
            written.versions.append(version)
            change = {"FunctionName": NAME, "Name": "live", "FunctionVersion": version, "Description": version}
            (client.update_alias if written.alias else client.create_alias)(**change)
            before, written.alias = written.alias, version
            if before:
                client.delete_function(FunctionName=NAME, Qualifier=before)
                written.versions.remove(before)
    except (BotoCoreError, ClientError):
        return


def check_against(client: Any, written: Written) -> None:
    """What was acknowledged holds; of the one write that the kill cut off, all or nothing; the rest is brought along."""
    wait_until_active(client, NAME)
    listed = client.list_versions_by_function(FunctionName=NAME)["Versions"]
    versions = [version["Version"] for version in listed if version["Version"] != "$LATEST"]
    aliases = client.list_aliases(FunctionName=NAME)["Aliases"]
    assert len(aliases) <= 1
    assert len(set(versions) ^ set(written.versions)) <= 1
    for alias in aliases:
        assert alias["FunctionVersion"] == alias["Description"], "half of an update"
        assert alias["FunctionVersion"] in versions
        assert alias["FunctionVersion"] in {written.alias, versions[-1]}
        written.alias = alias["FunctionVersion"]
    assert aliases or not written.alias
    written.versions = versions
