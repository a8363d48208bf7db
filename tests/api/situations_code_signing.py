"""What the samples of code-signing.json need."""

from tests.api.golden_world import Reasons, Situations, World, nothing, small
from tests.lambent_server import REGION

FILE = "code-signing"

PUBLISHER = "arn:aws:signer:{region}:{account}:/signing-profiles/test"


def config(world: World) -> None:
    _config(world, "my config")


def described_config(world: World) -> None:
    _config(world, "Code Signing")


def missing_config(world: World) -> None:
    account = world.values["account"]
    world.values["missing-csc-arn"] = f"arn:aws:lambda:{REGION}:{account}:code-signing-config:csc-{'0' * 17}"


def function_without_config(world: World) -> None:
    small(world)
    missing_config(world)


def _config(world: World, description: str) -> None:
    created = world.client.create_code_signing_config(
        Description=description,
        AllowedPublishers={
            "SigningProfileVersionArns": [PUBLISHER.format(region=REGION, account=world.values["account"])]
        },
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    world.values["csc-arn"] = created["CodeSigningConfig"]["CodeSigningConfigArn"]


SITUATIONS: Situations = {
    ("CreateCodeSigningConfig", "policy Enforce and description given"): nothing,
    ("UpdateCodeSigningConfig", "nothing to change"): config,
    ("GetCodeSigningConfig", "existing"): described_config,
    ("GetFunctionCodeSigningConfig", "function without one"): small,
    ("DeleteFunctionCodeSigningConfig", "function without one: no error"): small,
    ("ListFunctionsByCodeSigningConfig", "used by no function"): config,
    ("DeleteCodeSigningConfig", "does not exist"): missing_config,
    ("UpdateCodeSigningConfig", "does not exist, nothing to change"): missing_config,
    ("GetCodeSigningConfig", "does not exist"): missing_config,
    ("ListFunctionsByCodeSigningConfig", "does not exist"): missing_config,
    ("PutFunctionCodeSigningConfig", "configuration does not exist"): function_without_config,
    (
        "PutFunctionCodeSigningConfig",
        "neither function nor configuration exist: configuration is checked first",
    ): missing_config,
    ("PutFunctionCodeSigningConfig", "function does not exist"): config,
    ("GetFunctionCodeSigningConfig", "function does not exist"): nothing,
    ("DeleteFunctionCodeSigningConfig", "function does not exist"): nothing,
}

SKIPPED: Reasons = {}
