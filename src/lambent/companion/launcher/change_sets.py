"""Change sets of CloudFormation: executed in the background, as on AWS, with outputs, exports and a way back.

moto executes them within the request, leaves a new stack's outputs, mappings and conditions out, and has change sets of
different stacks with one name for the same. Source: CloudFormation user guide, "Stack status codes"; API reference,
ExecuteChangeSet, DescribeChangeSet, DeleteChangeSet.
"""

import contextlib
import functools
import importlib
import logging
import threading
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.custom_resources import LONGEST_SECONDS, PATIENCE_SECONDS
from lambent.companion.launcher.patching import replace

logger = logging.getLogger(__name__)


def requests(module: ModuleType) -> None:
    """Change `moto.cloudformation.responses`: a change set is named together with its stack."""
    response = module.CloudFormationResponse

    def describe(self: Any) -> Any:
        return module.ActionResult(_asked_for(self))

    def delete(self: Any) -> Any:
        change_set = _find(self.cloudformation_backend, *_names(self))
        if change_set is not None:
            del self.cloudformation_backend.change_sets[change_set.change_set_id]
        return module.EmptyResult()

    def execute(self: Any) -> Any:
        start(self.cloudformation_backend, _asked_for(self))
        return module.EmptyResult()

    replace(response, "describe_change_set", lambda _: describe)
    replace(response, "delete_change_set", lambda _: delete)
    replace(response, "execute_change_set", lambda _: execute)


def stacks(module: ModuleType) -> None:
    """Change `moto.cloudformation.models`: a stack is there once, and looking at its resources doesn't make them."""

    def make(_: Any) -> property:
        def stack_resources(self: Any) -> list[Any]:
            made = self.resource_map._parsed_resources
            return [made[name] for name in self.resource_map.resources if made.get(name) is not None]

        return property(stack_resources)

    def planning(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def create_change_set(self: Any, **named: Any) -> Any:
            if named["change_set_type"] != "UPDATE":
                _make_room(self, named["stack_name"], named["change_set_name"])
                return original(self, **named)
            parameters = _as_given(self.get_stack(named["stack_name"]), named["parameters"])
            return original(self, **{**named, "parameters": parameters})

        return create_change_set

    replace(module.Stack, "stack_resources", make)
    replace(module.CloudFormationBackend, "create_change_set", planning)


def _make_room(backend: Any, stack_name: str, change_set_name: str) -> None:
    """For a stack that is planned: one that was only planned before gives way, another one doesn't."""
    for stack in [one for one in backend.stacks.values() if stack_name in (one.name, one.stack_id)]:
        if stack.status != "REVIEW_IN_PROGRESS":
            raise _refused(
                "ValidationError",
                f"Stack [{stack.stack_id}] already exists and cannot be created again with the changeSet "
                f"[{change_set_name}].",
            )
        del backend.stacks[stack.stack_id]


def _as_given(stack: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters whose previous value is used: moto has put in what the Parameter Store had under that name."""
    slots = stack.template_dict.get("Parameters") or {}
    found = {
        key
        for key, value in parameters.items()
        if slots.get(key, {}).get("Type", "").startswith("AWS::SSM::Parameter::")
        and value == stack.stack_parameters[key]
    }
    previous = {key: stack.parameters[key] for key in found if key in stack.parameters}
    return {key: value for key, value in parameters.items() if key not in found} | previous


def start(backend: Any, change_set: Any) -> None:
    """Begin to execute a change set; how it ends is in the stack's status and events."""
    if change_set.execution_status != "AVAILABLE":
        raise _refused(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of [{change_set.status}]",
        )
    stack = backend.stacks[change_set.stack_id]
    change_set.execution_status = "EXECUTE_IN_PROGRESS"
    # What else was planned was planned for the stack as it was.
    for other in [one for one in backend.change_sets.values() if one.stack_id == stack.stack_id]:
        if other is not change_set:
            del backend.change_sets[other.change_set_id]
    work: Callable[[Any, Any, Any], None] = _update
    stack.status = "UPDATE_IN_PROGRESS"
    if change_set.change_set_type != "UPDATE":
        stack.status, work = "CREATE_IN_PROGRESS", _create
        stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")

    def patiently() -> None:
        PATIENCE_SECONDS.set(LONGEST_SECONDS)  # nobody's request waits
        work(backend, stack, change_set)

    threading.Thread(target=patiently, daemon=True).start()


class _Outputs:
    """The outputs that a stack had, while it changes: moto's own are found anew whenever they are looked at."""

    def __init__(self, outputs: Any = None) -> None:
        self.exports = list(outputs.exports) if outputs else []
        self._values = list(outputs.values()) if outputs else []

    def values(self) -> list[Any]:
        return self._values


def _create(backend: Any, planned: Any, change_set: Any) -> None:
    models = importlib.import_module("moto.cloudformation.models")
    stack = planned
    try:
        stack = models.Stack(
            stack_id=planned.stack_id,
            name=planned.name,
            template=change_set.template,
            parameters=change_set.parameters,
            account_id=planned.account_id,
            region_name=planned.region_name,
            notification_arns=change_set.notification_arns,
            tags=change_set.tags,
            role_arn=change_set.role_arn,
            cross_stack_resources=backend.exports,
        )
        outputs, stack.output_map = stack.output_map, _Outputs()
        stack.events, stack.creation_time, stack.status = planned.events, planned.creation_time, planned.status
        backend.stacks[stack.stack_id] = stack
        ready = stack.resource_map.create(stack.template_dict)
        stack.output_map = outputs
        backend._validate_export_uniqueness(stack)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why there is no stack
        stack.output_map = _Outputs()
        _failed(stack, change_set, "ROLLBACK_IN_PROGRESS", error)
        with contextlib.suppress(Exception):  # what can't be deleted stays, as on AWS
            stack.resource_map.delete()
        _ended(stack, "ROLLBACK_COMPLETE")
        return
    _publish(backend, stack.exports)
    change_set.execution_status = "EXECUTE_COMPLETE"
    if ready:
        stack.mark_creation_complete()


def _update(backend: Any, stack: Any, change_set: Any) -> None:
    before = stack.template, dict(stack.parameters)
    stack._add_stack_event("UPDATE_IN_PROGRESS", resource_status_reason="User Initiated")
    stack.output_map = had = _Outputs(stack.output_map)
    try:
        _change(stack, change_set.template, change_set.parameters)
        _withdraw(backend, had.exports)
        backend._validate_export_uniqueness(stack)
    except Exception as error:  # noqa: BLE001 - as above
        _failed(stack, change_set, "UPDATE_ROLLBACK_IN_PROGRESS", error)
        status = "UPDATE_ROLLBACK_COMPLETE"
        try:
            _change(stack, *before)
        except Exception as again:  # noqa: BLE001 - as above
            logger.warning("the stack %s could not be rolled back: %s", stack.name, again)
            status, stack.output_map = "UPDATE_ROLLBACK_FAILED", had
        _publish(backend, had.exports)
        _ended(stack, status)
        return
    _publish(backend, stack.exports)
    stack.role_arn, stack.tags = change_set.role_arn or stack.role_arn, change_set.tags or stack.tags
    change_set.execution_status = "EXECUTE_COMPLETE"
    _ended(stack, "UPDATE_COMPLETE")


def _change(stack: Any, template: Any, parameters: Any) -> None:
    stack.template = template
    stack.template_dict = stack.parse_template(template)
    stack.resource_map.update(stack.template_dict, parameters)
    stack.parameters = parameters or stack.parameters
    stack.output_map = stack._create_output_map()


def _publish(backend: Any, exports: Any) -> None:
    for export in exports:
        backend.exports[export.name] = export


def _withdraw(backend: Any, exports: Any) -> None:
    for export in exports:
        backend.exports.pop(export.name, None)


def _failed(stack: Any, change_set: Any, status: str, error: Exception) -> None:
    change_set.execution_status = "EXECUTE_FAILED"
    reason = getattr(error, "message", None) or repr(error)
    _ended(stack, status, reason)
    logger.info("the stack %s failed: %s", stack.name, reason)


def _ended(stack: Any, status: str, reason: str | None = None) -> None:
    stack._add_stack_event(status, resource_status_reason=reason)
    stack.status = status


def _asked_for(response: Any) -> Any:
    name, stack = _names(response)
    change_set = _find(response.cloudformation_backend, name, stack)
    if change_set is None:
        raise _refused("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")
    return change_set


def _names(response: Any) -> tuple[str, str | None]:
    return response._get_param("ChangeSetName"), response._get_param("StackName")


def _find(backend: Any, name: str, stack: str | None) -> Any:
    by_arn = backend.change_sets.get(name)
    if by_arn is not None:
        return by_arn
    found = [
        one
        for one in backend.change_sets.values()
        if one.change_set_name == name and stack in (None, one.stack_name, one.stack_id)
    ]
    return found[-1] if found else None


def _refused(code: str, message: str) -> Exception:
    exceptions = importlib.import_module("moto.cloudformation.exceptions")
    error: Exception = exceptions.CloudFormationError(code, message)
    return error
