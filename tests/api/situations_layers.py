"""What the samples of layers.json need."""

from tests.api.calls import package
from tests.api.golden_world import Reasons, Situations, World, nothing

FILE = "layers"


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


SITUATIONS: Situations = {
    ("PublishLayerVersion", "empty runtime list and one architecture given: the empty list is echoed"): nothing,
    ("PublishLayerVersion", "again under the same name"): published_layer,
    ("PublishLayerVersion", "content from S3, nothing else given"): bucket_with_layer,
    ("PublishLayerVersion", "one runtime, one architecture"): nothing,
    ("AddLayerVersionPermission", "everyone may read"): published_layer,
    ("GetLayerVersionPolicy", "no policy there"): published_layer,
    ("AddLayerVersionPermission", "another action than the one allowed"): shared_layer,
    ("AddLayerVersionPermission", "statement id taken"): shared_layer,
    ("AddLayerVersionPermission", "wrong RevisionId"): shared_layer,
    ("AddLayerVersionPermission", "layer does not exist"): nothing,
    ("GetLayerVersionPolicy", "version does not exist"): published_layer,
    ("RemoveLayerVersionPermission", "statement does not exist"): shared_layer,
    ("RemoveLayerVersionPermission", "wrong RevisionId"): shared_layer,
    ("UpdateFunctionConfiguration", "two versions of one layer"): function_and_layer,
    ("UpdateFunctionConfiguration", "same layer version twice"): function_and_layer,
    ("UpdateFunctionConfiguration", "unknown layer"): function_and_layer,
    ("UpdateFunctionConfiguration", "unknown version of a known layer"): function_and_layer,
    ("CreateFunction", "six layers"): six_layers,
    ("CreateFunction", "layer of another region"): nothing,
}

SKIPPED: Reasons = {
    (
        "UpdateFunctionConfiguration",
        "layer ARN without version",
    ): "compared in tests/wire/test_constraints.py, since the model has a newer pattern",
}
