"""A change of any resource is there or not when the server is killed: never half of it, never lost once acknowledged."""

import contextlib
import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.api.inventory import ALIAS, FUNCTION, Inventory
from tests.api.raw_requests import Connection
from tests.lambent_server import REGION, LambentServer

pytestmark = [pytest.mark.root, pytest.mark.slow]

ACCOUNT = "000000000000"
KILLS = 6
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"


class Written(NamedTuple):
    """A resource that is written with one number in two places, so that half a write can be seen.

    Attributes:
        request: what writes a number.
        read: what is asked, and the numbers that the answer has.
    """

    operation: str
    request: Callable[[int], dict[str, Any]]
    reading: tuple[str, dict[str, Any]]
    numbers: Callable[[dict[str, Any]], list[int]]


def resources(inventory: Inventory) -> Iterator[Written]:
    function = {"FunctionName": FUNCTION}
    qualified = {**function, "Qualifier": ALIAS}
    uuid, config = inventory.names["UUID"][0], inventory.names["CodeSigningConfigArn"][0]
    yield Written(
        "TagResource",
        lambda n: {"Resource": ARN, "Tags": {"first": str(n), "second": str(n)}},
        ("ListTags", {"Resource": ARN}),
        lambda shown: [int(shown["Tags"][name]) for name in ("first", "second")],
    )
    yield Written(
        "PutFunctionEventInvokeConfig",
        lambda n: {
            **qualified,
            "MaximumEventAgeInSeconds": 60 + n,
            "DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{n}"}},
        },
        ("GetFunctionEventInvokeConfig", qualified),
        lambda shown: [
            shown["MaximumEventAgeInSeconds"] - 60,
            int(shown["DestinationConfig"]["OnFailure"]["Destination"].rpartition("q")[2]),
        ],
    )
    yield Written(
        "UpdateFunctionUrlConfig",
        lambda n: {**qualified, "Cors": {"AllowOrigins": ["*"], "MaxAge": n, "AllowHeaders": [f"x-{n}"]}},
        ("GetFunctionUrlConfig", qualified),
        lambda shown: [
            shown["Cors"]["MaxAge"],
            int(shown["Cors"]["AllowHeaders"][0][2:]),
        ],
    )
    yield Written(
        "PutResourcePolicy",
        lambda n: {
            "ResourceArn": f"{ARN}:{ALIAS}",
            "Policy": json.dumps({"Version": "2012-10-17", "Id": str(n), "Statement": [statement(n)]}),
        },
        ("GetResourcePolicy", {"ResourceArn": f"{ARN}:{ALIAS}"}),
        lambda shown: numbers_of_policy(json.loads(shown["Policy"])),
    )
    yield Written(
        "UpdateCodeSigningConfig",
        lambda n: {
            "CodeSigningConfigArn": config,
            "Description": str(n),
            "AllowedPublishers": {"SigningProfileVersionArns": [f"{PROFILE}{n}"]},
        },
        ("GetCodeSigningConfig", {"CodeSigningConfigArn": config}),
        lambda shown: numbers_of_config(shown["CodeSigningConfig"]),
    )
    yield Written(
        "UpdateEventSourceMapping",
        lambda n: {
            "UUID": uuid,
            "BatchSize": 1 + n,
            "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": f"subnet:subnet-{n}"}],
        },
        ("GetEventSourceMapping", {"UUID": uuid}),
        lambda shown: [shown["BatchSize"] - 1, int(shown["SourceAccessConfigurations"][0]["URI"].rpartition("-")[2])],
    )
    yield Written(
        "PutFunctionConcurrency",
        lambda n: {**function, "ReservedConcurrentExecutions": 10 + n},
        ("GetFunctionConcurrency", function),
        lambda shown: [shown["ReservedConcurrentExecutions"] - 10],
    )


def statement(number: int) -> dict[str, Any]:
    return {
        "Sid": f"s{number}",
        "Effect": "Allow",
        "Principal": {"AWS": "123456789012"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}:{ALIAS}",
    }


def numbers_of_policy(document: dict[str, Any]) -> list[int]:
    return [int(document["Id"]), int(document["Statement"][0]["Sid"][1:])]


def numbers_of_config(shown: dict[str, Any]) -> list[int]:
    [profile] = shown["AllowedPublishers"]["SigningProfileVersionArns"]
    return [int(shown["Description"]), int(profile.removeprefix(PROFILE))]


class Writer:
    """Writes every resource again and again, each time with the next number, until the server has gone."""

    def __init__(self, written: list[Written]) -> None:
        self.written = written
        self.acknowledged = [0] * len(written)
        self.attempted = [0] * len(written)
        self._numbers = itertools.count(1)

    def run(self, connection: Connection) -> None:
        try:
            for number in self._numbers:
                for index, one in enumerate(self.written):
                    self.attempted[index] = number
                    answer = connection.call(one.operation, one.request(number))
                    if answer.status < 300:
                        self.acknowledged[index] = number
                    else:
                        # a mapping that is Updating takes no update, nor does a function that is being updated take tags
                        assert answer.headers["x-amzn-errortype"] in {
                            "ResourceInUseException",
                            "ResourceConflictException",
                        }, answer
        except (OSError, http.client.HTTPException):
            return


@pytest.mark.timeout(300)
def test_every_change_is_whole_and_what_was_acknowledged_stays(own_lambent: LambentServer) -> None:
    inventory = Inventory(own_lambent.start().url, account=ACCOUNT)
    inventory.fill()
    inventory.make("DeleteProvisionedConcurrencyConfig", {"FunctionName": FUNCTION, "Qualifier": ALIAS})
    writer = Writer(list(resources(inventory)))
    for one in writer.written:
        inventory.make(one.operation, one.request(0))
        inventory.settle()
    chance = random.Random()
    for _ in range(KILLS):
        thread = threading.Thread(target=writer.run, args=(inventory.connection,))
        thread.start()
        time.sleep(chance.uniform(0.05, 0.5))
        own_lambent.kill()
        thread.join()
        inventory.connection.close()
        inventory.connection = Connection(own_lambent.start().url, account=ACCOUNT)
        inventory.settle()
        for index, one in enumerate(writer.written):
            operation, request = one.reading
            numbers = one.numbers(json.loads(inventory.connection.call(operation, request).body))
            assert len(set(numbers)) == 1, f"half of {one.operation}: {numbers}"
            assert numbers[0] in {writer.acknowledged[index], writer.attempted[index]}, one.operation
            writer.acknowledged[index] = numbers[0]
    assert all(writer.acknowledged), writer.acknowledged
    inventory.connection.close()
    assert "Traceback" not in own_lambent.said()


@pytest.mark.timeout(300)
def test_a_function_is_deleted_with_all_that_hangs_on_it_or_not_at_all(own_lambent: LambentServer) -> None:
    """The kill comes at any time from before the deletion is asked for until it is answered."""
    chance = random.Random()
    own_lambent.start()
    for number in range(KILLS):
        account = f"{number:012}"  # numbers of layer versions aren't used again
        inventory = Inventory(own_lambent.url, account=account)
        inventory.fill()
        before = inventory.look()
        killer = threading.Timer(chance.uniform(0, 0.02), own_lambent.kill)
        killer.start()
        with contextlib.suppress(OSError, http.client.HTTPException):
            inventory.make("DeleteFunction", {"FunctionName": FUNCTION})
        killer.join()
        inventory.connection.close()
        inventory.connection = Connection(own_lambent.start().url, account=account)
        inventory.settle()
        after = inventory.look()
        status = inventory.connection.call("GetFunction", {"FunctionName": FUNCTION}).status
        if status == 200:
            inventory.settle()
            assert {reading: code for reading, (code, _) in inventory.look().items()} == {
                reading: code for reading, (code, _) in before.items()
            }
        else:
            assert not [
                reading
                for reading, (code, body) in after.items()
                if code == 200 and ("FunctionName", FUNCTION) in reading.request and any(body.values())
            ]
        inventory.empty()
    assert "Traceback" not in own_lambent.said()
