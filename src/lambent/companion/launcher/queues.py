"""SQS as pollers need it: moto's queues, with messages that threads may share.

moto's own are lists that each request walks through and replaces, without a lock: a message that is sent while another
one is deleted may be lost, two receives may get the same one, and each costs as much as there are messages. Ours are in
`queue_messages`; moto keeps the attributes, the requests and the answers.
"""

import base64
import copy
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from lambent.companion.launcher import clients, traces
from lambent.companion.launcher.alarm import Alarm
from lambent.companion.launcher.patching import replace
from lambent.companion.launcher.queue_messages import (
    Entry,
    HandleExpired,
    Messages,
    QueueDeleted,
    Received,
    State,
    Wish,
)
from lambent.companion.launcher.receipt_handles import HandleInvalid

_LONGEST_HIDDEN_SECONDS = 43_200

_TIMES = ("CreatedTimestamp", "LastModifiedTimestamp")
_SOURCE = "DeadLetterQueueSourceArn"

_sources: ContextVar[list[str | None]] = ContextVar("where the dead letters of a receive come from")
_of_batch: ContextVar[Iterator[Any] | None] = ContextVar("system attributes of a batch's messages", default=None)


def queues(module: ModuleType) -> None:
    """Change `moto.sqs.models`."""
    alarm = Alarm()
    queue, backend = module.Queue, module.SQSBackend

    def init(original: Any) -> Any:
        def make(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.lambent_messages = Messages(fifo=self.fifo_queue, alarm=alarm)

        return make

    replace(queue, "__init__", init)
    for name, state in (
        ("approximate_number_of_messages", State.VISIBLE),
        ("approximate_number_of_messages_delayed", State.DELAYED),
        ("approximate_number_of_messages_not_visible", State.IN_FLIGHT),
    ):
        replace(queue, name, _counted(state))
    replace(queue, "attributes", _attributes)
    replace(queue, "_set_attributes", _set_attributes)
    replace(queue, "add_message", lambda _: lambda self, message: _add(module, self, message))
    replace(queue, "delete_message", lambda _: lambda self, receipt_handle: _delete(module, self, receipt_handle))
    replace(backend, "send_message", _send)
    replace(backend, "send_message_batch", _send_batch)
    replace(backend, "receive_message", lambda _: _receive(module))
    replace(backend, "change_message_visibility", lambda _: _change_visibility(module))
    replace(backend, "delete_message_batch", lambda _: _delete_batch(module))
    replace(backend, "change_message_visibility_batch", lambda _: _change_visibility_batch(module))
    replace(backend, "purge_queue", _purge)
    replace(backend, "delete_queue", _delete_queue)


def hurry() -> None:
    """The server stops: who waits for messages of any queue is answered now."""
    models = sys.modules.get("moto.sqs.models")
    if models is None:
        return
    for regions in list(models.sqs_backends.values()):
        for backend in list(regions.values()):
            for queue in list(backend.queues.values()):
                queue.lambent_messages.hurry()


def _counted(state: State) -> Callable[[Any], Any]:
    return lambda _: property(lambda self: self.lambent_messages.count(state))


# --- sending ---


def _send(original: Any) -> Any:
    def send_message(self: Any, *args: Any, **kwargs: Any) -> Any:
        attributes = kwargs.pop("system_attributes", None) or {}
        batch = _of_batch.get()
        if batch is not None:
            attributes = next(batch) or {}
        _have_bytes(kwargs.get("message_attributes"))
        header = traces.of_request()
        if header:
            attributes = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}} | attributes
        return original(self, *args, **kwargs, system_attributes=attributes)

    return send_message


def _have_bytes(attributes: dict[str, dict[str, Any]] | None) -> None:
    """What SNS delivers raw has binary values in base64, which moto fails at when it is received."""
    for value in (attributes or {}).values():
        if isinstance(value.get("BinaryValue"), str):
            value["BinaryValue"] = base64.b64decode(value["BinaryValue"])


def _send_batch(original: Any) -> Any:
    """As moto, which leaves out the system attributes of a batch's messages."""

    def send_message_batch(self: Any, queue_name: str, entries: dict[str, dict[str, Any]]) -> Any:
        token = _of_batch.set(iter([entry.get("MessageSystemAttributes") for entry in entries.values()]))
        try:
            return original(self, queue_name, entries)
        finally:
            _of_batch.reset(token)

    return send_message_batch


def _add(module: ModuleType, queue: Any, message: Any) -> None:
    _ = message.attribute_md5  # raises for attributes that could not be told later, when it is received
    duplicate_of = None
    if queue.fifo_queue and message.deduplication_id:
        scope = message.group_id if queue.deduplication_scope == "messageGroup" else None
        duplicate_of = (scope, message.deduplication_id)
    delay_ms = message.delayed_until - module.unix_time_millis()
    group = message.group_id or ""
    entry = queue.lambent_messages.add(message, group, delay_seconds=delay_ms / 1000, duplicate_of=duplicate_of)
    if queue.fifo_queue:
        message.id = entry.message.id  # that of the first, if it is a duplicate. Source: unverified
        message.sequence_number = entry.sequence_number


# --- receiving ---


def _receive(module: ModuleType) -> Any:
    def receive_message(
        self: Any,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Any]:
        queue = self.get_queue(queue_name)
        messages: Messages = queue.lambent_messages
        dead_letters = queue.dead_letter_queue
        if dead_letters is not None and self.queues.get(dead_letters.name) is not dead_letters:
            dead_letters = None
        most_receives = queue.redrive_policy["maxReceiveCount"] if dead_letters is not None else 0
        oldest_ms = module.unix_time_millis() - queue.message_retention_period * 1000

        def bury(dead: Iterable[Entry]) -> None:
            for entry in dead:
                entry.message.lambent_source_arn = queue.queue_arn
                entry.message.approximate_receive_count += entry.receives
                dead_letters.lambent_messages.add(entry.message, entry.message.group_id or "")

        wish = Wish(
            count=count,
            wait_seconds=wait_seconds_timeout,
            visibility_seconds=int(visibility_timeout or 0),
            is_dead=lambda entry: dead_letters is not None and entry.receives >= most_receives,
            is_expired=lambda entry: entry.message.sent_timestamp <= oldest_ms,
            is_wanted=clients.is_waiting,
        )
        try:
            taken = messages.receive(wish, bury)
        except QueueDeleted as error:
            raise module.QueueDoesNotExist from error
        received_ms = int(module.unix_time_millis())
        made = [
            _received(module, one, messages.handle(one), received_ms, message_attribute_names or []) for one in taken
        ]
        _sources.set([getattr(one, "lambent_source_arn", None) for one in made])
        return made

    return receive_message


def answers(module: ModuleType) -> None:
    """Change `moto.sqs.responses`: a dead letter says which queue it comes from."""

    def make(original: Any) -> Any:
        def receive_message(self: Any) -> Any:
            _sources.set([])
            answer = original(self)
            names = {
                *(self._get_param("AttributeNames", []) or []),
                *(self._get_param("MessageSystemAttributeNames", []) or []),
            }
            if names & {"All", _SOURCE}:
                for message, source_arn in zip(answer.result.get("Messages", []), _sources.get(), strict=True):
                    if source_arn is not None:
                        message.setdefault("Attributes", {})[_SOURCE] = source_arn
            return answer

        return receive_message

    replace(module.SQSResponse, "receive_message", make)


def _received(module: ModuleType, received: Received, handle: str, now_ms: int, attribute_names: list[str]) -> Any:
    """The message as this receive has it. Its own count is what it has brought along from another queue."""
    message = received.entry.message
    message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or now_ms
    made = copy.copy(message)
    made.approximate_receive_count += received.receive
    made.receipt_handle = handle
    module._filter_message_attributes(made, attribute_names)  # noqa: SLF001 - as the original does
    return made


def _delete(module: ModuleType, queue: Any, receipt_handle: str) -> None:
    try:
        queue.lambent_messages.delete(receipt_handle)
    except HandleInvalid as error:
        raise module.ReceiptHandleIsInvalid from error
    except HandleExpired as error:
        raise _expired(module, receipt_handle) from error


def _change_visibility(module: ModuleType) -> Any:
    def change_message_visibility(self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        messages: Messages = self.get_queue(queue_name).lambent_messages
        try:
            changed = messages.change_visibility(
                receipt_handle, int(visibility_timeout), longest_seconds=_LONGEST_HIDDEN_SECONDS
            )
        except HandleInvalid as error:
            raise module.ReceiptHandleIsInvalid from error
        except HandleExpired as error:
            raise _expired(module, receipt_handle) from error
        except ValueError as error:
            raise module.InvalidParameterValue(
                f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid. Reason: Total "
                f"VisibilityTimeout for the message is beyond the limit [{_LONGEST_HIDDEN_SECONDS} seconds]"
            ) from error
        if not changed:
            raise module.InvalidParameterValue(
                f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is "
                "not available for visibility timeout change."
            )

    return change_message_visibility


def _expired(module: ModuleType, receipt_handle: str) -> Any:
    return module.InvalidParameterValue(
        f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )


# --- several at once: one that fails is told apart ---


def _delete_batch(module: ModuleType) -> Any:
    def delete_message_batch(self: Any, queue_name: str, receipts: list[dict[str, Any]]) -> Any:
        def delete(entry: dict[str, Any]) -> None:
            self.delete_message(queue_name, entry["ReceiptHandle"])

        return _each(module, receipts, delete)

    return delete_message_batch


def _change_visibility_batch(module: ModuleType) -> Any:
    def change_message_visibility_batch(self: Any, queue_name: str, entries: list[dict[str, Any]]) -> Any:
        def change(entry: dict[str, Any]) -> None:
            seconds = int(entry.get("VisibilityTimeout", 0))
            if not 0 <= seconds <= _LONGEST_HIDDEN_SECONDS:
                raise module.InvalidParameterValue(
                    f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be "
                    f"an integer between 0 and {_LONGEST_HIDDEN_SECONDS}."
                )
            self.change_message_visibility(queue_name, entry["ReceiptHandle"], seconds)

        return _each(module, entries, change)

    return change_message_visibility_batch


def _each(
    module: ModuleType, entries: list[dict[str, Any]], do: Callable[[dict[str, Any]], None]
) -> tuple[list[str], list[dict[str, Any]]]:
    done, failed = [], []
    for entry in entries:
        try:
            do(entry)
            done.append(entry["Id"])
        except module.SQSException as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
    return done, failed


# --- queues ---


def _attributes(original: property) -> property:
    """Times are whole seconds. Source: SQS API reference, GetQueueAttributes."""

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original.__get__(self)
        return found | {name: int(found[name]) for name in _TIMES}

    return property(attributes)


def _set_attributes(original: Any) -> Any:
    """What isn't named stays as it is, the policy as well."""

    def set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        is_new = "Policy" in attributes
        original(self, attributes if is_new else {**attributes, "Policy": self.policy}, now)

    return set_attributes


def _purge(original: Any) -> Any:
    def purge_queue(self: Any, queue_name: str) -> None:
        original(self, queue_name)
        self.get_queue(queue_name).lambent_messages.purge()

    return purge_queue


def _delete_queue(original: Any) -> Any:
    def delete_queue(self: Any, queue_name: str) -> None:
        queue = self.get_queue(queue_name)
        original(self, queue_name)
        queue.lambent_messages.close()

    return delete_queue
