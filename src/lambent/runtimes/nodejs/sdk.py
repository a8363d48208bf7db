"""The AWS SDK for JavaScript, version 3, that Node.js functions can import without bringing it, as on AWS.

AWS has every client. Here the ones that functions use most are installed, because all of them together take npm
minutes and more than a gigabyte; any other is added by name. A function that brings its own in its package or a layer
gets that one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from lambent.runtimes.installation import InstallationFailed, run, whole_or_not
from lambent.runtimes.nodejs.interpreters import NodeInterpreter

NAME = "aws-sdk-js"
"""What `lambent runtime install` calls it."""

INSTALLED, NONE = "installed", "none"

_CLIENTS = (
    "api-gateway", "apigatewaymanagementapi", "appconfigdata", "athena", "bedrock-runtime", "cloudformation",
    "cloudwatch", "cloudwatch-logs", "cognito-identity", "cognito-identity-provider", "dynamodb", "dynamodb-streams",
    "ec2", "ecs", "eventbridge", "firehose", "iam", "kinesis", "kms", "lambda", "rds-data", "s3", "scheduler",
    "secrets-manager", "ses", "sesv2", "sfn", "sns", "sqs", "ssm", "sts",
)  # fmt: skip
_LIBRARIES = (
    "credential-provider-node", "credential-providers", "lib-dynamodb", "lib-storage", "s3-presigned-post",
    "s3-request-presigner", "util-dynamodb",
)  # fmt: skip
# What requests to others than AWS's services are signed and sent with (AppSync, OpenSearch, IAM-protected APIs).
_SIGNING = (
    "@aws-crypto/sha256-js", "@smithy/fetch-http-handler", "@smithy/node-http-handler", "@smithy/protocol-http",
    "@smithy/signature-v4",
)  # fmt: skip
PACKAGES = (*(f"@aws-sdk/{name}" for name in (*(f"client-{name}" for name in _CLIENTS), *_LIBRARIES)), *_SIGNING)
"""What is installed at least; what these need comes along."""

_PACKAGE = re.compile(r"@(aws-sdk|smithy|aws-crypto)/[a-z0-9]+(-[a-z0-9]+)*")
_NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--install-strategy=hoisted")


def is_package(name: str) -> bool:
    """Whether a name is that of a package of the SDK, such as "@aws-sdk/client-textract"."""
    return _PACKAGE.fullmatch(name) is not None


def node_modules(installed: Path) -> Path | None:
    """The directory with the packages, if they are installed."""
    place = installed / NAME / "node_modules"
    return place if place.is_dir() else None


def version(modules: Path) -> str:
    """The version of the SDK: that of its S3 client, as its packages differ by a few."""
    package = json.loads((modules / "@aws-sdk" / "client-s3" / "package.json").read_text(encoding="utf-8"))
    return str(package["version"])


def installed_packages(installed: Path) -> list[str]:
    """What was asked for until now."""
    try:
        package = json.loads((installed / NAME / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return sorted(package.get("dependencies", {}))


def install(installed: Path, node: NodeInterpreter | None, *, more: Iterable[str] = ()) -> None:
    """Install the newest release with npm: the usual packages, those that were added before, and more.

    Some 50 MB and 20 seconds.

    Args:
        installed: the directory of installations.
        node: whose npm to use; None for the one on PATH.
        more: names for which `is_package` holds.

    Raises:
        InstallationFailed: there is no npm, or it failed.
    """
    packages = sorted({*PACKAGES, *installed_packages(installed), *more})
    with whole_or_not(installed / NAME) as new:
        (new / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        run(
            [*_npm(node), "install", *_NPM_OPTIONS, *(f"{package}@latest" for package in packages)],
            directory=new,
            purpose="the AWS SDK for JavaScript could not be installed",
        )
        # For compilers only, and two thirds of all files' size.
        for types in list(new.glob("node_modules/@*/*/dist-types")):
            shutil.rmtree(types)


def _npm(node: NodeInterpreter | None) -> list[str]:
    if node is not None:
        script = node.executable.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(node.executable), str(script)]
    npm = shutil.which("npm")
    if npm is None:
        raise InstallationFailed(
            "the AWS SDK for JavaScript is installed with npm, and there is none: "
            "run lambent runtime install nodejs22.x, which brings it"
        )
    return [npm]
