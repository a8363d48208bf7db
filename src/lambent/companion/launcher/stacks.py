"""Lambda resources of CloudFormation stacks: made, changed and deleted in Lambent, over its API.

One class per resource type stands in for moto's (moto lacks half of them). Properties are named as the API's parameters
with few exceptions; their types are the template's (a number may be text), so that they are fitted to the API's model.
Source: CloudFormation user guide, "AWS::Lambda resource types" (Ref, GetAtt, what an update replaces).
"""

import importlib
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.inline_code import inline_package
from lambent.companion.launcher.patching import replace

_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.05

Properties = dict[str, Any]


class LambdaResource:
    """A resource of a stack, as moto's CloudFormation handles it.

    Attributes:
        type: in templates.
        name_property: the property that names it, if a user may.
        physical_resource_id: what `Ref` gives.
        attributes: what `Fn::GetAtt` gives.
    """

    type: ClassVar[str]
    name_property: ClassVar[str | None] = None
    known_attributes: ClassVar[frozenset[str]] = frozenset()
    lambent: ClassVar[Lambent]

    def __init__(self, account: str, region: str, name: str, properties: Properties) -> None:
        self.account = account
        self.region = region
        self.name = name
        self.properties = properties
        self.physical_resource_id = ""
        self.attributes: dict[str, Any] = {}

    @property
    def api(self) -> Any:
        """Lambda's API in the stack's account and region."""
        return self.lambent.client(self.account, self.region)

    def call(self, operation: str, **parameters: Any) -> Any:
        """One operation, with those of the parameters that it has, in its types."""
        method = getattr(self.api, operation)
        name = self.api.meta.method_to_api_mapping[operation]
        shape = self.api.meta.service_model.operation_model(name).input_shape
        return method(**fit(shape, parameters))

    def create(self) -> None:
        """Make it, and fill in `physical_resource_id` and `attributes`."""
        raise NotImplementedError

    def update(self, properties: Properties, name: str) -> None:
        """Change it; by default another takes its place."""
        self.delete(self.account, self.region)
        self.properties, self.name = properties, name
        self.create()

    def remove(self) -> None:
        """Delete it."""
        raise NotImplementedError

    # What moto calls.

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.type

    @classmethod
    def cloudformation_name_type(cls) -> str | None:
        return cls.name_property

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.known_attributes

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_kwargs: Any
    ) -> "LambdaResource":
        made = cls(account_id, region_name, resource_name, cloudformation_json["Properties"])
        told(made.create)
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "LambdaResource",
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,  # noqa: ARG003 - moto's signature
        region_name: str,  # noqa: ARG003 - moto's signature
    ) -> "LambdaResource":
        properties = cloudformation_json["Properties"]
        named = cls.name_property is not None and cls.name_property in properties
        name = new_resource_name if named else original_resource.name
        told(lambda: original_resource.update(properties, name))
        return original_resource

    def delete(self, account_id: str, region: str) -> None:  # noqa: ARG002 - moto's signature
        try:
            self.remove()
        except self.api.exceptions.ResourceNotFoundException:  # somebody was faster, which is what a stack wants
            return

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        if attribute_name not in self.attributes:
            exceptions = importlib.import_module("moto.cloudformation.exceptions")
            raise exceptions.UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    def is_created(self) -> bool:
        return True


class FunctionResource(LambdaResource):
    """AWS::Lambda::Function."""

    type = "AWS::Lambda::Function"
    name_property = "FunctionName"
    known_attributes = frozenset({"Arn"})

    def create(self) -> None:
        settings = self._settings()
        made = self.call("create_function", **settings, Code=self._code(), Tags=_tags(self.properties.get("Tags")))
        self.physical_resource_id = made["FunctionName"]
        self.attributes = {"Arn": made["FunctionArn"]}
        self._settle()
        self._beside({})

    def update(self, properties: Properties, name: str) -> None:
        if name != self.name or properties.get("PackageType") != self.properties.get("PackageType"):
            super().update(properties, name)
            return
        before, self.properties = self.properties, properties
        function = self.physical_resource_id
        if properties.get("Code") != before.get("Code"):
            self.call("update_function_code", FunctionName=function, **self._code())
            self._settle()
        if self._without_code(properties) != self._without_code(before):
            gone = {key: _EMPTY[key] for key in _EMPTY if key in before and key not in properties}
            self.call("update_function_configuration", **{**gone, **self._settings()})
            self._settle()
        self._retag(before.get("Tags"), properties.get("Tags"))
        self._beside(before)

    def remove(self) -> None:
        self.call("delete_function", FunctionName=self.physical_resource_id)

    def _settings(self) -> Properties:
        settings = {**self.properties, "FunctionName": self.name}
        if "KmsKeyArn" in settings:
            settings["KMSKeyArn"] = settings.pop("KmsKeyArn")
        return {key: value for key, value in settings.items() if key not in {"Code", "Tags"}}

    @staticmethod
    def _without_code(properties: Properties) -> Properties:
        return {key: value for key, value in properties.items() if key not in {"Code", "Tags", *_BESIDE}}

    def _code(self) -> Properties:
        code = dict(self.properties["Code"])
        if "ZipFile" in code:
            code["ZipFile"] = inline_package(code["ZipFile"], self.properties.get("Runtime", ""))
        return code

    def _settle(self) -> None:
        """CloudFormation waits until a function is active, too."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            found = self.api.get_function_configuration(FunctionName=self.physical_resource_id)
            states = {found.get("State"), found.get("LastUpdateStatus")}
            if not states & {"Pending", "InProgress"}:
                break
            if time.monotonic() > deadline:
                raise StackFailed(f"{self.physical_resource_id} is still {found.get('State')}.")
            time.sleep(_POLL_SECONDS)
        if "Failed" in states:
            raise StackFailed(found.get("StateReason") or found.get("LastUpdateStatusReason") or "The function failed.")

    def _beside(self, before: Properties) -> None:
        """Properties with operations of their own."""
        function, now = self.physical_resource_id, self.properties
        for key, (put, take_away) in _BESIDE.items():
            if key in now and now[key] != before.get(key):
                value = now[key] if isinstance(now[key], dict) else {key: now[key]}
                self.call(put, FunctionName=function, **value)
            elif key in before and key not in now:
                self.call(take_away[0], FunctionName=function, **take_away[1])

    def _retag(self, before: Any, now: Any) -> None:
        old, new = _tags(before), _tags(now)
        if gone := sorted(set(old) - set(new)):
            self.call("untag_resource", Resource=self.attributes["Arn"], TagKeys=gone)
        if new and new != old:
            self.call("tag_resource", Resource=self.attributes["Arn"], Tags=new)


# Property -> the operation that puts it, and the one that takes it away with its parameters.
_BESIDE: dict[str, tuple[str, tuple[str, Properties]]] = {
    "ReservedConcurrentExecutions": ("put_function_concurrency", ("delete_function_concurrency", {})),
    "RecursiveLoop": (
        "put_function_recursion_config",
        ("put_function_recursion_config", {"RecursiveLoop": "Terminate"}),
    ),
    "RuntimeManagementConfig": (
        "put_runtime_management_config",
        ("put_runtime_management_config", {"UpdateRuntimeOn": "Auto"}),
    ),
}

# What UpdateFunctionConfiguration is told of a property that is no longer in the template.
_EMPTY: Properties = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "Environment": {"Variables": {}},
    "Layers": [],
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    "DeadLetterConfig": {"TargetArn": ""},
    "TracingConfig": {"Mode": "PassThrough"},
    "FileSystemConfigs": [],
    "EphemeralStorage": {"Size": 512},
}


class QualifiedResource(LambdaResource):
    """A version or an alias, which may have provisioned concurrency."""

    def _provision(self, qualifier: str, before: Properties) -> None:
        """CloudFormation waits until the environments are there, too."""
        key = "ProvisionedConcurrencyConfig"
        which = {"FunctionName": self.properties["FunctionName"], "Qualifier": qualifier}
        now = self.properties.get(key)
        if now == before.get(key):
            return
        if not now:
            self.call("delete_provisioned_concurrency_config", **which)
            return
        found = self.call("put_provisioned_concurrency_config", **which, **now)
        deadline = time.monotonic() + _WAIT_SECONDS
        while found["Status"] == "IN_PROGRESS" and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            found = self.call("get_provisioned_concurrency_config", **which)
        if found["Status"] != "READY":
            raise StackFailed(found.get("StatusReason") or "The provisioned concurrency is not ready yet.")


class VersionResource(QualifiedResource):
    """AWS::Lambda::Version."""

    type = "AWS::Lambda::Version"
    known_attributes = frozenset({"Version", "FunctionArn"})

    def create(self) -> None:
        made = self.call("publish_version", **self.properties)
        self.physical_resource_id = made["FunctionArn"]
        self.attributes = {"Version": made["Version"], "FunctionArn": made["FunctionArn"]}
        self._provision(made["Version"], {})

    def update(self, properties: Properties, name: str) -> None:  # noqa: ARG002 - a version is what it is
        if properties != self.properties:
            self.properties = properties
            self.create()

    def remove(self) -> None:
        function, _, version = self.physical_resource_id.rpartition(":")
        self.call("delete_function", FunctionName=function, Qualifier=version)


class AliasResource(QualifiedResource):
    """AWS::Lambda::Alias."""

    type = "AWS::Lambda::Alias"
    known_attributes = frozenset({"AliasArn"})

    def create(self) -> None:
        self._made(self.call("create_alias", **self._parameters()))
        self._provision(self.properties["Name"], {})

    def update(self, properties: Properties, name: str) -> None:
        if any(properties[key] != self.properties[key] for key in ("FunctionName", "Name")):
            super().update(properties, name)
            return
        before, self.properties = self.properties, properties
        self._made(self.call("update_alias", **{"RoutingConfig": {}, "Description": "", **self._parameters()}))
        self._provision(properties["Name"], before)

    def remove(self) -> None:
        self.call("delete_alias", FunctionName=self.properties["FunctionName"], Name=self.properties["Name"])

    def _made(self, alias: Any) -> None:
        self.physical_resource_id = alias["AliasArn"]
        self.attributes = {"AliasArn": alias["AliasArn"]}

    def _parameters(self) -> Properties:
        parameters = dict(self.properties)
        weights = (parameters.pop("RoutingConfig", None) or {}).get("AdditionalVersionWeights")
        if weights:
            by_version = {one["FunctionVersion"]: one["FunctionWeight"] for one in weights}
            parameters["RoutingConfig"] = {"AdditionalVersionWeights": by_version}
        return parameters


class PermissionResource(LambdaResource):
    """AWS::Lambda::Permission."""

    type = "AWS::Lambda::Permission"
    known_attributes = frozenset({"Id"})

    def create(self) -> None:
        self.physical_resource_id = self.name
        self.attributes = {"Id": self.name}
        self.call("add_permission", StatementId=self.name, **self.properties)

    def remove(self) -> None:
        self.call("remove_permission", FunctionName=self.properties["FunctionName"], StatementId=self.name)


class UrlResource(LambdaResource):
    """AWS::Lambda::Url."""

    type = "AWS::Lambda::Url"
    known_attributes = frozenset({"FunctionArn", "FunctionUrl"})

    def create(self) -> None:
        self._made(self.call("create_function_url_config", **self._parameters()))

    def update(self, properties: Properties, name: str) -> None:
        if any(properties.get(key) != self.properties.get(key) for key in ("TargetFunctionArn", "Qualifier")):
            super().update(properties, name)
            return
        self.properties = properties
        self._made(self.call("update_function_url_config", **self._parameters()))

    def remove(self) -> None:
        parameters = self._parameters()
        which = {key: parameters[key] for key in ("FunctionName", "Qualifier") if key in parameters}
        self.call("delete_function_url_config", **which)

    def _made(self, url: Any) -> None:
        self.physical_resource_id = url["FunctionArn"]
        self.attributes = {"FunctionArn": url["FunctionArn"], "FunctionUrl": url["FunctionUrl"]}

    def _parameters(self) -> Properties:
        return {**self.properties, "FunctionName": self.properties["TargetFunctionArn"]}


class EventSourceMappingResource(LambdaResource):
    """AWS::Lambda::EventSourceMapping."""

    type = "AWS::Lambda::EventSourceMapping"
    known_attributes = frozenset({"Id", "EventSourceMappingArn"})

    def create(self) -> None:
        parameters = {**self.properties, "Tags": _tags(self.properties.get("Tags"))}
        made = self.call("create_event_source_mapping", **parameters)
        self.physical_resource_id = made["UUID"]
        self.attributes = {"Id": made["UUID"], "EventSourceMappingArn": made.get("EventSourceMappingArn")}

    def update(self, properties: Properties, name: str) -> None:
        if any(properties.get(key) != self.properties.get(key) for key in _MAPPING_REPLACED):
            super().update(properties, name)
            return
        self.properties = properties
        self.call("update_event_source_mapping", UUID=self.physical_resource_id, **properties)

    def remove(self) -> None:
        self.call("delete_event_source_mapping", UUID=self.physical_resource_id)


_MAPPING_REPLACED = (
    "EventSourceArn",
    "Queues",
    "SelfManagedEventSource",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
)


class EventInvokeConfigResource(LambdaResource):
    """AWS::Lambda::EventInvokeConfig."""

    type = "AWS::Lambda::EventInvokeConfig"

    def create(self) -> None:
        self.physical_resource_id = self.name
        self.call("put_function_event_invoke_config", **self.properties)

    def remove(self) -> None:
        which = {key: self.properties[key] for key in ("FunctionName", "Qualifier")}
        self.call("delete_function_event_invoke_config", **which)


class LayerVersionResource(LambdaResource):
    """AWS::Lambda::LayerVersion."""

    type = "AWS::Lambda::LayerVersion"
    name_property = "LayerName"
    known_attributes = frozenset({"LayerVersionArn"})

    def create(self) -> None:
        made = self.call("publish_layer_version", **{**self.properties, "LayerName": self.name})
        self.physical_resource_id = made["LayerVersionArn"]
        self.attributes = {"LayerVersionArn": made["LayerVersionArn"]}

    def remove(self) -> None:
        layer, _, number = self.physical_resource_id.rpartition(":")
        self.call("delete_layer_version", LayerName=layer, VersionNumber=number)


class LayerVersionPermissionResource(LambdaResource):
    """AWS::Lambda::LayerVersionPermission."""

    type = "AWS::Lambda::LayerVersionPermission"
    known_attributes = frozenset({"Id"})

    def create(self) -> None:
        self.physical_resource_id = self.name
        self.attributes = {"Id": self.name}
        self.call("add_layer_version_permission", **self._which(), **self.properties)

    def remove(self) -> None:
        self.call("remove_layer_version_permission", **self._which())

    def _which(self) -> Properties:
        layer, _, number = self.properties["LayerVersionArn"].rpartition(":")
        return {"LayerName": layer, "VersionNumber": number, "StatementId": self.name}


RESOURCES: tuple[type[LambdaResource], ...] = (
    FunctionResource,
    VersionResource,
    AliasResource,
    PermissionResource,
    UrlResource,
    EventSourceMappingResource,
    EventInvokeConfigResource,
    LayerVersionResource,
    LayerVersionPermissionResource,
)


class StackFailed(Exception):
    """A resource was made, but isn't as it should be."""


def stacks(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.cloudformation.parsing`: the types of Lambda are ours."""
    LambdaResource.lambent = lambent
    take_over(module, RESOURCES)


def take_over(module: ModuleType, resources: Sequence[type[LambdaResource]]) -> None:
    """Have `moto.cloudformation.parsing` take these types, for its own of the same names if it has them."""
    ours = {resource.type: resource for resource in resources}
    names = {resource.type: resource.name_property for resource in resources}

    def model_list(original: Callable[[], list[Any]]) -> Any:
        return lambda: [*(model for model in original() if model.cloudformation_type() not in ours), *resources]

    replace(module, "get_model_list", model_list)
    replace(module, "get_model_map", lambda original: lambda: {**original(), **ours})
    replace(module, "get_name_type_map", lambda original: lambda: {**original(), **names})


def told(work: Callable[[], None]) -> None:
    """Do it; what goes wrong is the stack's error, in CloudFormation's form."""
    botocore_errors = importlib.import_module("botocore.exceptions")
    try:
        work()
    except (botocore_errors.ClientError, botocore_errors.BotoCoreError, StackFailed) as error:
        exceptions = importlib.import_module("moto.cloudformation.exceptions")
        raise exceptions.ValidationError(message=f"Resource handler returned message: {error}") from error


def fit(shape: Any, value: Any) -> Any:
    """A template's value in the types of the API's model; members that the shape doesn't have are left out.

    What can't be fitted is left as it is: the API will say what is wrong with it.
    """
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {key: fit(shape.members[key], one) for key, one in value.items() if key in shape.members}
    if kind == "map" and isinstance(value, dict):
        return {key: fit(shape.value, one) for key, one in value.items()}
    if kind == "list" and isinstance(value, list):
        return [fit(shape.member, one) for one in value]
    if kind in {"integer", "long", "double", "float"} and isinstance(value, str):
        try:
            return float(value) if kind in {"double", "float"} else int(value)
        except ValueError:
            return value
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _tags(tags: Any) -> dict[str, str]:
    """A template's list of tags as the API has them."""
    if isinstance(tags, dict):
        return tags
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}
