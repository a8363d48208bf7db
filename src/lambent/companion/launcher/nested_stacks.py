"""Stacks in stacks: what they put out can be referred to, and they are changed in place.

moto fails at `Fn::GetAtt` of a nested stack, and deletes it with all that it has for an update. Source: CloudFormation
user guide, "AWS::CloudFormation::Stack" ("Fn::GetAtt", "Update requires: No interruption").
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

_OUTPUTS = "Outputs."


def nested(module: ModuleType) -> None:
    """Change `moto.cloudformation.models`."""

    def output(self: Any, name: str) -> Any:
        values = {one["OutputKey"]: one["OutputValue"] for one in self.outputs or []}
        key = name.removeprefix(_OUTPUTS)
        if not name.startswith(_OUTPUTS) or key not in values:
            raise module.ValidationError(message=f"Template error: stack {self.name} has no attribute {name}")
        return values[key]

    def update(
        _: Any,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG001 - moto's signature
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        url, partition = properties["TemplateURL"], module.get_partition(region_name)
        template = module.get_stack_from_s3_url(url, account_id=account_id, partition=partition)
        given = (properties.get("Parameters") or {}).items()
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given]
        backend = module.cloudformation_backends[account_id][region_name]
        return backend.update_stack(
            name=original_resource.name, template=template, role_arn=None, parameters=parameters, tags=None
        )

    module.Stack.get_cfn_attribute = output
    module.Stack.changes_with_every_update = True
    replace(module.Stack, "update_from_cloudformation_json", lambda _: classmethod(update))
