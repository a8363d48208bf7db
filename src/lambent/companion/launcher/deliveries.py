"""How SNS, S3 and EventBridge reach functions: moto's deliveries, replaced by Lambent's invocations."""

import importlib
import itertools
import json
import logging
import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from lambent.companion.launcher import traces
from lambent.companion.launcher.events import complete_s3_event, rule_event, sns_event
from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.patching import replace

logger = logging.getLogger(__name__)


def is_function(arn: object) -> bool:
    """Whether an ARN is that of a function, a version or an alias."""
    parts = arn.split(":") if isinstance(arn, str) else []
    return len(parts) >= 7 and parts[2] == "lambda" and parts[5] == "function"


def sns(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.sns.models`: moto's own event has examples where the topic, the id and the attributes belong."""

    def make(original: Any) -> Any:
        def publish(subscription: Any, message: str, message_id: str, *args: Any, **kwargs: Any) -> None:
            if subscription.protocol != "lambda":
                original(_as_wanted(subscription), message, message_id, *args, **kwargs)
                return
            _publish(lambent, subscription, message, message_id, *args, **kwargs)

        return publish

    replace(module.Subscription, "publish", make)


def _as_wanted(subscription: Any) -> Any:
    """The subscription, without the attribute that moto takes for true whatever it is."""
    raw = subscription.attributes.get("RawMessageDelivery")
    if raw is None or str(raw).lower() == "true":
        return subscription
    attributes = {name: value for name, value in subscription.attributes.items() if name != "RawMessageDelivery"}
    return _With(subscription, attributes=attributes)


def _publish(
    lambent: Lambent,
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    *_of_queues: Any,
    message_structure: str | None = None,
    **_more_of_queues: Any,
) -> None:
    matcher = subscription._filter_policy_matcher  # noqa: SLF001 - as the original does
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, "lambda")  # noqa: SLF001 - as the original does
    notification = subscription.get_post_data(message, message_id, subject, message_attributes=message_attributes)
    event = sns_event(notification, subscription.arn)
    lambent.invoke_event(subscription.endpoint, event, source=f"the topic {subscription.topic_arn}", traced=True)


def s3(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.s3.notifications`."""
    numbers: Iterator[int] = itertools.count(1)

    def make_event(original: Any) -> Any:
        def event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
            return complete_s3_event(
                original(event_name, bucket, key, notification_id),
                account_id=bucket.account_id,
                request_id=uuid.uuid4().hex[:16].upper(),
                sequencer=f"{next(numbers):018X}",
            )

        return event

    def invoke(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:  # noqa: ARG001
        lambent.invoke_event(fn_arn, event_body, source="a notification of S3", traced=True)

    replace(module, "_get_s3_event", make_event)
    replace(module, "_invoke_awslambda", lambda _: invoke)


def events(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.events.models`: this version knows no function as the target of a rule.

    Each target is sent its event apart: one that can't be delivered to keeps no other from its own.
    """

    def make(original: Any) -> Any:
        def send_to_targets(rule: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:  # noqa: FBT001, FBT002
            pattern = rule.event_pattern  # a rule with a schedule only has none, and matches nothing
            if rule.state == "DISABLED" or not pattern.get_pattern() or not pattern.matches_event(original_event):
                return
            for target in list(rule.targets):
                try:
                    if is_function(target["Arn"]):
                        payload = _input(target, original_event)
                        lambent.invoke_event(target["Arn"], payload, source=f"the rule {rule.arn}")
                    else:
                        with traces.without_lineage():
                            original(_With(rule, targets=[target]), original_event, transform_input)
                except Exception as error:  # noqa: BLE001 - PutEvents doesn't fail because of a target
                    logger.warning("The rule %s could not reach %s: %r", rule.arn, target["Arn"], error)

        return send_to_targets

    replace(module.Rule, "send_to_targets", make)


class _With:
    """Something of moto's with other attributes than its own."""

    def __init__(self, original: Any, **attributes: Any) -> None:
        self.__dict__.update(attributes)
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


def _input(target: dict[str, Any], event: dict[str, Any]) -> bytes:
    """What a target has asked for of the event. Source: EventBridge API reference, Target."""
    if "Input" in target:
        return str(target["Input"]).encode()
    whole = rule_event(event)
    if "InputTransformer" in target:
        parser = importlib.import_module("moto.events.utils").EventTemplateParser
        transformer = target["InputTransformer"]
        whole = parser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**whole, "ingestion-time": event.get("ingestion-time")},
        )
    elif "InputPath" in target:
        parse = importlib.import_module("jsonpath_ng.ext").parse
        found = parse(target["InputPath"]).find(whole)
        return json.dumps(found[0].value if found else {}).encode()
    return json.dumps(whole).encode()


def service_events(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.events.notifications`: events that other services of moto make."""

    def invoke(account_id: str, fn_arn: str, event: Any) -> None:  # noqa: ARG001 - moto's signature
        lambent.invoke_event(fn_arn, event, source="an event of another service")

    replace(module, "_invoke_lambda", lambda _: invoke)
