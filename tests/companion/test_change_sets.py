"""Change sets, as deployment tools use them. Source: CloudFormation API reference, ExecuteChangeSet; user guide,
"Update behaviors of stack resources", "Stack status codes".
"""

import contextlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.companion.conftest import Account
from tests.companion.test_stacks import CODE, answer, function, outputs, template

pytestmark = pytest.mark.root

PLAIN = {"Queue": {"Type": "AWS::SQS::Queue"}}


@pytest.fixture
def cloudformation(aws: Account) -> Any:
    return aws.client("cloudformation")


def deploy(cloudformation: Any, body: str, kind: str = "CREATE", *, stack: str = "stack", **arguments: Any) -> str:
    """As the tools do it; the status of the stack in the end."""
    cloudformation.create_change_set(
        StackName=stack, ChangeSetName="plan", ChangeSetType=kind, TemplateBody=body, **arguments
    )
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName=stack, ChangeSetName="plan", WaiterConfig={"Delay": 1}
    )
    cloudformation.execute_change_set(StackName=stack, ChangeSetName="plan")
    waiter = cloudformation.get_waiter("stack_create_complete" if kind == "CREATE" else "stack_update_complete")
    with contextlib.suppress(WaiterError):
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    status: str = found["StackStatus"]
    return status


def reasons(cloudformation: Any, stack: str = "stack") -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return "\n".join(one.get("ResourceStatusReason", "") for one in events)


def test_a_stack_is_made_changed_and_made_known_to_others(cloudformation: Any) -> None:
    body = json.loads(template(PLAIN))
    body["Parameters"] = {"Stage": {"Type": "String"}}
    body["Mappings"] = {"Long": {"dev": {"name": "development"}}}
    body["Outputs"] = {
        "Stage": {"Value": {"Fn::FindInMap": ["Long", {"Ref": "Stage"}, "name"]}, "Export": {"Name": "stage"}}
    }
    parameters = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    assert deploy(cloudformation, json.dumps(body), Parameters=parameters) == "CREATE_COMPLETE"
    assert outputs(cloudformation) == {"Stage": "development"}
    assert [one["Value"] for one in cloudformation.list_exports()["Exports"]] == ["development"]

    body["Mappings"]["Long"]["dev"]["name"] = "devel"
    body["Resources"]["More"] = {"Type": "AWS::SQS::Queue"}
    previous = [{"ParameterKey": "Stage", "UsePreviousValue": True}]
    assert deploy(cloudformation, json.dumps(body), "UPDATE", Parameters=previous) == "UPDATE_COMPLETE"
    assert outputs(cloudformation) == {"Stage": "devel"}
    assert [one["Value"] for one in cloudformation.list_exports()["Exports"]] == ["devel"]

    cloudformation.delete_stack(StackName="stack")
    assert cloudformation.list_exports()["Exports"] == []


def test_a_stack_that_fails_says_why_and_leaves_nothing(client: Any, cloudformation: Any, aws: Account) -> None:
    resources = {**PLAIN, "Fn": function(Runtime="cobol85")}
    assert deploy(cloudformation, template(resources, {"Queue": {"Ref": "Queue"}})) == "ROLLBACK_COMPLETE"
    assert "cobol85" in reasons(cloudformation)
    assert outputs(cloudformation) == {}
    assert "QueueUrls" not in aws.client("sqs").list_queues()
    cloudformation.delete_stack(StackName="stack")
    assert deploy(cloudformation, template(PLAIN)) == "CREATE_COMPLETE"


def test_an_update_that_fails_is_taken_back(client: Any, cloudformation: Any) -> None:
    good = {"Fn": function(FunctionName="named"), **PLAIN}
    assert deploy(cloudformation, template(good, {"Name": {"Ref": "Fn"}})) == "CREATE_COMPLETE"
    bad = {
        "Fn": function(FunctionName="named", Code={"ZipFile": CODE % "two"}),
        "Other": function(Runtime="cobol85"),
    }
    bad["Other"]["DependsOn"] = "Fn"
    assert deploy(cloudformation, template(bad), "UPDATE") == "UPDATE_ROLLBACK_COMPLETE"
    assert "cobol85" in reasons(cloudformation)
    assert answer(client, "named")["said"] == "one"
    assert outputs(cloudformation) == {"Name": "named"}
    names = [
        one["LogicalResourceId"]
        for one in cloudformation.list_stack_resources(StackName="stack")["StackResourceSummaries"]
    ]
    assert sorted(names) == ["Fn", "Queue"]


def test_a_new_version_has_the_new_code_before_the_alias_leaves_the_old(client: Any, cloudformation: Any) -> None:
    """What CDK's `currentVersion` and SAM's `AutoPublishAlias` do: the version's logical id changes with the code."""

    def release(said: str) -> str:
        version = f"Version{said}"
        resources = {
            "Alias": {
                "Type": "AWS::Lambda::Alias",
                "Properties": {
                    "FunctionName": {"Ref": "Fn"},
                    "Name": "live",
                    "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                },
            },
            version: {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
            "Fn": function(FunctionName="named", Code={"ZipFile": CODE % said}),
        }
        return template(resources)

    assert deploy(cloudformation, release("one")) == "CREATE_COMPLETE"
    assert deploy(cloudformation, release("two"), "UPDATE") == "UPDATE_COMPLETE"
    assert answer(client, "named", Qualifier="live") == {"version": "2", "said": "two"}
    versions = client.list_versions_by_function(FunctionName="named")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "2"]


def test_an_alias_with_provisioned_concurrency(client: Any, cloudformation: Any) -> None:
    """Source: CloudFormation user guide, AWS::Lambda::Alias ProvisionedConcurrencyConfiguration."""

    def stack(count: int | None) -> str:
        alias: dict[str, Any] = {
            "FunctionName": {"Ref": "Fn"},
            "Name": "live",
            "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
        }
        if count:
            alias["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": str(count)}
        resources = {
            "Fn": function(FunctionName="named"),
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
            "Alias": {"Type": "AWS::Lambda::Alias", "Properties": alias},
        }
        return template(resources)

    def provisioned() -> list[Any]:
        listed = client.list_provisioned_concurrency_configs(FunctionName="named")
        return [
            (one["FunctionArn"].rpartition(":")[2], one["Status"], one["AllocatedProvisionedConcurrentExecutions"])
            for one in listed["ProvisionedConcurrencyConfigs"]
        ]

    assert deploy(cloudformation, stack(1)) == "CREATE_COMPLETE"
    assert provisioned() == [("live", "READY", 1)]
    assert deploy(cloudformation, stack(2), "UPDATE") == "UPDATE_COMPLETE"
    assert provisioned() == [("live", "READY", 2)]
    assert deploy(cloudformation, stack(None), "UPDATE") == "UPDATE_COMPLETE"
    assert provisioned() == []


def test_what_refers_to_a_replaced_resource_follows_it(client: Any, cloudformation: Any) -> None:
    def stack(name: str) -> str:
        permission = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Fn"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
            },
        }
        return template({"Permission": permission, "Fn": function(FunctionName=name)})

    assert deploy(cloudformation, stack("first")) == "CREATE_COMPLETE"
    assert deploy(cloudformation, stack("second"), "UPDATE") == "UPDATE_COMPLETE"
    assert "s3.amazonaws.com" in client.get_policy(FunctionName="second")["Policy"]


def test_change_sets_of_two_stacks_may_have_one_name(cloudformation: Any) -> None:
    for stack in ("one", "two"):
        cloudformation.create_change_set(
            StackName=stack, ChangeSetName="plan", ChangeSetType="CREATE", TemplateBody=template(PLAIN)
        )
    for stack in ("one", "two"):
        assert cloudformation.describe_change_set(StackName=stack, ChangeSetName="plan")["StackName"] == stack
    cloudformation.delete_change_set(StackName="two", ChangeSetName="plan")
    cloudformation.delete_change_set(StackName="two", ChangeSetName="plan")  # gone already
    assert cloudformation.describe_change_set(StackName="one", ChangeSetName="plan")["StackName"] == "one"
    with pytest.raises(ClientError, match=r"\(ChangeSetNotFound\).*ChangeSet \[plan\] does not exist"):
        cloudformation.describe_change_set(StackName="two", ChangeSetName="plan")


def test_a_stack_that_is_there_isnt_made_again(cloudformation: Any) -> None:
    assert deploy(cloudformation, template(PLAIN)) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="already exists and cannot be created again with the changeSet"):
        deploy(cloudformation, template(PLAIN))
    assert len(cloudformation.describe_stacks()["Stacks"]) == 1


def test_a_parameter_of_the_parameter_store_keeps_its_name(cloudformation: Any, aws: Account) -> None:
    """As CDK's BootstrapVersion does, in every stack of it."""
    aws.client("ssm").put_parameter(Name="/boot/version", Value="29", Type="String")
    body = json.loads(template(PLAIN, {"Version": {"Ref": "Boot"}}))
    body["Parameters"] = {"Boot": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/boot/version"}}
    assert deploy(cloudformation, json.dumps(body)) == "CREATE_COMPLETE"
    body["Resources"]["More"] = {"Type": "AWS::SQS::Queue"}
    previous = [{"ParameterKey": "Boot", "UsePreviousValue": True}]
    assert deploy(cloudformation, json.dumps(body), "UPDATE", Parameters=previous) == "UPDATE_COMPLETE"
    assert outputs(cloudformation) == {"Version": "29"}
