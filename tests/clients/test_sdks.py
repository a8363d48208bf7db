"""AWS's SDKs for other languages, unchanged but for the endpoint: what `sdks/` has, and what each of them must see.

What is expected are the answers of the reference as an SDK's types hold them; it is the same for all of them.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from lambent.core.recursion import STOPPED
from tests.clients.conftest import Serving
from tests.clients.sdk_programs import PROGRAMS, Program
from tests.companion.conftest import aws_client
from tests.invoke.caller import Caller
from tests.invoke.gate import closed_gate
from tests.invoke.test_recursion import lineage_of
from tests.invoke.test_streams import create_http_stream
from tests.lambent_server import REGION, LambentServer, create_function, wait_until_active, zip_of

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "fn"
SOURCE = """\
def handler(event, context):
    print("called with", len(event))
    if "name" not in event:
        raise ValueError("who are you?")
    custom = context.client_context and context.client_context.custom
    return {"hello": event["name"], "custom": custom}
"""
TELLS_VERSION = "def handler(event, context):\n    return context.function_version\n"
TELLS_REQUEST = """\
def handler(event, context):
    http = event["requestContext"]["http"]
    iam = event["requestContext"]["authorizer"]["iam"]
    return {"method": http["method"], "path": event["rawPath"], "query": event["queryStringParameters"],
            "body": event["body"], "key": iam["accessKey"]}
"""


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Program:
    found: Program = request.param
    found.built()
    return found


Sees = Callable[..., Any]


@pytest.fixture
def sees(program: Program, lambent: LambentServer, account: str) -> Sees:
    """What the program says of a scenario in the test's account."""
    return lambda scenario, **variables: program.sees(scenario, lambent.url, account, **variables)


class Place(NamedTuple):
    """A server: boto3's client of it, and what the program sees of a scenario there."""

    client: Any
    sees: Sees


@pytest.fixture(params=["dev", "serve"])
def place(request: pytest.FixtureRequest, program: Program) -> Iterator[Place]:
    """Under `serve`, every signature is verified."""
    if request.param == "dev":
        yield Place(request.getfixturevalue("client"), request.getfixturevalue("sees"))
        return
    serving: Serving = request.getfixturevalue("serving")
    client, keys = serving.client(), serving.key
    where = partial(
        program.sees, url=serving.server.url, account=keys.access_key, AWS_SECRET_ACCESS_KEY=keys.secret_key
    )
    yield Place(client, where)
    for function in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=function["FunctionName"])


def refused(code: str, status: int, message: str, **more: Any) -> dict[str, Any]:
    """An error for which the SDKs have a type."""
    return {"type": code, "code": code, "status": status, "message": message, **more}


def without_type(code: str, status: int, message: str) -> dict[str, Any]:
    """An error that isn't in the API model: SDKs have one type for all of them."""
    return {**refused(code, status, message), "type": None}


@pytest.fixture
def arn(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"


def test_the_life_of_a_function(sees: Sees, client: Any, arn: str, tmp_path: Path) -> None:
    """Created, waited for, read, downloaded, changed, published and deleted."""
    package = tmp_path / "function.zip"
    package.write_bytes(zip_of({"app.py": SOURCE}))
    assert sees("life", PACKAGE=str(package)) == {
        "created": {"state": "Pending", "reason": "Creating", "arn": arn},
        "function": {
            "state": "Active",
            "update": "Successful",
            "runtime": "python3.13",
            "handler": "app.handler",
            "memorySize": 128,
            "timeout": 5,
            "storage": 512,
            "architecture": ["x86_64"],
            "packageType": "Zip",
            "codeSize": package.stat().st_size,
            "variables": {"GREETING": "Grüezi"},
            "tracing": "PassThrough",
            "logFormat": "Text",
            "logGroup": f"/aws/lambda/{NAME}",
            "snapStart": "None",
            "version": "$LATEST",
        },
        "sameSum": True,
        "sameCode": True,
        "again": refused("ResourceConflictException", 409, f"Function already exist: {NAME}"),
        "configured": {"timeout": 7, "update": "InProgress"},
        "published": {"version": "1", "description": "première", "state": "Active"},
        "missing": refused("ResourceNotFoundException", 404, f"Function not found: {arn}"),
    }


def test_invocations(place: Place) -> None:
    arn = create_function(place.client, NAME, SOURCE, Timeout=30, MemorySize=512)["FunctionArn"]
    place.client.publish_version(FunctionName=NAME)
    seen = place.sees("invoke", ARN=arn)
    log = seen.pop("log")
    assert "START RequestId: " in log
    assert "called with 1\n" in log
    assert "REPORT RequestId: " in log
    assert seen.pop("error").pop("errorMessage") == "who are you?"
    assert seen == {
        "answer": {"hello": "Zoë", "custom": None},
        "status": 200,
        "executedVersion": "$LATEST",
        "noError": None,
        "functionError": "Unhandled",
        "event": {"status": 202, "bytes": 0},
        "dryRun": {"status": 204, "bytes": 0},
        "context": {"hello": "x", "custom": {"shop": "thé"}},
        "qualified": "1",
        "byArn": "1",
        "large": True,
    }


def test_response_streams(program: Program, lambent: LambentServer, account: str, client: Any) -> None:
    """The gate holds the function until the program has said that it has the first piece."""
    create_http_stream(client, NAME, Timeout=60)
    with closed_gate() as gate, program.running("stream", lambent.url, account, GATE=gate.event.decode()) as running:
        assert running.next() == {"first": "one"}
        gate.open()
        seen = running.next()
    logs = [seen[which].pop("log") for which in ("slow", "failed", "long")]
    assert all("START RequestId: " in log and "REPORT RequestId: " in log for log in logs)
    details = seen["failed"].pop("errorDetails")
    assert (details["errorType"], details["errorMessage"]) == ("RangeError", "mid")
    begun = {"status": 200, "version": "$LATEST", "contentType": "application/vnd.amazon.eventstream"}
    assert seen == {
        "slow": {**begun, "text": "onetwo", "errorCode": None},
        "failed": {**begun, "text": "one", "errorCode": "RangeError"},
        "long": {**begun, "text": 8_000_000, "errorCode": None},
        "whole": "onetwo",
        "dryRun": 204,
        "missing": refused(
            "ResourceNotFoundException",
            404,
            f"Function not found: arn:aws:lambda:{REGION}:{account}:function:nobody:$LATEST",
        ),
    }


def test_errors_have_their_types(sees: Sees, client: Any, arn: str) -> None:
    create_function(client, NAME, SOURCE)
    client.publish_version(FunctionName=NAME)
    create_function(client, "throttled", SOURCE)
    client.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    throttled = refused(
        "TooManyRequestsException",
        429,
        "Rate Exceeded.",
        reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        retryAfterSeconds="1",
    )
    seen = sees("errors")
    assert seen == {
        "missing": refused("ResourceNotFoundException", 404, f"Function not found: {arn[: -len(NAME)]}nobody:$LATEST"),
        "notJson": refused("InvalidRequestContentException", 400, seen["notJson"]["message"]),
        "tooLarge": refused(
            "RequestTooLargeException",
            413,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
        "throttled": throttled,
        "stream": throttled,
        "invalid": without_type("ValidationException", 400, seen["invalid"]["message"]),
        "changed": refused("PreconditionFailedException", 412, seen["changed"]["message"]),
        "parameter": refused("InvalidParameterValueException", 400, seen["parameter"]["message"]),
        "provisioned": refused(
            "ProvisionedConcurrencyConfigNotFoundException",
            404,
            "No Provisioned Concurrency Config found for this function",
        ),
        "unsigned": without_type("MissingAuthenticationTokenException", 403, "Missing Authentication Token"),
    }
    for which in ("notJson", "invalid", "changed", "parameter"):
        assert seen[which]["message"], "an error without a message helps nobody"


def test_a_chain_is_carried_on_by_the_sdk_in_a_function(
    sees: Sees, client: Any, lambent: LambentServer, account: str
) -> None:
    """Source: invocation.md section 4: SDKs pass on the trace header that they find in their function's environment."""
    create_function(client, NAME, SOURCE, Timeout=30)
    trace = f"Root=1-5759e988-bd862e3fe1be46a994272793;Lineage={lineage_of(Caller(lambent.port, account), NAME)}"
    stopped = refused("RecursiveInvocationException", 400, STOPPED)
    seen = sees("chain", AWS_LAMBDA_FUNCTION_NAME=NAME, _X_AMZN_TRACE_ID=trace)
    assert seen == {"invoke": stopped, "stream": stopped}


def test_paginators(sees: Sees, client: Any) -> None:
    create_function(client, NAME, TELLS_VERSION)
    for number in range(1, 4):
        client.update_function_configuration(FunctionName=NAME, Description=str(number))
        wait_until_active(client, NAME)
        client.publish_version(FunctionName=NAME)
        client.create_alias(FunctionName=NAME, Name=f"alias-{number}", FunctionVersion=str(number))
    for number in range(4):
        client.create_function(
            FunctionName=f"more-{number}",
            Runtime="python3.13",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": zip_of({"app.py": TELLS_VERSION})},
        )
    assert sees("pages") == {
        "functions": [NAME, *(f"more-{number}" for number in range(4))],
        "versions": ["$LATEST", "1", "2", "3"],
        "aliases": ["alias-1", "alias-2", "alias-3"],
        "most": 2,
    }


def test_configurations_of_a_function(place: Place) -> None:
    """Of asynchronous invocation, concurrency, tags, policy, account and URL."""
    create_function(place.client, NAME, SOURCE)
    other = create_function(place.client, "other", SOURCE)["FunctionArn"]
    seen = place.sees("settings", OTHER=other)
    assert seen == {
        "put": {"retries": 1, "age": None, "recent": True},
        "got": {"retries": 1, "age": 60, "failure": other},
        "listed": 1,
        "gone": refused("ResourceNotFoundException", 404, seen["gone"]["message"]),
        "reserved": 3,
        "tags": [{"équipe": "thé"}, 0],
        "statement": ["events", 1],
        "account": {"concurrency": 1000, "unreserved": 997, "storage": 80_530_636_800},
        "url": {
            "sameAddress": True,
            "before": "AWS_IAM",
            "after": "NONE",
            "mode": "RESPONSE_STREAM",
            "origins": ["https://shop.example"],
            "maxAge": 300,
        },
    }


def test_aliases_with_weights(sees: Sees, client: Any, arn: str) -> None:
    create_function(client, NAME, TELLS_VERSION, Timeout=30)
    client.publish_version(FunctionName=NAME)
    client.update_function_configuration(FunctionName=NAME, Description="two")
    wait_until_active(client, NAME)
    client.publish_version(FunctionName=NAME)
    seen = sees("aliases")
    assert seen == {
        "weights": {"2": 0.5},
        "description": "en ligne",
        "versions": ["1", "2"],
        "stale": refused("PreconditionFailedException", 412, seen["stale"]["message"]),
        "moved": {"version": "2", "hasRouting": False, "executed": "2"},
        "gone": refused("ResourceNotFoundException", 404, f"Cannot find alias arn: {arn}:live"),
    }


def test_a_function_url_is_signed_for_by_the_sdks_own_signer(program: Program, serving: Serving) -> None:
    """Under `lambent serve`, which verifies signatures."""
    client = serving.client()
    name = f"url-{program.name}"
    create_function(client, name, TELLS_REQUEST, Timeout=30)
    address = client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    host = urlsplit(address).netloc
    twin = f"{serving.server.url}/_lambent/url/{host.partition('.')[0]}/"
    seen = program.sees(
        "url",
        serving.server.url,
        serving.key.access_key,
        AWS_SECRET_ACCESS_KEY=serving.key.secret_key,
        SERVER=f"{serving.server.url}/",
        TWIN=twin,
        URL_HOST=host,
    )
    body = {
        "method": "POST",
        "path": "/teas/gr%C3%BCn%20a",
        "query": {"size": "2", "kind": "+ x"},
        "body": '{"tea": "thé"}',
        "key": serving.key.access_key,
    }
    help_page = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    forged = f"Forbidden. For troubleshooting Function URL authorization issues, see: {help_page}"
    assert seen == {
        "byHost": {"status": 200, "body": body},
        "byPath": {"status": 200, "body": body},
        "forged": {"status": 403, "body": {"Message": forged}},
        "unsigned": {"status": 403, "body": {"Message": "Forbidden"}},
    }


def test_an_event_source_mapping(sees: Sees, lambent: LambentServer, account: str, client: Any, arn: str) -> None:
    create_function(client, NAME, SOURCE)
    queues = aws_client(lambent, "sqs", account)
    queue = queues.create_queue(QueueName="orders")["QueueUrl"]
    source = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert sees("mapping", SOURCE=source) == {
        "created": {
            "state": "Creating",
            "batchSize": 5,
            "window": 1,
            "responses": ["ReportBatchItemFailures"],
            "concurrency": 2,
            "pattern": '{"body": {"tea": ["green"]}}',
            "recent": True,
            "source": source,
            "function": arn,
        },
        "enabled": 5,
        "listed": [True],
        "updated": 7,
        "disabled": 7,
        "deleted": "Deleting",
        "gone": "ResourceNotFoundException",
    }
