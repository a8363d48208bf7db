"""Powertools for AWS Lambda as PyPI has it, in a layer; each of its utilities as its documentation shows it."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.installed import python_libraries, zip_of_folder
from tests.companion.conftest import Account
from tests.function_urls.conftest import Url
from tests.lambent_server import REGION, LambentServer, create_function
from tests.sources.world import QueueOfTest

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(420)]

FUNCTIONS = Path(__file__).parent / "functions" / "powertools"
ACCOUNT = "300000000002"


class Result(NamedTuple):
    answer: Any
    error: str | None
    log: str

    @property
    def lines(self) -> list[Any]:
        """What of the log is JSON."""
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found


Invoke = Callable[..., Result]
Deploy = Callable[..., Invoke]


@pytest.fixture(scope="module")
def aws(lambent: LambentServer) -> Account:
    return Account(lambent, ACCOUNT)


@pytest.fixture(scope="module")
def layer(aws: Account) -> str:
    libraries = python_libraries("powertools", "aws-lambda-powertools[all]==3.37.0", "aws-xray-sdk==2.15.0")
    package = zip_of_folder(libraries, "python", without=("bin", "installed", "__pycache__"))
    version: dict[str, str] = aws.client("lambda").publish_layer_version(
        LayerName="powertools", Content={"ZipFile": package}, CompatibleRuntimes=["python3.13"]
    )
    return version["LayerVersionArn"]


@pytest.fixture
def deploy(aws: Account, layer: str) -> Iterator[Deploy]:
    """Deploys a function of the folder and gives something that invokes it."""
    client = aws.client("lambda")
    names = []

    def deployed(name: str, *, handler: str = "handler", **variables: str) -> Invoke:
        create_function(
            client,
            name,
            {f"{name}.py": (FUNCTIONS / f"{name}.py").read_bytes()},
            seconds=120,  # the first one has the layer unpacked
            Handler=f"{name}.{handler}",
            Layers=[layer],
            MemorySize=512,
            Timeout=60,
            Environment={"Variables": variables},
        )
        names.append(name)

        def invoke(event: object) -> Result:
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
            log = base64.b64decode(answer["LogResult"]).decode()
            return Result(json.load(answer["Payload"]), answer.get("FunctionError"), log)

        return invoke

    yield deployed
    for name in names:
        client.delete_function(FunctionName=name)


def test_logger(deploy: Deploy) -> None:
    invoke = deploy("logs")
    event = {"requestContext": {"requestId": "r-1"}, "numbers": [1, 2], "divisor": 0, "customer": "Zoë"}
    first = invoke(event)
    assert first.answer == {"total": 3, "correlation_id": "r-1"}
    whole, child, exception = first.lines
    assert whole["message"] == event
    assert (child["message"], child["numbers"]) == ("adding", [1, 2])
    assert (exception["level"], exception["exception_name"]) == ("ERROR", "ZeroDivisionError")
    for line in (child, exception):
        assert line["service"] == "till"
        assert line["customer"] == "Zoë"
        assert line["correlation_id"] == "r-1"
        assert line["cold_start"] is True
        assert line["function_name"] == "logs"
        assert line["function_memory_size"] == "512"
        assert line["function_arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:logs"
        assert f"START RequestId: {line['function_request_id']} " in first.log
        assert line["xray_trace_id"].startswith("1-")
    second = invoke({"requestContext": {"requestId": "r-2"}, "numbers": [1, 2], "divisor": 1})
    _, child = second.lines
    assert child["cold_start"] is False
    assert "customer" not in child


def test_tracer(deploy: Deploy, aws: Account) -> None:
    """Nobody listens at the address of the X-Ray daemon, which must make no difference to the function."""
    invoke = deploy("traces")
    result = invoke({"item": "tea"})
    assert result.error is None, result
    assert result.answer["price"] == 3
    fields = dict(field.split("=") for field in result.answer["header"].split(";"))
    assert result.answer["segment"]["trace_id"] == fields["Root"]
    client = aws.client("lambda")
    root = "1-5759e988-bd862e3fe1be46a994272793"

    def add_header(request: Any, **_: object) -> None:
        request.headers["X-Amzn-Trace-Id"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1"

    client.meta.events.register("before-sign.lambda.Invoke", add_header)
    sampled = json.load(client.invoke(FunctionName="traces", Payload='{"item": "tea"}')["Payload"])
    assert sampled["segment"]["trace_id"] == root
    assert sampled["segment"]["sampled"] is True
    failed = invoke({"item": "unknown"})
    assert (failed.error, failed.answer["errorType"]) == ("Unhandled", "KeyError")
    assert invoke({"item": "tea"}).error is None


def test_metrics(deploy: Deploy) -> None:
    invoke = deploy("measures")

    def found(result: Result) -> dict[str, Any]:
        """The lines in CloudWatch's embedded metric format, by their first metric."""
        lines = [line for line in result.lines if "_aws" in line]
        return {line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"]: line for line in lines}

    result = invoke({"order": "A-1", "amounts": [1, 2]})
    assert result.error is None, result
    lines = found(result)
    assert lines.keys() == {"ColdStart", "Amount", "Orders"}
    assert lines["Amount"]["Amount"] == [1.0, 2.0]
    assert lines["Amount"]["order"] == "A-1"
    (described,) = lines["Amount"]["_aws"]["CloudWatchMetrics"]
    assert [set(dimensions) for dimensions in described.pop("Dimensions")] == [{"environment", "service"}]
    assert described == {"Namespace": "Shop", "Metrics": [{"Name": "Amount", "Unit": "Count"}]}
    assert (lines["Amount"]["environment"], lines["Amount"]["service"]) == ("test", "till")
    assert lines["ColdStart"]["function_name"] == "measures"
    assert found(invoke({"order": "A-2", "amounts": [3]})).keys() == {"Amount", "Orders"}
    empty = invoke({"order": "A-3", "amounts": []})
    assert empty.error == "Unhandled"


@pytest.fixture
def table(aws: Account) -> Iterator[str]:
    """A table of the companion."""
    database = aws.client("dynamodb")
    database.create_table(
        TableName="powertools",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield "powertools"
    database.delete_table(TableName="powertools")


def test_idempotency(deploy: Deploy, aws: Account, table: str) -> None:
    invoke = deploy("once", TABLE=table)
    event = {"customer": "zoe", "order": "A-1", "items": ["tea", "cup"]}
    first = invoke(event)
    assert first.error is None, first
    assert "charged zoe" in first.log
    again = invoke(event)
    assert again.answer == first.answer
    assert "charged" not in again.log
    other = invoke({**event, "order": "A-2"})
    assert other.answer["payment"] != first.answer["payment"]
    assert other.answer["parcels"] == first.answer["parcels"]
    failed = invoke({**event, "order": "A-3", "fail": True})
    assert (failed.error, failed.answer["errorType"]) == ("Unhandled", "RuntimeError")
    assert "charged" in invoke({**event, "order": "A-3"}).log  # what failed may be tried again
    assert invoke({"items": []}).answer["errorType"] == "IdempotencyKeyError"
    rows = aws.client("dynamodb").scan(TableName=table)["Items"]
    assert {row["status"]["S"] for row in rows} == {"COMPLETED"}
    assert len(rows) == 5


def sqs_event(*bodies: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": "handle",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


@pytest.mark.parametrize("handler", ["handler", "concurrent_handler"])
def test_batches(deploy: Deploy, handler: str) -> None:
    invoke = deploy("batches", handler=handler)
    good, bad = {"item": "tea", "count": 1}, {"item": "tea", "count": 0}
    assert invoke(sqs_event(good, good)).answer == {"batchItemFailures": []}
    some = invoke(sqs_event(good, bad, "no JSON", good))
    assert some.answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]}
    assert some.log.count("done tea") == 2
    none = invoke(sqs_event(bad))
    assert (none.error, none.answer["errorType"]) == ("Unhandled", "BatchProcessingError")


def test_batches_of_a_queue(deploy: Deploy, aws: Account) -> None:
    """What the processor has done is deleted, what it reports comes again."""
    deploy("batches")
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    queue = QueueOfTest(sqs, sqs.create_queue(QueueName="teas", Attributes={"VisibilityTimeout": "300"})["QueueUrl"])
    mapping = functions.create_event_source_mapping(
        FunctionName="batches", EventSourceArn=queue.arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    queue.send_many('{"item": "tea", "count": 1}', '{"item": "tea", "count": 0}', '{"item": "tea", "count": 2}')
    try:
        queue.wait_for_counts(0, 1, seconds=60)
    finally:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])


def test_parameters(deploy: Deploy, aws: Account, table: str) -> None:
    store, secrets = aws.client("ssm"), aws.client("secretsmanager")
    for name, value, kind in (
        ("/shop/name", "Teehaus", "String"),
        ("/shop/limits/orders", "10", "String"),
        ("/shop/limits/items", "100", "String"),
        ("/shop/pin", "1234", "SecureString"),
        ("/shop/colours", '["green", "black"]', "String"),
    ):
        store.put_parameter(Name=name, Value=value, Type=kind)
    secrets.create_secret(Name="shop/database", SecretString='{"password": "päss"}')
    aws.client("dynamodb").put_item(TableName=table, Item={"id": {"S": "greeting"}, "value": {"S": "Grüezi"}})
    result = deploy("settings", TABLE=table)({})
    assert result.answer == {
        "one": "Teehaus",
        "below": {"orders": "10", "items": "100"},
        "decrypted": "1234",
        "json": ["green", "black"],
        "secret": {"password": "päss"},
        "row": "Grüezi",
    }


@pytest.fixture
def shop(deploy: Deploy, aws: Account) -> Iterator[Url]:
    deploy("routes")
    config = aws.client("lambda").create_function_url_config(FunctionName="routes", AuthType="NONE")
    url = Url(config["FunctionUrl"])
    yield url
    url.connection.close()


def test_event_handler_behind_a_function_url(shop: Url) -> None:
    home = shop("GET", "/", user_agent="tester/1")
    assert (home.status, home.body.decode()) == (200, "<h1>Tee für alle</h1>")
    assert home.headers["content-type"] == "text/html"
    assert home.headers["x-agent"] == "tester/1"
    cookies = home.headers.get_all("set-cookie") or []
    assert [cookie.partition("=")[0] for cookie in cookies] == ["session", "theme"]
    assert shop("GET", "/items/tea?count=3").json == {"name": "tea", "count": 3}
    assert shop("GET", "/items/tea?count=0").status == 422
    assert shop("GET", "/items/coffee").json == {"statusCode": 404, "message": "no coffee here"}
    assert shop("GET", "/nothing").status == 404
    made = shop("POST", "/orders", '{"item": "Grüntee"}'.encode(), content_type="application/json")
    assert (made.status, made.headers["location"]) == (201, "/orders/1")
    assert made.json == {"item": "Grüntee", "count": 1}
    assert shop("POST", "/orders", b'{"count": 1}', content_type="application/json").status == 422
    assert shop("GET", "/picture").body == bytes(range(256))
    assert shop("GET", "/picture", accept_encoding="gzip").headers["content-encoding"] == "gzip"
    assert (shop("GET", "/divide").status, shop("GET", "/divide").body) == (418, b"divided")
    asked = {"origin": "https://shop.example", "access_control_request_method": "POST"}
    preflight = shop("OPTIONS", "/orders", None, **asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-max-age"] == "60"


def test_event_handler_of_an_http_api(deploy: Deploy) -> None:
    event = {
        "version": "2.0",
        "routeKey": "GET /orders/{number}",
        "rawPath": "/orders/7",
        "rawQueryString": "",
        "headers": {"x-customer": "zoe", "host": "api.example"},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "api",
            "domainName": "api.example",
            "http": {"method": "GET", "path": "/orders/7", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "id",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
    }
    answer = deploy("api")(event).answer
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"number": "7", "by": "zoe"}


def test_validation(deploy: Deploy) -> None:
    invoke = deploy("checks")
    assert invoke({"item": "tea", "count": 2}).answer == {"taken": "tea"}
    refused = invoke({"item": "tea", "count": 0})
    assert (refused.error, refused.answer["errorType"]) == ("Unhandled", "SchemaValidationError")


def test_validation_within_an_envelope(deploy: Deploy) -> None:
    assert deploy("checks", handler="from_event_bridge")({"detail": {"item": "tea"}}).answer == "tea"


def test_parser(deploy: Deploy) -> None:
    invoke = deploy("checks", handler="parsed")
    assert invoke(sqs_event({"item": "tea"}, {"item": "cup", "count": "2"})).answer == [
        {"item": "tea", "count": 1},
        {"item": "cup", "count": 2},
    ]
    assert invoke(sqs_event({"count": 1})).answer["errorType"] == "ValidationError"


def test_feature_flags(deploy: Deploy, aws: Account) -> None:
    bucket = aws.bucket("flags")
    rules = {"tier is gold": {"when_match": True, "conditions": [{"action": "EQUALS", "key": "tier", "value": "gold"}]}}
    flags = {"premium": {"default": False, "rules": rules}, "new": {"default": True}}
    aws.client("s3").put_object(Bucket=bucket, Key="flags.json", Body=json.dumps(flags))
    invoke = deploy("flags", BUCKET=bucket)
    assert invoke({"tier": "gold"}).answer == {"premium": True, "enabled": ["premium", "new"], "unknown": "no"}
    assert invoke({"tier": "iron"}).answer == {"premium": False, "enabled": ["new"], "unknown": "no"}
