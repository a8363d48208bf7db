"""AWS Chalice, unchanged but for the endpoint: an application of functions is deployed, invoked, redeployed, deleted.

The queue invokes its function; that the schedule doesn't yet is in `docs/how-to/other-services.md`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.lambent_server import REGION, LambentServer

pytestmark = [pytest.mark.root, pytest.mark.slow]

APPLICATION = Path(__file__).parent / "functions" / "shop"
CONFIG = {"version": "2.0", "app_name": "shop", "stages": {"dev": {"api_gateway_stage": "api"}}}
SCHEDULED = {
    "version": "0",
    "account": "123456789012",
    "region": REGION,
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-01-01T00:00:00Z",
    "id": "00000000-0000-0000-0000-000000000000",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/shop-dev-tick-event"],
}
MESSAGES = {"Records": [{"body": "one", "receiptHandle": "1"}, {"body": "two", "receiptHandle": "2"}]}

Chalice = Callable[..., str]


@pytest.fixture
def environment(lambent: LambentServer, account: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": lambent.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The application's folder."""
    folder = tmp_path / "shop"
    shutil.copytree(APPLICATION, folder)
    (folder / "requirements.txt").touch()
    (folder / ".chalice").mkdir(exist_ok=True)
    (folder / ".chalice" / "config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture
def run(chalice: Path, project: Path, environment: dict[str, str]) -> Chalice:
    """Runs the program in the application's folder; its output."""

    def run(*arguments: str, event: Any = None) -> str:
        ended = subprocess.run(
            [chalice, *arguments],
            cwd=project,
            env=environment,
            input=None if event is None else json.dumps(event),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


@pytest.fixture
def clients(lambent: LambentServer, account: str) -> Callable[[str], Any]:
    def make(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=lambent.url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="test",
        )

    return make


@pytest.mark.timeout(420)
def test_deploy_invoke_redeploy_and_delete(
    run: Chalice, project: Path, clients: Callable[[str], Any], lambent: LambentServer, account: str
) -> None:
    functions, rules, roles, queues = clients("lambda"), clients("events"), clients("iam"), clients("sqs")
    orders = queues.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]

    def ordered(said: str) -> None:
        """Wait until the function has had a message of the queue, and the queue hasn't any longer."""
        queues.send_message(QueueUrl=orders, MessageBody=said)
        wait_for(
            lambda: said in lines_of(lambent, Caller(lambent.port, account), "shop-dev-order", beginning="ordered")
        )
        wait_for(lambda: _left(queues, orders) == 0)

    run("deploy")
    assert {one["FunctionName"] for one in functions.list_functions()["Functions"]} == {
        "shop-dev-greet",
        "shop-dev-tick",
        "shop-dev-order",
    }
    [role] = roles.list_roles()["Roles"]
    assert functions.get_function_configuration(FunctionName="shop-dev-greet")["Role"] == role["Arn"]
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"] == f"arn:aws:sqs:{REGION}:{account}:orders"
    assert mapping["FunctionArn"] == f"arn:aws:lambda:{REGION}:{account}:function:shop-dev-order"
    assert mapping["BatchSize"] == 2
    [rule] = rules.list_rules()["Rules"]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    [target] = rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == f"arn:aws:lambda:{REGION}:{account}:function:shop-dev-tick"
    policy = json.loads(functions.get_policy(FunctionName="shop-dev-tick")["Policy"])
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}

    assert json.loads(run("invoke", "-n", "greet", event={"name": "Zoë"})) == {"hello": "Zoë"}
    assert json.loads(run("invoke", "-n", "tick", event=SCHEDULED))["source"] == "aws.events"
    assert json.loads(run("invoke", "-n", "order", event=MESSAGES)) == ["one", "two"]
    ordered("a book")

    source = project / "app.py"
    source.write_text(source.read_text().replace('"hello"', '"goodbye"'))
    run("deploy")
    assert json.loads(run("invoke", "-n", "greet", event={"name": "Zoë"})) == {"goodbye": "Zoë"}
    assert [one["UUID"] for one in functions.list_event_source_mappings()["EventSourceMappings"]] == [mapping["UUID"]]
    assert json.loads(functions.get_policy(FunctionName="shop-dev-tick")["Policy"]) == policy
    ordered("another book")

    run("delete")
    assert functions.list_functions()["Functions"] == []
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []
    assert rules.list_rules()["Rules"] == []
    assert roles.list_roles()["Roles"] == []


def _left(queues: Any, url: str) -> int:
    """The messages that a queue has, those that are with a function among them."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
