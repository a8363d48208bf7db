"""The events that AWS's services invoke functions with, where moto's differ or are missing.

Source: event-sources.md §9.
"""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

_SNS_RENAMED = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def sns_event(notification: dict[str, Any], subscription_arn: str) -> dict[str, Any]:
    """A notification as a function gets it.

    Args:
        notification: as SNS posts it to queues and URLs.
    """
    message = {_SNS_RENAMED.get(key, key): value for key, value in notification.items()}
    message.setdefault("Subject", None)
    message.setdefault("MessageAttributes", {})
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription_arn,
                "EventSource": "aws:sns",
                "Sns": message,
            }
        ]
    }


def complete_s3_event(event: dict[str, Any], *, account_id: str, request_id: str, sequencer: str) -> dict[str, Any]:
    """A notification of S3 with the members that moto leaves out, and without those that a deletion hasn't."""
    for record in event["Records"]:
        record.setdefault("userIdentity", {"principalId": f"AWS:{account_id}"})
        record.setdefault("requestParameters", {"sourceIPAddress": "127.0.0.1"})
        record.setdefault("responseElements", {"x-amz-request-id": request_id, "x-amz-id-2": request_id})
        record["s3"]["bucket"].setdefault("ownerIdentity", {"principalId": account_id})
        changed = record["s3"]["object"]
        changed.setdefault("sequencer", sequencer)
        if record["eventName"].startswith("ObjectRemoved:"):
            changed.pop("size", None)
            changed.pop("eTag", None)
    return event


def logs_event(account_id: str, log_group: str, log_stream: str, filter_name: str, log_events: Any) -> dict[str, Any]:
    """What a subscription filter of CloudWatch Logs sends."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": account_id,
        "logGroup": log_group,
        "logStream": log_stream,
        "subscriptionFilters": [filter_name],
        "logEvents": log_events,
    }
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def rule_event(event: dict[str, Any]) -> dict[str, Any]:
    """An event of EventBridge as targets get it: the time in words, and nothing that is only moto's."""
    made = {key: value for key, value in event.items() if key != "ingestion-time"}
    made["time"] = _iso_8601(made.get("time"))
    return made


def _iso_8601(time: object) -> str:
    """Of seconds since the epoch, which may be text; what is a date already stays one."""
    try:
        seconds = float(str(time))
    except ValueError:
        return str(time)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
