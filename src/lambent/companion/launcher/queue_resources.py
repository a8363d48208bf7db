"""Queues of stacks: where they are reached, what they are called, and how an update changes them.

moto refers to a queue by an address of AWS, gives FIFO queues names that it then refuses, and changes two of the
attributes. Source: CloudFormation user guide, "AWS::SQS::Queue", and its "Update requires".
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.patching import replace

_FIFO = ".fifo"
_LONGEST_NAME = 80
_OF_A_STACK = (
    "content_based_deduplication",
    "dead_letter_queue",
    "deduplication_scope",
    "delay_seconds",
    "fifo_throughput_limit",
    "kms_data_key_reuse_period_seconds",
    "kms_master_key_id",
    "last_modified_timestamp",
    "maximum_message_size",
    "message_retention_period",
    "receive_message_wait_time_seconds",
    "redrive_policy",
    "sqs_managed_sse_enabled",
    "tags",
    "visibility_timeout",
)
"""moto's names for what a template says of a queue; its policy is a resource of its own."""


def resources(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.sqs.models`."""
    queue = module.Queue
    replace(queue, "physical_resource_id", lambda _: property(lambda self: _url(lambent, self)))
    replace(queue, "has_cfn_attr", lambda original: classmethod(lambda _, name: name == "QueueUrl" or original(name)))
    replace(queue, "get_cfn_attribute", lambda original: _attribute(lambent, original))
    replace(queue, "create_from_cloudformation_json", _create)
    replace(queue, "update_from_cloudformation_json", lambda _: classmethod(_update(module)))


def _url(lambent: Lambent, queue: Any) -> str:
    return f"{lambent.url}/{queue.account_id}/{queue.name}"


def _attribute(lambent: Lambent, original: Callable[[Any, str], Any]) -> Any:
    return lambda self, name: _url(lambent, self) if name == "QueueUrl" else original(self, name)


def _create(original: Callable[..., Any]) -> Any:
    def create(
        _: Any,  # the original is bound
        /,
        resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
        **named: Any,
    ) -> Any:
        properties = cloudformation_json.get("Properties") or {}
        if _is_fifo(properties) and "QueueName" not in properties:
            resource_name = resource_name[: _LONGEST_NAME - len(_FIFO)] + _FIFO
        return original(resource_name, cloudformation_json, account_id, region_name, **named)

    return classmethod(create)


def _update(module: ModuleType) -> Callable[..., Any]:
    def update(
        cls: Any,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        properties = dict(cloudformation_json.get("Properties") or {})
        queue = original_resource
        if properties.get("QueueName", queue.name) != queue.name or _is_fifo(properties) != queue.fifo_queue:
            made = cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)
            module.sqs_backends[account_id][region_name].delete_queue(queue.name)
            return made
        tags = module.tags_from_cloudformation_tags_list(properties.pop("Tags", None) or [])
        meant = cls(queue.name, region_name, account_id, **properties)  # checks them, and has the defaults
        meant.tags = tags
        for name in _OF_A_STACK:
            setattr(queue, name, getattr(meant, name))
        return queue

    return update


def _is_fifo(properties: Mapping[str, Any]) -> bool:
    return str(properties.get("FifoQueue", False)).lower() == "true"
