"""Templates are data; they are found by every name of an object; names fit."""

import contextlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from lambent.companion.launcher import resource_names, updates
from lambent.companion.launcher.templates import object_of, yaml_loaders
from tests.companion.conftest import Account
from tests.companion.test_stacks import template


@pytest.fixture
def loaders() -> ModuleType:
    """`yaml.loader`, changed as in the companion, and nobody else's."""
    spec = importlib.util.find_spec("yaml.loader")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yaml_loaders(module)
    return module


@pytest.mark.parametrize("name", ["Loader", "FullLoader", "UnsafeLoader"])
def test_no_loader_makes_objects(loaders: ModuleType, name: str) -> None:
    with pytest.raises(yaml.constructor.ConstructorError):
        yaml.load("!!python/object/apply:os.getpid []", Loader=getattr(loaders, name))


def test_a_date_stays_text(loaders: ModuleType) -> None:
    """Source: CloudFormation user guide, "Version: 2012-10-17" in policy documents of YAML templates."""
    assert yaml.load("Version: 2012-10-17\nCount: 3", Loader=loaders.Loader) == {"Version": "2012-10-17", "Count": 3}


@pytest.mark.root
def test_a_template_runs_nothing(aws: Account, tmp_path: Path) -> None:
    """A function could leave its sandbox otherwise: the companion runs as the server's user."""
    proof = tmp_path / "proof"
    body = f'!!python/object/apply:os.system ["touch {proof}"]'
    cloudformation = aws.client("cloudformation")
    for operation, arguments in (
        ("create_stack", {"StackName": "stack"}),
        ("create_change_set", {"StackName": "stack", "ChangeSetName": "c"}),
        ("get_template_summary", {}),
    ):
        with contextlib.suppress(ClientError):
            getattr(cloudformation, operation)(**arguments, TemplateBody=body)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("url", "bucket", "key", "version"),
    [
        ("http://127.0.0.1:4566/bucket/a/b.json", "bucket", "a/b.json", None),
        ("http://localhost:4566/bucket/a%20b.json", "bucket", "a b.json", None),
        ("http://bucket.localhost:4566/a/b.json", "bucket", "a/b.json", None),
        ("http://my.bucket.s3.localhost:4566/b.json", "my.bucket", "b.json", None),
        ("http://lambent.example:4566/bucket/b.json?versionId=v1", "bucket", "b.json", "v1"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/b.json", "bucket", "b.json", None),
        ("https://bucket.s3.amazonaws.com/b.json", "bucket", "b.json", None),
        ("https://bucket.s3-eu-west-1.amazonaws.com/b.json", "bucket", "b.json", None),
    ],
)
def test_where_an_object_is(url: str, bucket: str, key: str, version: str | None) -> None:
    assert object_of(url) == (bucket, key, version)


@pytest.mark.root
def test_a_stack_from_a_template_in_a_bucket(aws: Account) -> None:
    bucket = aws.bucket("templates")
    body = template({"Queue": {"Type": "AWS::SQS::Queue"}})
    aws.client("s3").put_object(Bucket=bucket, Key="queue.json", Body=body.encode())
    aws.client("cloudformation").create_stack(StackName="stack", TemplateURL=f"{aws.server.url}/{bucket}/queue.json")
    assert len(aws.client("sqs").list_queues()["QueueUrls"]) == 1
    with pytest.raises(ClientError, match="S3 error: The specified key does not exist"):
        aws.client("cloudformation").create_stack(
            StackName="other", TemplateURL=f"{aws.server.url}/{bucket}/nothing.json"
        )


@pytest.mark.parametrize(
    ("stack", "logical"), [("s", "L" * 80), ("s" * 60, "Short"), ("s" * 60, "L" * 80), ("s" * 30, "L" * 30)]
)
def test_made_up_names_fit(stack: str, logical: str) -> None:
    module = ModuleType("parsing")
    module.generate_resource_name = lambda kind, stack, logical: f"{stack}-{logical}-ABCDEFGHIJKL"  # type: ignore[attr-defined]
    resource_names.names(module)
    made = module.generate_resource_name("AWS::Lambda::Function", stack, logical)
    assert len(made) == 64
    assert made.startswith(stack[:24])
    assert made.endswith("-ABCDEFGHIJKL")
    assert len(module.generate_resource_name("AWS::SNS::Topic", stack, logical)) == len(stack) + len(logical) + 14


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"Ref": "A"}, ["A"]),
        ({"Fn::GetAtt": ["A", "Arn"]}, ["A"]),
        ({"Fn::GetAtt": "A.Arn"}, ["A"]),
        ({"Fn::Sub": "${A}-${B.Arn}-${!Literal}"}, ["A", "B"]),
        ({"Fn::Sub": ["${A}${C}", {"C": {"Ref": "D"}}]}, ["A", "C", "D"]),
        ([{"x": [{"Ref": "A"}]}, "text"], ["A"]),
    ],
)
def test_what_a_resource_refers_to(value: Any, names: list[str]) -> None:
    assert list(updates.references(value)) == names


def test_resources_come_after_what_they_need() -> None:
    resources = {
        "Alias": {"Properties": {"Version": {"Fn::GetAtt": ["Version", "Version"]}}},
        "Version": {"Properties": {"Function": {"Ref": "Function"}}, "DependsOn": "Policy"},
        "Policy": {},
        "Function": {"DependsOn": ["Policy"]},
    }
    assert updates.in_order(resources) == ["Policy", "Function", "Version", "Alias"]
