"""What the samples of errors.json need."""

import io
import zipfile

from tests.api.calls import package
from tests.api.control_plane import ControlPlane
from tests.api.golden_world import NOT_YET, Reasons, Situations, World, nothing, small

FILE = "errors"


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


def update_held(world: World) -> None:
    small(world)
    control_plane: ControlPlane = world.fixture("control_plane")
    world.stack.enter_context(control_plane.activation_held())
    world.client.update_function_configuration(FunctionName=world.values["function"], Description="held")


def too_long_a_body(world: World) -> None:
    world.request = {
        **world.request,
        "Code": {"ZipFile": bytes(50 * 1024 * 1024)},
        "Environment": {"Variables": {"largeKey": 300_000 * "x"}},
    }


SITUATIONS: Situations = {
    ("CreateFunction", "role is no ARN"): nothing,
    ("CreateFunction", "unknown runtime"): nothing,
    ("CreateFunction", "runtime in capitals"): nothing,
    ("CreateFunction", "two architectures"): nothing,
    ("CreateFunction", "architecture in capitals"): nothing,
    ("CreateFunction", "code is no zip"): nothing,
    ("CreateFunction", "bucket does not exist"): nothing,
    ("CreateFunction", "key does not exist"): bucket,
    ("UpdateFunctionCode", "key does not exist"): bucket_and_function,
    ("CreateFunction", "security group id malformed"): nothing,
    ("CreateFunction", "unknown SnapStart value"): nothing,
    ("CreateFunction", "environment one byte over 4096 in two variables"): nothing,
    ("CreateFunction", "request body too large"): too_long_a_body,
    ("CreateFunction", "code too large when unpacked"): bucket_with_bomb,
    ("CreateFunction", "deprecated runtime"): nothing,
    ("UpdateFunctionConfiguration", "another update still in progress"): update_held,
    ("GetFunction", "alias does not exist"): small,
    ("GetFunction", "version in the ARN differs from Qualifier; the function need not exist"): nothing,
    ("DeleteFunction", "version in the ARN differs from Qualifier; the function need not exist"): nothing,
    ("GetFunctionConfiguration", "version in the ARN differs from Qualifier; the function need not exist"): nothing,
    ("DeleteFunction", "qualifier $LATEST matching the ARN, function does not exist"): nothing,
    ("GetFunction", "function does not exist"): nothing,
    ("DeleteFunction", "function does not exist"): nothing,
    ("GetFunctionConcurrency", "function does not exist"): nothing,
    ("GetFunction", "ARN of another region"): nothing,
    ("DeleteFunction", "ARN of another region"): nothing,
    ("Invoke", "ARN of another region"): nothing,
    ("GetFunction", "version does not exist"): small,
    ("GetFunction", "name is one character that is not allowed"): nothing,
    ("GetFunction", "qualifier with a character that is not allowed"): nothing,
    ("GetFunction", "ARN with two qualifiers"): nothing,
    ("Invoke", "ARN without region"): nothing,
    ("CreateFunction", "bare name of 65 characters"): nothing,
    ("GetFunction", "bare name of 65 characters"): nothing,
    ("DeleteFunction", "qualifier of 129 characters"): nothing,
    ("GetFunction", "ARN without a name"): nothing,
    ("GetFunctionEventInvokeConfig", "function does not exist"): nothing,
}

SKIPPED: Reasons = {
    ("CreateFunction", "security group does not exist"): NOT_YET + "nobody is asked for security groups",
    ("UpdateFunctionCode", "zip for an image function"): NOT_YET + "images are refused",
}

SERVERS = {("UpdateFunctionConfiguration", "another update still in progress"): "control_plane"}
