"""Powertools for AWS Lambda (TypeScript) as npm has it, in the functions' packages."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import node_modules, with_files, zip_of_folder
from tests.companion.conftest import Account
from tests.function_urls.conftest import Url
from tests.invoke.test_layers import NODE as NODE_RUNTIME
from tests.lambent_server import ROLE, LambentServer, wait_until_active

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.skipif(NODE_RUNTIME is None, reason="this machine has no Node.js that functions can have"),
]

ACCOUNT = "300000000004"
SOURCE = Path(__file__).parent / "functions" / "powertools_for_typescript" / "index.mjs"
UTILITIES = ("batch", "event-handler", "idempotency", "logger", "metrics", "parameters", "tracer")
CLIENTS = ("client-dynamodb", "client-secrets-manager", "client-ssm", "lib-dynamodb")

Invoke = Callable[[str, object], tuple[Any, list[Any]]]


@pytest.fixture(scope="module")
def aws(lambent: LambentServer) -> Account:
    return Account(lambent, ACCOUNT)


@pytest.fixture(scope="module")
def package() -> bytes:
    utilities = [f"@aws-lambda-powertools/{name}@2.35.0" for name in UTILITIES]
    clients = [f"@aws-sdk/{name}@3.1162.0" for name in CLIENTS]
    modules = node_modules("powertools-for-typescript", *utilities, *clients) / "node_modules"
    return with_files(
        zip_of_folder(modules, "node_modules", without=("dist-types",)), {"index.mjs": SOURCE.read_bytes()}
    )


@pytest.fixture(scope="module")
def deployed(aws: Account, package: bytes) -> Iterator[None]:
    """A function for each handler of the module."""
    client = aws.client("lambda")
    names = ("observed", "once", "batch", "settings", "routes")
    for name in names:
        client.create_function(
            FunctionName=name,
            Runtime=NODE_RUNTIME,
            Handler=f"index.{name}",
            Role=ROLE,
            Timeout=60,
            MemorySize=512,
            Code={"ZipFile": package},
        )
    for name in names:
        wait_until_active(client, name, seconds=120)
    yield
    for name in names:
        client.delete_function(FunctionName=name)


@pytest.fixture
def invoke(aws: Account, deployed: None) -> Invoke:
    """What a function answers, and what of its log is JSON."""
    client = aws.client("lambda")

    def invoked(name: str, event: object) -> tuple[Any, list[Any]]:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        assert "FunctionError" not in answer, log
        lines = []
        for line in log.splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return json.load(answer["Payload"]), lines

    return invoked


def test_logger_tracer_and_metrics(invoke: Invoke) -> None:
    answer, (line, cold_start, metric) = invoke("observed", {"customer": "Zoë", "amount": 3})
    assert (line["message"], line["customer"], line["amount"]) == ("charging", "Zoë", 3)
    assert (line["function_name"], line["cold_start"]) == ("observed", True)
    assert answer == {"root": line["xray_trace_id"], "sampled": False}
    assert cold_start["ColdStart"] == 1
    assert (metric["Amount"], metric["_aws"]["CloudWatchMetrics"][0]["Namespace"]) == (3, "Shop")
    _, second = invoke("observed", {"customer": "Ada", "amount": 1})
    assert [line.get("customer") for line in second] == ["Ada", None]


def test_idempotency(invoke: Invoke, aws: Account) -> None:
    aws.client("dynamodb").create_table(
        TableName="powertools",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    first, again, other = (invoke("once", {"order": order})[0] for order in ("A-1", "A-1", "A-2"))
    assert first == again
    assert other["payment"] != first["payment"]


def test_batch(invoke: Invoke) -> None:
    records = [{"messageId": body, "body": body, "eventSource": "aws:sqs"} for body in ("1", "{", "[]")]
    assert invoke("batch", {"Records": records})[0] == {"batchItemFailures": [{"itemIdentifier": "{"}]}


def test_parameters(invoke: Invoke, aws: Account) -> None:
    aws.client("ssm").put_parameter(Name="/shop/name", Value="Teehaus", Type="String")
    aws.client("secretsmanager").create_secret(Name="shop/database", SecretString="päss")
    assert invoke("settings", {})[0] == ["Teehaus", "päss"]


def test_event_handler(invoke: Invoke, aws: Account) -> None:
    config = aws.client("lambda").create_function_url_config(FunctionName="routes", AuthType="NONE")
    url = Url(config["FunctionUrl"])
    assert url("GET", "/items/tea").json == {"name": "tea"}
    ordered = url("POST", "/orders", '{"item": "Grüntee"}'.encode(), content_type="application/json")
    assert (ordered.status, ordered.json) == (201, {"item": "Grüntee"})
    assert url("GET", "/nothing").status == 404
    url.connection.close()
