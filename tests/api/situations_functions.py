"""What the samples of functions.json need."""

from tests.api.calls import package
from tests.api.golden_world import NOT_YET, Reasons, Situations, World, deleted, existing, nothing, published, small

FILE = "functions"


def updated(world: World) -> None:
    world.create()
    world.change(Description=world.expected["Description"])


def from_s3(world: World) -> None:
    existing(world)
    world.put_object(package("from S3"))


def with_two_versions(world: World) -> None:
    """The third publication is the sample's."""
    published(world)
    world.change()
    world.publish()


def with_tags(world: World) -> None:
    world.create(Tags=world.sample.body["Tags"])


def untagged(world: World) -> None:
    world.create(Tags={"key": "value"})
    shown = world.client.get_function_configuration(FunctionName=world.values["function"])
    world.client.untag_resource(Resource=shown["FunctionArn"], TagKeys=["key"])


def two_functions(world: World) -> None:
    first, second = world.sample.body["Functions"][0], world.sample.body["Functions"][-1]
    world.create("function", like=first)
    world.create("function:2", like=second)
    world.publish()


def aliased(world: World) -> None:
    published(world)
    world.client.create_alias(FunctionName=world.values["function"], Name="a1", FunctionVersion="1")


def in_a_vpc(world: World) -> None:
    world.create(
        VpcConfig={"SubnetIds": [world.values["subnet:1"]], "SecurityGroupIds": [world.values["security-group:1"]]}
    )


def taken_out_of_its_vpc(world: World) -> None:
    in_a_vpc(world)
    world.change(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})


def with_dead_letters(world: World) -> None:
    account, region, queue = (world.values[name] for name in ("account", "region", "queue"))
    world.create(DeadLetterConfig={"TargetArn": f"arn:aws:sqs:{region}:{account}:{queue}"})


SITUATIONS: Situations = {
    ("CreateFunction", "with VPC configuration"): nothing,
    ("CreateFunction", "with dead letter target"): nothing,
    ("GetFunction", "function with VPC configuration, active"): in_a_vpc,
    ("GetFunction", "VPC configuration taken away with empty lists, update finished"): taken_out_of_its_vpc,
    ("UpdateFunctionConfiguration", "VPC configuration removed with empty lists: update in progress"): in_a_vpc,
    ("UpdateFunctionConfiguration", "empty dead letter structure given: the target stays"): with_dead_letters,
    ("GetFunction", "by alias: ARN ends in the alias, Version is the number behind it"): aliased,
    ("GetFunction", "by qualified ARN of an alias"): aliased,
    ("CreateFunction", "zip package, only the required parameters"): nothing,
    ("CreateFunction", "zip package with description"): nothing,
    ("CreateFunction", "memory, timeout and an empty environment given"): nothing,
    ("CreateFunction", "zip package, publish at once: ARN stays unqualified, Version is 1"): nothing,
    ("CreateFunction", "JSON logging asked for, levels not given"): nothing,
    ("GetFunction", "zip function once active"): existing,
    ("GetFunction", "after a configuration update has finished"): updated,
    ("GetFunction", "by version number"): published,
    ("GetFunction", "with tags on the function"): with_tags,
    ("GetFunction", "tags all removed again"): untagged,
    ("GetFunctionConfiguration", "zip function with JSON logging"): existing,
    ("GetFunctionConfiguration", "by version number"): published,
    ("GetFunctionConfiguration", "by $LATEST: ARN carries the qualifier"): existing,
    (
        "UpdateFunctionConfiguration",
        "runtime, description, memory, timeout, environment changed: update in progress",
    ): existing,
    ("UpdateFunctionConfiguration", "logging: JSON with levels and own group"): existing,
    ("UpdateFunctionCode", "new zip: update in progress"): existing,
    ("UpdateFunctionCode", "zip from S3"): from_s3,
    ("UpdateFunctionCode", "new zip, publish at once (third version): describes the new version"): with_two_versions,
    (
        "ListFunctions",
        "default: one item a function, unqualified ARN, no state keys; the list is cut to two functions of which the first has a published version",
    ): two_functions,
    ("ListFunctions", "every version: qualified ARNs; the list is cut to the same two functions"): two_functions,
    ("ListFunctions", "unknown FunctionVersion"): nothing,
    ("DeleteFunction", "existing function"): small,
    ("DeleteFunction", "already deleted"): deleted,
}

SKIPPED: Reasons = {
    ("CreateFunction", "container image with environment"): NOT_YET + "images are refused",
    ("CreateFunction", "container image with entry point, command and directory"): NOT_YET + "images are refused",
    ("GetFunction", "container image"): NOT_YET + "images are refused",
    ("GetFunctionConfiguration", "container image with its settings"): NOT_YET + "images are refused",
    ("UpdateFunctionConfiguration", "image settings replaced without entry point"): NOT_YET + "images are refused",
    ("UpdateFunctionConfiguration", "image settings removed with an empty structure"): NOT_YET + "images are refused",
    ("UpdateFunctionCode", "new container image"): NOT_YET + "images are refused",
}
