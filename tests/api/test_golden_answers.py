"""Every recorded answer of AWS that concerns these operations: bring about the situation, send the request, compare."""

import io
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from lambent.core.layers import layer_version_arn
from lambent.core.scope import Scope
from tests.api.calls import call, package, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.golden import Sample, assert_answer, fill, samples
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

FILES = ("functions", "versions", "account", "concurrency", "errors", "tags", "layers")

NOT_YET = "needs what a later version brings: "
SKIPPED: dict[tuple[str, str], str] = {
    ("CreateFunction", "with VPC configuration"): NOT_YET + "VpcConfig is refused",
    ("CreateFunction", "with dead letter target"): NOT_YET + "DeadLetterConfig is refused",
    ("CreateFunction", "container image with environment"): NOT_YET + "images are refused",
    ("CreateFunction", "container image with entry point, command and directory"): NOT_YET + "images are refused",
    ("CreateFunction", "security group does not exist"): NOT_YET + "VpcConfig is refused",
    ("GetFunction", "by alias: ARN ends in the alias, Version is the number behind it"): NOT_YET + "aliases",
    ("GetFunction", "by qualified ARN of an alias"): NOT_YET + "aliases",
    ("GetFunction", "tags all removed again"): NOT_YET + "UntagResource",
    ("ListTags", "one tag given at creation, four added"): NOT_YET + "TagResource",
    ("ListTags", "one value overwritten"): NOT_YET + "TagResource",
    ("ListTags", "event source mapping tagged at creation"): NOT_YET + "event source mappings",
    ("GetFunction", "container image"): NOT_YET + "images are refused",
    ("GetFunction", "function with VPC configuration, active"): NOT_YET + "VpcConfig is refused",
    ("GetFunction", "VPC configuration taken away with empty lists, update finished"): NOT_YET + "VpcConfig is refused",
    ("GetFunctionConfiguration", "container image with its settings"): NOT_YET + "images are refused",
    ("UpdateFunctionConfiguration", "VPC configuration removed with empty lists: update in progress"): NOT_YET
    + "VpcConfig is refused",
    ("UpdateFunctionConfiguration", "empty dead letter structure given: the target stays"): NOT_YET
    + "DeadLetterConfig is refused",
    ("UpdateFunctionConfiguration", "image settings replaced without entry point"): NOT_YET + "images are refused",
    ("UpdateFunctionConfiguration", "image settings removed with an empty structure"): NOT_YET + "images are refused",
    ("UpdateFunctionCode", "new container image"): NOT_YET + "images are refused",
    ("UpdateFunctionCode", "zip for an image function"): NOT_YET + "images are refused",
    ("PublishVersion", "container image with matching hash"): NOT_YET + "images are refused",
    ("PublishVersion", "expected hash of an image differs (64 times a)"): NOT_YET + "images are refused",
    ("ListVersionsByFunction", "container image created with publish"): NOT_YET + "images are refused",
    ("UpdateFunctionConfiguration", "layer ARN without version"): "compared in tests/wire/test_constraints.py, since "
    "the model has a newer pattern",
}
NOT_IMPLEMENTED = {"TagResource", "UntagResource", "GetFunctionEventInvokeConfig"}


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
            "security-group:2": "sg!",
            "subnet:1": "subnet-1",
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


_ANYTHING = {"sha256": "", "date": "", "uuid": "", "size": 0, "url": "", "runtime-version": ""}

Situation = Callable[[World], object]


def nothing(world: World) -> None:
    """Nothing exists."""


def existing(world: World) -> None:
    world.create()


def updated(world: World) -> None:
    world.create()
    world.change(Description=world.expected["Description"])


def published(world: World) -> None:
    world.create()
    world.publish()


def moved_on(world: World) -> None:
    published(world)
    world.change(Description="moved on")
    world.change()


def from_s3(world: World) -> None:
    existing(world)
    world.put_object(package("from S3"))


def bucket(world: World) -> None:
    world.put_object(package("from S3"))


def bucket_and_function(world: World) -> None:
    bucket(world)
    world.create(like={})


def bucket_with_bomb(world: World) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", bytes(262_144_001))
    world.put_object(buffer.getvalue())


def with_two_versions(world: World) -> None:
    """The third publication is the sample's."""
    published(world)
    world.change()
    world.publish()


def with_tags(world: World) -> None:
    world.create(Tags=world.sample.body["Tags"])


def two_functions(world: World) -> None:
    first, second = world.sample.body["Functions"][0], world.sample.body["Functions"][-1]
    world.create("function", like=first)
    world.create("function:2", like=second)
    world.publish()


def deleted(world: World) -> None:
    world.create(like={})
    world.client.delete_function(FunctionName=world.values["function"])


def second_version(world: World) -> None:
    published(world)
    world.change()


def published_twice(world: World) -> None:
    second_version(world)
    world.publish()


def with_hash(world: World) -> None:
    world.create()
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.values["sha256"] = shown["CodeSha256"]


def with_revision(world: World) -> None:
    world.create()
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.values["uuid"] = shown["RevisionId"]


def small(world: World) -> None:
    world.create(like={})


def only_latest(world: World) -> None:
    world.create(like=world.sample.body["Versions"][0])


def two_versions(world: World) -> None:
    world.create(like={**world.sample.body["Versions"][0], "Description": "first"})
    world.publish(Description="v1 text")
    world.change(Description="d2")
    world.publish()
    world.publish(Description="changed nothing")


def two_versions_less_one(world: World) -> None:
    two_versions(world)
    world.client.delete_function(FunctionName=world.values["function"], Qualifier="1")


def zero_reserved(world: World) -> None:
    small(world)
    world.client.put_function_concurrency(FunctionName=world.values["function"], ReservedConcurrentExecutions=0)


def reservation_deleted(world: World) -> None:
    zero_reserved(world)
    world.client.delete_function_concurrency(FunctionName=world.values["function"])


def update_held(world: World) -> None:
    small(world)
    control_plane: ControlPlane = world.fixture("control_plane")
    world.stack.enter_context(control_plane.activation_held())
    world.client.update_function_configuration(FunctionName=world.values["function"], Description="held")


def published_layer(world: World) -> None:
    world.publish_layer()


def shared_layer(world: World) -> None:
    world.publish_layer()
    world.client.add_layer_version_permission(
        LayerName=world.values["layer"],
        VersionNumber=1,
        StatementId="s1",
        Action="lambda:GetLayerVersion",
        Principal="*",
    )


def function_and_layer(world: World) -> None:
    world.create(like={})
    world.publish_layer()


def bucket_with_layer(world: World) -> None:
    world.put_object(package("from S3"), key="/layercontent.zip")


def six_layers(world: World) -> None:
    world.request = {**world.request, "Layers": world.values["six layer version ARNs"]}


def too_long_a_body(world: World) -> None:
    world.request = {
        **world.request,
        "Code": {"ZipFile": bytes(50 * 1024 * 1024)},
        "Environment": {"Variables": {"largeKey": 300_000 * "x"}},
    }


def many_tags(world: World) -> None:
    world.request = {**world.request, "Tags": {f"key{number}": "value" for number in range(51)}}


SITUATIONS: dict[tuple[str, str], Situation] = {
    ("GetFunction", "zip function once active"): existing,
    ("GetFunction", "after a configuration update has finished"): updated,
    ("GetFunction", "by version number"): published,
    ("GetFunction", "with tags on the function"): with_tags,
    ("GetFunction", "version 1 unchanged after $LATEST has moved on"): moved_on,
    ("GetFunction", "alias does not exist"): small,
    ("GetFunction", "version does not exist"): small,
    ("GetFunctionConfiguration", "zip function with JSON logging"): existing,
    ("GetFunctionConfiguration", "by version number"): published,
    ("GetFunctionConfiguration", "by $LATEST: ARN carries the qualifier"): existing,
    (
        "UpdateFunctionConfiguration",
        "runtime, description, memory, timeout, environment changed: update in progress",
    ): existing,
    ("UpdateFunctionConfiguration", "logging: JSON with levels and own group"): existing,
    ("UpdateFunctionConfiguration", "another update still in progress"): update_held,
    ("UpdateFunctionCode", "new zip: update in progress"): existing,
    ("UpdateFunctionCode", "zip from S3"): from_s3,
    ("UpdateFunctionCode", "new zip, publish at once (third version): describes the new version"): with_two_versions,
    ("UpdateFunctionCode", "key does not exist"): bucket_and_function,
    (
        "ListFunctions",
        (
            "default: one item a function, unqualified ARN, no state keys; the list is cut to two functions of which "
            "the first has a published version"
        ),
    ): two_functions,
    ("ListFunctions", "every version: qualified ARNs; the list is cut to the same two functions"): two_functions,
    ("DeleteFunction", "existing function"): small,
    ("DeleteFunction", "already deleted"): deleted,
    ("PublishVersion", "first version, with description"): existing,
    ("PublishVersion", "no parameters: description of $LATEST is taken over"): second_version,
    (
        "PublishVersion",
        "nothing changed since the last version, only another description: the last version comes back as it was",
    ): published_twice,
    ("PublishVersion", "expected hash matches"): with_hash,
    ("PublishVersion", "expected hash of a zip function differs"): small,
    ("PublishVersion", "wrong RevisionId"): small,
    ("PublishVersion", "after activation, right RevisionId given"): with_revision,
    ("ListVersionsByFunction", "nothing published: only $LATEST"): only_latest,
    ("ListVersionsByFunction", "two versions (a third publish changed nothing)"): two_versions,
    ("ListVersionsByFunction", "version 1 deleted: its number is not used again"): two_versions_less_one,
    ("GetFunctionConcurrency", "nothing reserved"): small,
    ("GetFunctionConcurrency", "zero reserved: the key is there"): zero_reserved,
    ("GetFunctionConcurrency", "reservation deleted"): reservation_deleted,
    ("PutFunctionConcurrency", "zero"): small,
    ("PutFunctionConcurrency", "two"): small,
    ("PutFunctionConcurrency", "qualified ARN"): small,
    ("PutFunctionConcurrency", "more than the account has"): small,
    ("PutFunctionConcurrency", "all the account has"): small,
    ("ListTags", "function without tags"): small,
    ("ListTags", "function deleted"): deleted,
    ("CreateFunction", "key does not exist"): bucket,
    ("CreateFunction", "code too large when unpacked"): bucket_with_bomb,
    ("CreateFunction", "request body too large"): too_long_a_body,
    ("CreateFunction", "51 tags"): many_tags,
    ("PublishLayerVersion", "again under the same name"): published_layer,
    ("PublishLayerVersion", "content from S3, nothing else given"): bucket_with_layer,
    ("AddLayerVersionPermission", "everyone may read"): published_layer,
    ("AddLayerVersionPermission", "another action than the one allowed"): shared_layer,
    ("AddLayerVersionPermission", "statement id taken"): shared_layer,
    ("AddLayerVersionPermission", "wrong RevisionId"): shared_layer,
    ("GetLayerVersionPolicy", "no policy there"): published_layer,
    ("GetLayerVersionPolicy", "version does not exist"): published_layer,
    ("RemoveLayerVersionPermission", "statement does not exist"): shared_layer,
    ("RemoveLayerVersionPermission", "wrong RevisionId"): shared_layer,
    ("UpdateFunctionConfiguration", "two versions of one layer"): function_and_layer,
    ("UpdateFunctionConfiguration", "same layer version twice"): function_and_layer,
    ("UpdateFunctionConfiguration", "unknown layer"): function_and_layer,
    ("UpdateFunctionConfiguration", "unknown version of a known layer"): function_and_layer,
    ("CreateFunction", "six layers"): six_layers,
}


def _cases() -> list[Any]:
    cases = []
    for file in FILES:
        for sample in samples(file):
            reason = SKIPPED.get((sample.operation, sample.when))
            if sample.operation in NOT_IMPLEMENTED:
                reason = NOT_YET + sample.operation
            marks = [] if reason is None else [pytest.mark.skip(reason=reason)]
            cases.append(pytest.param(sample, id=f"{file}: {sample.operation}, {sample.when}", marks=marks))
    return cases


def _server_of(sample: Sample, situation: Situation) -> str:
    """The fixture that has the `url` which a sample is sent to."""
    if situation is update_held:
        return "control_plane"
    named = {**sample.request, **sample.request.get("Code", {}), **sample.request.get("Content", {})}
    return "lambent_with_s3" if "S3Bucket" in named else "lambent"


@pytest.mark.parametrize("sample", _cases())
def test_the_answer_is_the_one_that_aws_gave(
    sample: Sample, lambda_client: ClientFactory, account: str, request: pytest.FixtureRequest
) -> None:
    situation = SITUATIONS.get((sample.operation, sample.when), nothing)
    client = lambda_client(url=request.getfixturevalue(_server_of(sample, situation)).url)
    with ExitStack() as stack:
        world = World(client, account, sample, stack, request.getfixturevalue)
        situation(world)
        answer = call(client, sample.operation, fill(world.request, world.values))
        assert_answer(sample, answer, world.values)


def test_every_situation_that_is_described_here_is_one_of_the_samples() -> None:
    known = {(sample.operation, sample.when) for file in FILES for sample in samples(file)}
    assert not known or set(SITUATIONS) | set(SKIPPED) <= known
