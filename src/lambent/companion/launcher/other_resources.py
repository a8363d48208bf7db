"""Resources of stacks that lead events to functions, or say who may, and that moto's CloudFormation doesn't have.

Each is made over the service's API, which is there. Source: CloudFormation user guide, the page of each type.
"""

import json
from collections.abc import Callable, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.patching import replace
from lambent.companion.launcher.stacks import LambdaResource, Properties, take_over

_EVENTS = {
    "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
    "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
}


class OtherResource(LambdaResource):
    """A resource of another service than Lambda.

    Attributes:
        service: boto3's name of it.
    """

    service: ClassVar[str]

    @property
    def api(self) -> Any:
        return self.lambent.client(self.account, self.region, self.service)

    def delete(self, account: str, region: str) -> None:  # noqa: ARG002 - moto's signature
        try:
            self.remove()
        except self.api.exceptions.ClientError:  # what it belonged to is gone, and it with that
            return


class SubscriptionResource(OtherResource):
    """AWS::SNS::Subscription."""

    type = "AWS::SNS::Subscription"
    service = "sns"
    known_attributes = frozenset({"Arn"})

    def create(self) -> None:
        properties = self.properties
        attributes = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name in ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
            if (value := properties.get(name)) is not None
        }
        made = self.call(
            "subscribe",
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint"),
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        self.physical_resource_id = made["SubscriptionArn"]
        self.attributes = {"Arn": made["SubscriptionArn"]}

    def remove(self) -> None:
        self.call("unsubscribe", SubscriptionArn=self.physical_resource_id)


class PolicyResource(OtherResource):
    """A policy of queues, topics or a bucket."""

    def create(self) -> None:
        self.physical_resource_id = self.name
        self._put(json.dumps(self.properties["PolicyDocument"]))

    def remove(self) -> None:
        self._put("")

    def _put(self, policy: str) -> None:
        raise NotImplementedError


class QueuePolicyResource(PolicyResource):
    """AWS::SQS::QueuePolicy."""

    type = "AWS::SQS::QueuePolicy"
    service = "sqs"

    def _put(self, policy: str) -> None:
        for queue in self.properties["Queues"]:
            self.call("set_queue_attributes", QueueUrl=queue, Attributes={"Policy": policy})


class TopicPolicyResource(PolicyResource):
    """AWS::SNS::TopicPolicy."""

    type = "AWS::SNS::TopicPolicy"
    service = "sns"

    def _put(self, policy: str) -> None:
        for topic in self.properties["Topics"]:
            self.call("set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


class BucketPolicyResource(PolicyResource):
    """AWS::S3::BucketPolicy."""

    type = "AWS::S3::BucketPolicy"
    service = "s3"

    def _put(self, policy: str) -> None:
        bucket = self.properties["Bucket"]
        if policy:
            self.call("put_bucket_policy", Bucket=bucket, Policy=policy)
        else:
            self.call("delete_bucket_policy", Bucket=bucket)


class SubscriptionFilterResource(OtherResource):
    """AWS::Logs::SubscriptionFilter."""

    type = "AWS::Logs::SubscriptionFilter"
    service = "logs"
    name_property = "FilterName"

    def create(self) -> None:
        self.physical_resource_id = self.name
        self.call("put_subscription_filter", **_lowered({**self.properties, "FilterName": self.name}))

    def remove(self) -> None:
        group = self.properties["LogGroupName"]
        self.call("delete_subscription_filter", logGroupName=group, filterName=self.name)


OTHERS: tuple[type[OtherResource], ...] = (
    SubscriptionResource,
    QueuePolicyResource,
    TopicPolicyResource,
    BucketPolicyResource,
    SubscriptionFilterResource,
)


def others(module: ModuleType) -> None:
    """Change `moto.cloudformation.parsing`, after the types of Lambda."""
    take_over(module, OTHERS)


def buckets(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.s3.models`: a bucket of a stack has the versions and notifications that its template says.

    And a condition of a bucket's policy isn't taken as met: moto would refuse everybody what is denied without TLS.
    """

    def configured(original: Callable[..., Any]) -> Any:
        def method(_: Any, *arguments: Any, **named: Any) -> Any:
            bucket = original(*arguments, **named)
            template = named.get("cloudformation_json") or arguments[1]
            account = named.get("account_id") or arguments[-2]
            region = named.get("region_name") or arguments[-1]
            _configure(lambent.client(account, region, "s3"), bucket.name, template.get("Properties") or {})
            return bucket

        return classmethod(method)

    def of_unconditional_statements(original: Callable[..., Any]) -> Callable[..., Any]:
        def get_permission(self: Any, action: str, resource: str) -> Any:
            policy = None if self.policy is None else json.dumps(unconditional(json.loads(self.policy))).encode()
            return original(SimpleNamespace(policy=policy), action, resource)

        return get_permission

    replace(module.FakeBucket, "get_permission", of_unconditional_statements)
    replace(module.FakeBucket, "create_from_cloudformation_json", configured)
    replace(module.FakeBucket, "update_from_cloudformation_json", configured)


def _configure(s3: Any, bucket: str, properties: Properties) -> None:
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": versioning["Status"]})
    notifications = api_notifications(properties.get("NotificationConfiguration") or {})
    if notifications or s3.get_bucket_notification_configuration(Bucket=bucket).keys() - {"ResponseMetadata"}:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=notifications, SkipDestinationValidation=True
        )


def api_notifications(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template's NotificationConfiguration as PutBucketNotificationConfiguration takes it."""
    made: dict[str, Any] = {}
    for theirs, (ours, target, arn) in _EVENTS.items():
        for one in template.get(theirs) or ():
            entry = {arn: one[target], "Events": [one["Event"]]}
            rules = ((one.get("Filter") or {}).get("S3Key") or {}).get("Rules")
            if rules:
                entry["Filter"] = {"Key": {"FilterRules": [{"Name": r["Name"], "Value": r["Value"]} for r in rules]}}
            made.setdefault(ours, []).append(entry)
    bridge = template.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        made["EventBridgeConfiguration"] = {}
    return made


def unconditional(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy, with those of its statements that have no condition."""
    statements = policy.get("Statement") or []
    listed = statements if isinstance(statements, list) else [statements]
    return {**policy, "Statement": [one for one in listed if not one.get("Condition")]}


def _lowered(properties: Properties) -> Properties:
    return {key[:1].lower() + key[1:]: value for key, value in properties.items()}
