"""One account with queues, a function that asks the test, and mappings between them."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from tests.invoke.logs import wait_for
from tests.lambent_server import REGION, LambentServer, create_function
from tests.sources.callee import SOURCE, Callee

FUNCTION = "worker"
SETTLED = {"Enabled", "Disabled"}


@dataclass
class World:
    """Everything is of one account and region.

    Attributes:
        queues_at: the URL of SQS; empty for the server's own companion.
    """

    server: LambentServer
    account: str
    callee: Callee
    region: str = REGION
    queues_at: str = ""
    made: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        if service == "lambda":
            return self.server.client(account=self.account, region=self.region)
        return boto3.session.Session(self.account, "any", region_name=self.region).client(
            service,
            endpoint_url=self.queues_at or self.server.url,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

    @property
    def functions(self) -> Any:
        return self.client("lambda")

    @property
    def sqs(self) -> Any:
        return self.client("sqs")

    def function(self, name: str = FUNCTION, **settings: Any) -> str:
        """The function that asks; its name."""
        defaults = {"Timeout": 30, "Environment": self.callee.environment}
        create_function(self.functions, name, SOURCE, **{**defaults, **settings})
        return name

    def queue(self, name: str = "q", **attributes: Any) -> "QueueOfTest":
        """A queue that hides messages for a minute, unless it shall be otherwise."""
        shown = {"VisibilityTimeout": "60", **{key: str(value) for key, value in attributes.items()}}
        if name.endswith(".fifo"):
            shown = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **shown}
        url = self.sqs.create_queue(QueueName=name, Attributes=shown)["QueueUrl"]
        return QueueOfTest(self.sqs, url)

    def mapping(self, queue: "QueueOfTest", function: str = FUNCTION, **settings: Any) -> str:
        """The UUID of a mapping that is Enabled, or Disabled."""
        made: str = self.functions.create_event_source_mapping(
            FunctionName=function, EventSourceArn=queue.arn, **settings
        )["UUID"]
        self.made.append(made)
        self.settled(made)
        return made

    def update(self, mapping: str, **settings: Any) -> None:
        self.functions.update_event_source_mapping(UUID=mapping, **settings)
        self.settled(mapping)

    def settled(self, mapping: str) -> str:
        """The state of a mapping that is in no transition."""
        states = iter(lambda: self.functions.get_event_source_mapping(UUID=mapping)["State"], None)
        return str(wait_for(lambda: next((state for state in [next(states)] if state in SETTLED), None)))

    def delete(self, mapping: str) -> None:
        """Returns when it is gone."""
        client = self.functions
        client.delete_event_source_mapping(UUID=mapping)
        self.made.remove(mapping)

        def is_gone() -> bool:
            return mapping not in {one["UUID"] for one in client.list_event_source_mappings()["EventSourceMappings"]}

        wait_for(is_gone)

    def clean(self) -> None:
        """Delete mappings and functions, so that neither outlives its test."""
        for mapping in list(self.made):
            self.delete(mapping)
        for function in self.functions.list_functions()["Functions"]:
            self.functions.delete_function(FunctionName=function["FunctionName"])


@dataclass
class QueueOfTest:
    """A queue, with what tests do with one."""

    sqs: Any
    url: str

    @property
    def arn(self) -> str:
        return str(self.attributes("QueueArn")["QueueArn"])

    def attributes(self, *names: str) -> dict[str, str]:
        found: dict[str, str] = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names or ["All"]))[
            "Attributes"
        ]
        return found

    def send(self, *bodies: str, group: str = "", **message: Any) -> None:
        """Send messages, one after the other."""
        for body in bodies:
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": uuid.uuid4().hex} if group else {}
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **fifo, **message)

    def send_many(self, *bodies: str) -> None:
        """Send messages, ten in a request."""
        for at in range(0, len(bodies), 10):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[at : at + 10])]
            assert not self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    @property
    def counts(self) -> tuple[int, int]:
        """Messages that can be received, and hidden ones."""
        found = self.attributes("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])

    def wait_for_counts(self, visible: int, hidden: int, *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while (found := self.counts) != (visible, hidden):
            assert time.monotonic() < deadline, f"still {found}, not {(visible, hidden)}"
            time.sleep(0.05)

    def wait_until_empty(self, *, seconds: float = 30) -> None:
        """Until everything is deleted."""
        self.wait_for_counts(0, 0, seconds=seconds)

    def show_again(self, *records: dict[str, Any]) -> None:
        """End the visibility timeout of messages now, so that nobody has to wait for it."""
        for record in records:
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    def received(self) -> list[str]:
        """The bodies of messages that a receive of the test's own returns; they are deleted."""
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=20).get(
            "Messages", []
        )
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]
