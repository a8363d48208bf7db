"""Custom resources of stacks: created, updated and deleted by a function, which is waited for.

moto tells of the creation only, doesn't wait, and takes no failure. Source: CloudFormation user guide, "Custom
resource request objects", "Custom resource response objects", "Custom resource request types" (an update that answers
with another physical id is followed by a deletion of the old one), AWS::CloudFormation::CustomResource.
"""

import contextvars
import importlib
import json
import logging
import queue
import threading
import uuid
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace
from lambent.companion.launcher.stacks import LambdaResource, Properties, StackFailed, take_over, told

PATIENCE_SECONDS: contextvars.ContextVar[float] = contextvars.ContextVar("PATIENCE_SECONDS", default=45.0)
"""How long a function may take to answer: less than clients wait where a request waits for it."""

LONGEST_SECONDS = 3600.0

_waiting: dict[str, "queue.SimpleQueue[Mapping[str, Any]]"] = {}

logger = logging.getLogger(__name__)


class CustomResource(LambdaResource):
    """AWS::CloudFormation::CustomResource, and every type that begins with `Custom::`."""

    type = "AWS::CloudFormation::CustomResource"
    changes_with_every_update = True  # its answer may have other data
    said_type: str
    logical_id: str
    stack_id: str

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 - the function decides
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "CustomResource":
        made = cls(account_id, region_name, resource_name, cloudformation_json["Properties"])
        made.logical_id, made.stack_id = kwargs["LogicalId"], kwargs["StackId"]
        made.said_type = kwargs["ResourceType"]
        told(made.create)
        return made

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        return self.attributes.get(attribute_name)

    def create(self) -> None:
        self._take(self._ask("Create"))

    def update(self, properties: Properties, name: str) -> None:  # noqa: ARG002 - its function names it
        before, self.properties = self.properties, properties
        was = self.physical_resource_id
        self._take(self._ask("Update", PhysicalResourceId=was, OldResourceProperties=texts(before)))
        if self.physical_resource_id != was:
            try:
                self._ask("Delete", PhysicalResourceId=was, ResourceProperties=texts(before))
            except StackFailed as error:  # the clean-up of an update doesn't fail it
                logger.warning("The old %s could not be deleted: %s", self.logical_id, error)

    def remove(self) -> None:
        if self.physical_resource_id:
            self._ask("Delete", PhysicalResourceId=self.physical_resource_id)

    def _take(self, answer: Mapping[str, Any]) -> None:
        self.physical_resource_id = answer.get("PhysicalResourceId") or self.physical_resource_id or self.name
        self.attributes = dict(answer.get("Data") or {})

    def _ask(self, request_type: str, **more: Any) -> Mapping[str, Any]:
        """Have the function do it.

        Raises:
            StackFailed: it has answered FAILED, or not in time.
            botocore.exceptions.ClientError: it can't be invoked.
        """
        request_id = str(uuid.uuid4())
        settings = importlib.import_module("moto.settings")
        address = f"{settings.moto_server_host()}:{settings.moto_server_port()}/cloudformation_{self.region}"
        token = self.properties["ServiceToken"]
        event = {
            "RequestType": request_type,
            "ServiceToken": token,
            "ResponseURL": f"{address}/cfnresponse?stack={self.stack_id}",
            "StackId": self.stack_id,
            "RequestId": request_id,
            "ResourceType": self.said_type,
            "LogicalResourceId": self.logical_id,
            "ResourceProperties": texts(self.properties),
            **more,
        }
        answers = _waiting[request_id] = queue.SimpleQueue()
        try:
            self._send(token, json.dumps(event), answers)
            answer = answers.get(timeout=self._seconds())
        except queue.Empty:
            raise StackFailed(f"CloudFormation did not receive a response from your Custom Resource: {token}") from None
        finally:
            del _waiting[request_id]
        if answer.get("Status") != "SUCCESS":
            raise StackFailed(f"Received response status [FAILED] from custom resource: {answer.get('Reason')}")
        return answer

    def _send(self, token: str, event: str, answers: "queue.SimpleQueue[Mapping[str, Any]]") -> None:
        if ":sns:" in token:
            self.lambent.client(self.account, self.region, "sns").publish(TopicArn=token, Message=event)
        else:
            self.api.get_function_configuration(FunctionName=token)
            threading.Thread(target=self._invoke, args=(token, event, answers), daemon=True).start()

    def _invoke(self, token: str, event: str, answers: "queue.SimpleQueue[Mapping[str, Any]]") -> None:
        """Invoke its function; where it fails nothing else will come.

        AWS invokes it asynchronously, tries twice more, and waits for the rest of an hour.
        """
        try:
            answer = self.api.invoke(FunctionName=token, Payload=event.encode())
            error = answer["Payload"].read().decode(errors="replace") if "FunctionError" in answer else ""
        except Exception as failed:  # noqa: BLE001 - whatever it is, no answer will come
            error = str(failed)
        if error:
            answers.put({"Status": "FAILED", "Reason": f"{token}: {error}"})

    def _seconds(self) -> float:
        said = self.properties.get("ServiceTimeout")
        return min(float(said or LONGEST_SECONDS), PATIENCE_SECONDS.get())


def texts(value: Any) -> Any:
    """Properties as functions get them: every number and truth value is text."""
    if isinstance(value, Mapping):
        return {key: texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [texts(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def models(module: ModuleType) -> None:
    """Change `moto.cloudformation.custom_model`."""
    replace(module, "CustomModel", lambda _: CustomResource)


def types(module: ModuleType) -> None:
    """Change `moto.cloudformation.parsing`: the type that isn't called `Custom::` is one, too."""
    take_over(module, (CustomResource,))


def answers(module: ModuleType) -> None:
    """Change `moto.cloudformation.responses`: an answer is for who asked."""

    def process_cfn_response(self: Any) -> tuple[int, dict[str, int], str]:
        members = ("Status", "Reason", "PhysicalResourceId", "Data")
        asked = _waiting.get(self._get_param("RequestId") or "")
        if asked is not None:  # nobody waits any more for what comes late
            asked.put({name: self._get_param(name) for name in members})
        return 200, {"status": 200}, json.dumps("{}")

    replace(module.CloudFormationResponse, "process_cfn_response", lambda _: process_cfn_response)
