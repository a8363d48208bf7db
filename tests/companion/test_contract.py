"""What the launcher changes of moto is there: one test per version of moto, since its insides promise nothing.

If one of these fails after an update of moto, look at the change in `lambent.companion.launcher` and at its reason in
docs/decisions/0061-what-is-changed-of-moto.md.
"""

import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lambent.companion.launcher.__main__ import changes
from lambent.companion.launcher.functions import LambdaOf, Lambent
from lambent.companion.launcher.patching import PatchTargetMissing, install, replace
from lambent.companion.launcher.stacks import RESOURCES

ROOT = Path(__file__).parents[2]
CHANGED = sorted(changes(Lambent("http://127.0.0.1:1")))

# The parameters that the replacements are called with, by position or name.
SIGNATURES = {
    "moto.sns.models:Subscription.publish": [
        "self",
        "message",
        "message_id",
        "subject",
        "message_attributes",
        "group_id",
        "deduplication_id",
        "message_structure",
    ],
    "moto.sns.models:Subscription.get_post_data": ["self", "message", "message_id", "subject", "message_attributes"],
    "moto.sns.models:Subscription._parse_message_structure": ["self", "message", "protocol"],
    "moto.s3.notifications:_get_s3_event": ["event_name", "bucket", "key", "notification_id"],
    "moto.s3.notifications:_invoke_awslambda": ["account_id", "event_body", "fn_arn", "region_name"],
    "moto.backends:list_of_moto_modules": [],
    "moto.core.utils:camelcase_to_underscores": ["argument"],
    "moto.core.utils:method_names_from_class": ["clazz"],
    "moto.sqs.responses:SQSResponse.receive_message": ["self"],
    "moto.sqs.models:Queue.add_message": ["self", "message"],
    "moto.sqs.models:Queue.delete_message": ["self", "receipt_handle"],
    "moto.sqs.models:SQSBackend.send_message": [
        "self",
        "queue_name",
        "message_body",
        "message_attributes",
        "delay_seconds",
        "deduplication_id",
        "group_id",
        "system_attributes",
        "validate_group_id",
    ],
    "moto.sqs.models:SQSBackend.send_message_batch": ["self", "queue_name", "entries"],
    "moto.sqs.models:SQSBackend.receive_message": [
        "self",
        "queue_name",
        "count",
        "wait_seconds_timeout",
        "visibility_timeout",
        "message_attribute_names",
    ],
    "moto.sqs.models:SQSBackend.change_message_visibility": [
        "self",
        "queue_name",
        "receipt_handle",
        "visibility_timeout",
    ],
    "moto.sqs.models:SQSBackend.delete_message_batch": ["self", "queue_name", "receipts"],
    "moto.sqs.models:SQSBackend.change_message_visibility_batch": ["self", "queue_name", "entries"],
    "moto.sqs.models:SQSBackend.purge_queue": ["self", "queue_name"],
    "moto.sqs.models:SQSBackend.delete_queue": ["self", "queue_name"],
    "moto.sqs.models:_filter_message_attributes": ["message", "input_message_attributes"],
    "moto.events.models:Rule.send_to_targets": ["self", "original_event", "transform_input"],
    "moto.events.models:EventPattern.matches_event": ["self", "event"],
    "moto.events.notifications:_invoke_lambda": ["account_id", "fn_arn", "event"],
    "moto.events.utils:EventTemplateParser.parse": ["input_template", "input_paths_map", "event"],
    "moto.awslambda.utils:get_backend": ["account_id", "region"],
    "moto.stepfunctions.parser.asl.utils.boto_client:boto_client_for": ["region", "service", "state_credentials"],
    "moto.cloudformation.parsing:get_model_list": [],
    "moto.cloudformation.parsing:get_model_map": [],
    "moto.cloudformation.parsing:get_name_type_map": [],
    "moto.cloudformation.parsing:ResourceMap.update": ["self", "template", "parameters"],
    "moto.cloudformation.parsing:ResourceMap.delete": ["self"],
    "moto.cloudformation.custom_model:CustomModel.create_from_cloudformation_json": [
        "resource_name",
        "cloudformation_json",
        "account_id",
        "region_name",
        "kwargs",
    ],
    "moto.cloudformation.responses:CloudFormationResponse.process_cfn_response": ["self"],
    "moto.cloudformation.parsing:ResourceMap._delete_resource": ["self", "parsed_resource", "resource_json"],
    "moto.cloudformation.parsing:ResourceMap.create": ["self", "template"],
    "moto.cloudformation.parsing:generate_resource_name": ["resource_type", "stack_name", "logical_id"],
    "moto.cloudformation.parsing:parse_and_update_resource": [
        "logical_id",
        "resource_json",
        "resources_map",
        "account_id",
        "region_name",
    ],
    "moto.cloudformation.utils:get_stack_from_s3_url": ["template_url", "account_id", "partition"],
    "moto.cloudformation.models:Stack.parse_template": ["template"],
    "moto.cloudformation.models:Stack._add_stack_event": [
        "self",
        "resource_status",
        "resource_status_reason",
        "resource_properties",
    ],
    "moto.cloudformation.models:CloudFormationBackend.create_change_set": [
        "self",
        "stack_name",
        "change_set_name",
        "template",
        "parameters",
        "description",
        "change_set_type",
        "notification_arns",
        "tags",
        "role_arn",
    ],
    "moto.cloudformation.models:CloudFormationBackend.get_template": ["self", "name_or_stack_id"],
    "moto.cloudformation.responses:CloudFormationResponse.execute_change_set": ["self"],
    "moto.apigateway.models:APIGatewayBackend.put_rest_api": [
        "self",
        "function_id",
        "api_doc",
        "fail_on_warnings",
        "mode",
    ],
    "moto.s3.models:FakeBucket.create_from_cloudformation_json": [
        "resource_name",
        "cloudformation_json",
        "account_id",
        "region_name",
        "kwargs",
    ],
    "moto.s3.models:FakeBucket.update_from_cloudformation_json": [
        "original_resource",
        "new_resource_name",
        "cloudformation_json",
        "account_id",
        "region_name",
    ],
    "moto.iam.models:generate_access_key_id_from_account_id": ["account_id", "prefix", "total_length"],
    "moto.settings:moto_server_host": [],
    "moto.core.responses:BaseResponse.get_current_account": ["self"],
    "moto.moto_server.werkzeug_app:create_backend_app": ["service"],
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication.__init__": ["self", "create_app"],
    "moto.utilities.utils:load_resource_as_str": ["resource"],
}


def test_the_version_is_the_one_that_the_changes_were_made_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [requirement] = [one for one in project["dependencies"] if one.startswith("moto[")]
    assert requirement.endswith(f"=={importlib.metadata.version('moto')}")


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_what_is_changed_or_called_takes_what_it_took(name: str) -> None:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    assert list(inspect.signature(found).parameters) == SIGNATURES[name]


def test_all_changes_can_be_made_before_moto_is_imported() -> None:
    """In a process of its own, as they are made in the companion's."""
    program = f"""
import importlib, sys
from lambent.companion.launcher.__main__ import changes
from lambent.companion.launcher.functions import Lambent, LambdaOf
from lambent.companion.launcher.patching import install
assert not [name for name in sys.modules if name.split(".")[0] == "moto"]
install(changes(Lambent("http://127.0.0.1:1")))
for name in {CHANGED!r}:
    importlib.import_module(name)
import moto.core, moto.awslambda.models, moto.awslambda.utils, moto.cloudformation.custom_model
import moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils as calls
assert moto.core.DEFAULT_ACCOUNT_ID == "000000000000"
assert moto.core.config.default_user_config["stepfunctions"]["execute_state_machine"] is True
assert moto.core.config.default_user_config["batch"]["use_docker"] is False
for made in (moto.awslambda.utils.get_backend, moto.awslambda.models.get_backend,
             moto.cloudformation.custom_model.get_lambda_backend):
    assert type(made("111111111111", "eu-west-1")) is LambdaOf, made
assert type(moto.awslambda.models.lambda_backends["111111111111"]["eu-west-1"]) is LambdaOf
assert calls.boto_client_for.__module__.startswith("lambent."), calls.boto_client_for.__module__
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=100)


def test_every_method_that_moto_calls_on_its_lambda_is_known() -> None:
    """But those of pollers: the event source mappings of moto's backends stay empty."""
    of_pollers = {"send_sqs_batch", "send_kinesis_message", "send_dynamodb_items", "send_sns_message"}
    called = set()
    moto = Path(str(importlib.import_module("moto").__file__)).parent
    for file in moto.rglob("*.py"):
        if file.parent.name in {"awslambda", "awslambda_simple"}:
            continue
        text = file.read_text()
        if "awslambda" in text:
            called |= set(re.findall(r"get_backend\([^)]*\)\s*\.(\w+)\(", text))
            called |= set(re.findall(r"lambda_backends?(?:\[[^]]*\])*\.(\w+)\(", text))
            called |= set(re.findall(r"lambda_backends\[[^]]*\]\[[^]]*\]\.(\w+)\(", text))
    of_others = {"start_execution"}  # Step Functions' backend, in the same file
    assert called - of_pollers - of_others <= set(dir(LambdaOf))
    assert "get_function" in called


def test_every_lambda_resource_of_motos_stacks_is_ours() -> None:
    models = importlib.import_module("moto.awslambda.models")
    base = importlib.import_module("moto.core.common_models").CloudFormationModel
    theirs = {one.cloudformation_type() for one in base.__subclasses__() if one.__module__ == models.__name__}
    assert theirs
    assert theirs <= {one.type for one in RESOURCES}


def test_the_custom_resources_of_stacks_have_the_url_that_we_let_through() -> None:
    model = importlib.import_module("moto.cloudformation.custom_model")
    assert "/cloudformation_{region_name}/cfnresponse?stack={stack_id}" in inspect.getsource(model)


@pytest.mark.slow
def test_every_service_can_be_had_with_what_is_installed() -> None:
    """moto's packages for single services are extras; `pyproject.toml` names those that its modules can't do without."""
    program = """
import importlib, moto.backend_index
for service, _ in moto.backend_index.backend_url_patterns:
    importlib.import_module(f"moto.{service}.urls")
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=100)


def test_a_name_that_is_not_there_stops_the_companion() -> None:
    module = ModuleType("some.module")
    with pytest.raises(PatchTargetMissing, match=r"some\.module\.gone"):
        replace(module, "gone", lambda original: original)


def test_a_change_comes_before_the_import() -> None:
    with pytest.raises(PatchTargetMissing, match="imported too early: json"):
        install({"json": lambda module: None})
