"""Names that CloudFormation makes up for resources: as long as the resource's service takes them.

Source: CloudFormation user guide, "Name type"; the limits are those of each service's API. Which part is cut by how
much isn't documented. Source: unverified.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

_LONGEST = {
    "AWS::Events::Rule": 64,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::SQS::Queue": 80,
    "AWS::StepFunctions::StateMachine": 80,
}
_OF_THE_STACK = 24


def names(module: ModuleType) -> None:
    """Change `moto.cloudformation.parsing`."""

    def make(original: Callable[[str, str, str], str]) -> Any:
        def generate_resource_name(resource_type: str, stack_name: str, logical_id: str) -> str:
            name = original(resource_type, stack_name, logical_id)
            longest = _LONGEST.get(resource_type, len(name))
            if len(name) <= longest:
                return name
            suffix = name.rpartition("-")[2]
            room = longest - len(suffix) - 2
            stack = stack_name[: max(_OF_THE_STACK, room - len(logical_id))]
            return f"{stack}-{logical_id[: room - len(stack)]}-{suffix}"

        return generate_resource_name

    replace(module, "generate_resource_name", make)
