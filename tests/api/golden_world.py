"""The account in which a golden sample's situation is brought about, and the situations that many samples share.

What only the samples of one file need is in `situations_<file>.py`; `test_golden_answers.py` says how such a module looks.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from lambent.core.layers import layer_version_arn
from lambent.core.scope import Scope
from tests.api.calls import package, settle
from tests.golden import Sample, fill
from tests.lambent_server import REGION

NOT_YET = "needs what a later version brings: "


class World:
    """One account, and what a sample's situation needs there.

    Attributes:
        stack: what the test lets go of at its end.
        fixture: the value of a pytest fixture.
    """

    def __init__(
        self, client: Any, account: str, sample: Sample, stack: ExitStack, fixture: Callable[[str], Any]
    ) -> None:
        self.client = client
        self.fixture = fixture
        self.sample = sample
        self.stack = stack
        self.request = sample.request
        self.values: dict[str, Any] = {
            "account": account,
            "region": REGION,
            "other-region": "us-west-2",
            "function": "first-function",
            "function:2": "second-function",
            "missing-function": "missing-function",
            "role": "lambda-role",
            "bucket": f"bucket-{account}",
            "missing-bucket": "a-missing-bucket",
            "log-group": "cool_lambda",
            "layer": f"layer-{account}",
            "six layer version ARNs": [layer_version_arn(Scope(account, REGION), f"l{n}", 1) for n in range(6)],
            "security-group:1": "sg-1",
            "security-group:2": "sg!",
            "subnet:1": "subnet-1",
            "queue": "my-queue",
            "zip": package("sent"),
            "random bytes": b"random bytes",
            "account limit": 1000,
            "account limit + 1": 1001,
            "4064 bytes": 4064 * "x",
        }

    @property
    def expected(self) -> dict[str, Any]:
        """The configuration that the sample's answer shows, or the smallest one if it shows none."""
        body = self.sample.body or {}
        configuration: dict[str, Any] = body.get("Configuration", body)
        return configuration

    def create(self, name: str = "function", *, like: dict[str, Any] | None = None, **more: Any) -> None:
        """An active function whose settings are those of a configuration."""
        shown = fill(self.expected if like is None else like, {**self.values, **_ANYTHING})
        taken = ("Runtime", "Handler", "Description", "MemorySize", "Timeout", "Environment", "LoggingConfig")
        self.client.create_function(
            FunctionName=self.values[name],
            Role=f"arn:aws:iam::{self.values['account']}:role/{self.values['role']}",
            Code={"ZipFile": package("created")},
            **{
                "Runtime": "python3.12",
                "Handler": "index.handler",
                **{member: shown[member] for member in taken if member in shown},
                **more,
            },
        )
        self.settle(name)

    def settle(self, name: str = "function") -> None:
        """Wait until the function is active and updated."""
        settle(self.client, self.values[name])

    def change(self, **settings: Any) -> None:
        """Update the settings (or only the code) and wait for it."""
        name = self.values["function"]
        if settings:
            self.client.update_function_configuration(FunctionName=name, **settings)
        else:
            self.client.update_function_code(FunctionName=name, ZipFile=package("changed"))
        self.settle()

    def put_object(self, content: bytes, key: str = "code/fn.zip") -> None:
        """Make the bucket, with one object in it."""
        s3, bucket = self.fixture("s3"), self.values["bucket"]
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    def publish_layer(self) -> None:
        self.client.publish_layer_version(LayerName=self.values["layer"], Content={"ZipFile": package("layer")})

    def publish(self, **more: Any) -> Any:
        return self.client.publish_version(FunctionName=self.values["function"], **more)


_ANYTHING = {"sha256": "", "date": "", "uuid": "", "size": 0, "url": "", "runtime-version": "", "vpc": ""}

Situation = Callable[[World], object]
Situations = dict[tuple[str, str], Situation]
Reasons = dict[tuple[str, str], str]


def nothing(world: World) -> None:
    """Nothing exists."""


def existing(world: World) -> None:
    world.create()


def published(world: World) -> None:
    world.create()
    world.publish()


def deleted(world: World) -> None:
    world.create(like={})
    world.client.delete_function(FunctionName=world.values["function"])


def small(world: World) -> None:
    world.create(like={})
