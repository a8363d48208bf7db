"""What Terraform does with a stack: make it, read it back twice without a difference, change it, take it down.

The calls and their order are those of Terraform's AWS provider (`internal/service/lambda`: function, alias, permission,
function_url, event_source_mapping, function_event_invoke_config): each resource is created, waited for and read; a refresh
reads everything; an update is followed by a wait; what was deleted must be gone.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.lambent_server import REGION, LambentServer, zip_of

pytestmark = pytest.mark.root

NAME = "orders"
PATIENTLY = {"Delay": 0.02, "MaxAttempts": 1_500}
ANSWERS_ONE = zip_of({"app.py": "def handler(event, context): return 1\n"})
ANSWERS_TWO = zip_of({"app.py": "def handler(event, context): return 2\n"})
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
SETTINGS: dict[str, Any] = {
    "FunctionName": NAME,
    "Runtime": "python3.13",
    "Handler": "app.handler",
    "Description": "orders",
    "Timeout": 10,
    "MemorySize": 256,
    "Architectures": ["x86_64"],
    "PackageType": "Zip",
    "EphemeralStorage": {"Size": 512},
    "TracingConfig": {"Mode": "PassThrough"},
    "Environment": {"Variables": {"STAGE": "test"}},
}
NEW_SETTINGS: dict[str, Any] = {
    "Description": "orders and returns",
    "Timeout": 20,
    "Environment": {"Variables": {"STAGE": "production", "LEVEL": "2"}},
}


@dataclass(frozen=True)
class Resource:
    """One block of a configuration.

    Attributes:
        asked: what must be in `read` after `create`, and `changed` after `update`.
        read: everything that Terraform would keep in its state; raises ClientError when it has gone.
    """

    name: str
    asked: dict[str, Any]
    changed: dict[str, Any]
    create: Callable[[], Any]
    read: Callable[[], dict[str, Any]]
    update: Callable[[], Any]
    delete: Callable[[], Any]


class Stack:
    """A role, a queue and a function with what hangs on it, and where they are made."""

    def __init__(self, url: str, account: str) -> None:
        options: dict[str, Any] = {
            "region_name": REGION,
            "endpoint_url": url,
            "aws_access_key_id": account,
            "aws_secret_access_key": "any",
            "config": Config(retries={"total_max_attempts": 1}),
        }
        session = boto3.Session()
        self.functions = session.client("lambda", **options)
        self.roles = session.client("iam", **options)
        self.queues = session.client("sqs", **options)
        self.arn = f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"
        self.queue = f"arn:aws:sqs:{REGION}:{account}:{NAME}"
        self.role = f"arn:aws:iam::{account}:role/{NAME}"
        self.mapping = ""

    def resources(self) -> Iterator[Resource]:
        """In the order of their dependencies."""
        yield self._role()
        yield self._queue()
        yield self._function()
        yield self._alias()
        yield self._permission()
        yield self._url()
        yield self._retries()
        yield self._mapping()

    def _role(self) -> Resource:
        named = {"RoleName": NAME}
        return Resource(
            "aws_iam_role",
            asked={"Arn": self.role, "AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": 3600},
            changed={"Arn": self.role, "MaxSessionDuration": 7200},
            create=lambda: self.roles.create_role(**named, AssumeRolePolicyDocument=json.dumps(TRUST)),
            read=lambda: self.roles.get_role(**named)["Role"],
            update=lambda: self.roles.update_role(**named, MaxSessionDuration=7200),
            delete=lambda: self.roles.delete_role(**named),
        )

    def _queue(self) -> Resource:
        def url() -> str:
            found: str = self.queues.get_queue_url(QueueName=NAME)["QueueUrl"]
            return found

        return Resource(
            "aws_sqs_queue",
            asked={"QueueArn": self.queue, "VisibilityTimeout": "60"},
            changed={"QueueArn": self.queue, "VisibilityTimeout": "120"},
            create=lambda: self.queues.create_queue(QueueName=NAME, Attributes={"VisibilityTimeout": "60"}),
            read=lambda: self.queues.get_queue_attributes(QueueUrl=url(), AttributeNames=["All"])["Attributes"],
            update=lambda: self.queues.set_queue_attributes(QueueUrl=url(), Attributes={"VisibilityTimeout": "120"}),
            delete=lambda: self.queues.delete_queue(QueueUrl=url()),
        )

    def _function(self) -> Resource:
        def create() -> None:
            tags = {"team": "shop"}
            code = {"ZipFile": ANSWERS_ONE}
            self.functions.create_function(**SETTINGS, Role=self.role, Code=code, Tags=tags, Publish=True)
            self.functions.get_waiter("function_active_v2").wait(FunctionName=NAME, WaiterConfig=PATIENTLY)

        def update() -> None:
            self.functions.update_function_configuration(FunctionName=NAME, **NEW_SETTINGS)
            self.functions.get_waiter("function_updated_v2").wait(FunctionName=NAME, WaiterConfig=PATIENTLY)
            self.functions.update_function_code(FunctionName=NAME, ZipFile=ANSWERS_TWO)
            self.functions.get_waiter("function_updated_v2").wait(FunctionName=NAME, WaiterConfig=PATIENTLY)
            self.functions.tag_resource(Resource=self.arn, Tags={"cost": "low"})
            self.functions.untag_resource(Resource=self.arn, TagKeys=["team"])
            self.functions.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=7)
            self.functions.publish_version(FunctionName=NAME)

        def read() -> dict[str, Any]:
            found = self.functions.get_function(FunctionName=NAME)
            pages = self.functions.get_paginator("list_versions_by_function").paginate(FunctionName=NAME)
            signing = self.functions.get_function_code_signing_config(FunctionName=NAME)
            return {
                **found["Configuration"],
                "Tags": found.get("Tags"),
                "Concurrency": found.get("Concurrency"),
                "Repository": found["Code"]["RepositoryType"],
                "Versions": [version["Version"] for page in pages for version in page["Versions"]],
                "Signing": signing.get("CodeSigningConfigArn"),
            }

        settled = {"FunctionArn": self.arn, "Role": self.role, "State": "Active", "LastUpdateStatus": "Successful"}
        shown = {**SETTINGS, **settled, "Version": "$LATEST", "Signing": None, "Repository": "S3"}
        concurrency = {"ReservedConcurrentExecutions": 7}
        return Resource(
            "aws_lambda_function",
            asked={**shown, "Tags": {"team": "shop"}, "Concurrency": None, "Versions": ["$LATEST", "1"]},
            changed={
                **shown,
                **NEW_SETTINGS,
                "Tags": {"cost": "low"},
                "Concurrency": concurrency,
                "Versions": ["$LATEST", "1", "2"],
            },
            create=create,
            read=read,
            update=update,
            delete=lambda: self.functions.delete_function(FunctionName=NAME),
        )

    def _alias(self) -> Resource:
        named = {"FunctionName": NAME, "Name": "live"}
        weights = {"AdditionalVersionWeights": {"1": 0.25}}
        shown = {"Name": "live", "AliasArn": f"{self.arn}:live"}
        return Resource(
            "aws_lambda_alias",
            asked={**shown, "FunctionVersion": "1", "Description": ""},
            changed={**shown, "FunctionVersion": "2", "RoutingConfig": weights},
            create=lambda: self.functions.create_alias(**named, FunctionVersion="1"),
            read=lambda: self.functions.get_alias(**named),
            update=lambda: self.functions.update_alias(**named, FunctionVersion="2", RoutingConfig=weights),
            delete=lambda: self.functions.delete_alias(**named),
        )

    def _permission(self) -> Resource:
        """Terraform replaces a permission that changes."""
        named = {"FunctionName": NAME, "Qualifier": "live", "StatementId": "bucket"}

        def create(bucket: str) -> None:
            self.functions.add_permission(
                **named,
                Action="lambda:InvokeFunction",
                Principal="s3.amazonaws.com",
                SourceArn=f"arn:aws:s3:::{bucket}",
            )

        def read() -> dict[str, Any]:
            policy = json.loads(self.functions.get_policy(FunctionName=NAME, Qualifier="live")["Policy"])
            [statement] = [one for one in policy["Statement"] if one["Sid"] == "bucket"]
            return dict(statement)

        def replace() -> None:
            self.functions.remove_permission(**named)
            create("new")

        def statement(bucket: str) -> dict[str, Any]:
            return {
                "Sid": "bucket",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": f"{self.arn}:live",
                "Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:s3:::{bucket}"}},
            }

        return Resource(
            "aws_lambda_permission",
            asked=statement("old"),
            changed=statement("new"),
            create=lambda: create("old"),
            read=read,
            update=replace,
            delete=lambda: self.functions.remove_permission(**named),
        )

    def _url(self) -> Resource:
        named = {"FunctionName": NAME, "Qualifier": "live"}
        cors = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "MaxAge": 60}
        shown = {"FunctionArn": f"{self.arn}:live", "InvokeMode": "BUFFERED"}
        return Resource(
            "aws_lambda_function_url",
            asked={**shown, "AuthType": "AWS_IAM"},
            changed={**shown, "AuthType": "NONE", "Cors": cors},
            create=lambda: self.functions.create_function_url_config(**named, AuthType="AWS_IAM"),
            read=lambda: self.functions.get_function_url_config(**named),
            update=lambda: self.functions.update_function_url_config(**named, AuthType="NONE", Cors=cors),
            delete=lambda: self.functions.delete_function_url_config(**named),
        )

    def _retries(self) -> Resource:
        named = {"FunctionName": NAME, "Qualifier": "live"}

        def put(attempts: int) -> Any:
            return self.functions.put_function_event_invoke_config(**named, MaximumRetryAttempts=attempts)

        return Resource(
            "aws_lambda_function_event_invoke_config",
            asked={"FunctionArn": f"{self.arn}:live", "MaximumRetryAttempts": 0},
            changed={"FunctionArn": f"{self.arn}:live", "MaximumRetryAttempts": 1},
            create=lambda: put(0),
            read=lambda: self.functions.get_function_event_invoke_config(**named),
            update=lambda: put(1),
            delete=lambda: self.functions.delete_function_event_invoke_config(**named),
        )

    def _mapping(self) -> Resource:
        def wait(state: str) -> None:
            deadline = time.monotonic() + 30
            while (found := self.functions.get_event_source_mapping(UUID=self.mapping)["State"]) != state:
                assert time.monotonic() < deadline, f"{found}, not {state}"
                time.sleep(0.02)

        def create() -> None:
            made = self.functions.create_event_source_mapping(
                EventSourceArn=self.queue, FunctionName=f"{self.arn}:live", BatchSize=5
            )
            self.mapping = made["UUID"]
            wait("Enabled")

        def update() -> None:
            self.functions.update_event_source_mapping(UUID=self.mapping, BatchSize=7, Enabled=False)
            wait("Disabled")

        def delete() -> None:
            self.functions.delete_event_source_mapping(UUID=self.mapping)
            deadline = time.monotonic() + 30
            while is_there(lambda: self.functions.get_event_source_mapping(UUID=self.mapping)):
                assert time.monotonic() < deadline, "the mapping is still there"
                time.sleep(0.02)

        shown = {"EventSourceArn": self.queue, "FunctionArn": f"{self.arn}:live", "FunctionResponseTypes": []}
        return Resource(
            "aws_lambda_event_source_mapping",
            asked={**shown, "BatchSize": 5, "State": "Enabled", "MaximumBatchingWindowInSeconds": 0},
            changed={**shown, "BatchSize": 7, "State": "Disabled"},
            create=create,
            read=lambda: self.functions.get_event_source_mapping(UUID=self.mapping),
            update=update,
            delete=delete,
        )


def is_there(read: Callable[[], Any]) -> bool:
    try:
        read()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] not in {400, 404}
    return True


def without_metadata(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "ResponseMetadata"}


def refreshed(resources: list[Resource]) -> dict[str, dict[str, Any]]:
    return {resource.name: without_metadata(resource.read()) for resource in resources}


def assert_has(state: dict[str, Any], asked: dict[str, Any], name: str) -> None:
    shown = {member: state.get(member) for member in asked}
    assert shown == asked, name


@pytest.mark.timeout(180)
def test_make_refresh_twice_update_and_destroy(lambent: LambentServer, account: str) -> None:
    stack = Stack(lambent.url, account)
    resources = list(stack.resources())
    for resource in resources:
        resource.create()
        assert_has(resource.read(), resource.asked, resource.name)

    state = refreshed(resources)
    assert refreshed(resources) == state
    for resource in resources:
        assert_has(state[resource.name], resource.asked, resource.name)

    for resource in resources:
        resource.update()
    changed = refreshed(resources)
    assert refreshed(resources) == changed
    for resource in resources:
        assert_has(changed[resource.name], resource.changed, resource.name)
        assert changed[resource.name] != state[resource.name], resource.name

    for resource in reversed(resources):
        resource.delete()
        assert not is_there(resource.read), resource.name
    assert stack.functions.list_functions()["Functions"] == []
    assert stack.functions.list_event_source_mappings()["EventSourceMappings"] == []
