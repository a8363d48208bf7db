"""What is wrong with a request in two ways is said in the one way that AWS says.

Source: api-errors.md section 15: unknown route, authentication, size of the body, constraints of the model, name and
region, what the arguments alone tell, existence, what is referred to, RevisionId and state, quotas.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambent.gateway.operations.table import APART, OPERATIONS
from tests.api.calls import ROLE, create, package, settle
from tests.api.constraint_oracle import input_of, matches, message, model, shape
from tests.api.raw_requests import Connection
from tests.api.violations import acceptable, violating
from tests.golden import Answer
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root

ACCOUNT = "100000000004"
MISSING = "missing-function"
ELSEWHERE = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:{MISSING}"
NOWHERE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{MISSING}"
ALL = sorted({*OPERATIONS, *APART} & {name for name, one in model()["operations"].items() if "input" in one})
UNKNOWN_REVISION = "00000000-0000-0000-0000-000000000000"
SIGNING_CONFIG = f"arn:aws:lambda:{REGION}:{ACCOUNT}:code-signing-config:csc-01234567890123456"


@pytest.fixture(scope="module")
def connection(lambent: LambentServer) -> Iterator[Connection]:
    opened = Connection(lambent.url, account=ACCOUNT)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def existing(lambent: LambentServer) -> Iterator[str]:
    """A function, with version 1."""
    client = lambent.client(account=ACCOUNT)
    create(client, "there")
    settle(client, "there")
    client.publish_version(FunctionName="there")
    yield "there"
    client.delete_function(FunctionName="there")


def said(answer: Answer) -> tuple[str, str]:
    body = json.loads(answer.body)
    return answer.headers.get("x-amzn-errortype", ""), body.get("message", body.get("Message"))


def members_of(operation: str) -> dict[str, Any]:
    members: dict[str, Any] = shape(input_of(operation))["members"]
    return members


def test_who_sends_it_comes_before_what_is_asked_for(lambent: LambentServer) -> None:
    """A known difference for a path that no operation has: a stranger isn't told which paths there are."""
    for path in ("/2015-03-31/functions/x", "/2015-03-31/no-such-path"):
        with closing(Connection(lambent.url, account=ACCOUNT)) as stranger:
            answer = stranger.send("GET", path, headers={"Authorization": ""})
        assert said(answer)[0] in {"MissingAuthenticationTokenException", "IncompleteSignatureException"}
    with closing(Connection(lambent.url, account=ACCOUNT)) as known:
        assert said(known.send("GET", "/2015-03-31/no-such-path"))[0] == "UnknownOperationException"


@pytest.mark.parametrize("authenticated", [True, False])
def test_who_sends_it_comes_before_the_size_of_the_body(lambent: LambentServer, authenticated: bool) -> None:
    headers = {"Content-Length": str(2**30), "Connection": "close"}
    with closing(Connection(lambent.url, account=ACCOUNT)) as connection:
        answer = connection.send(
            "POST", "/2015-03-31/functions", headers=headers if authenticated else {**headers, "Authorization": ""}
        )
    assert answer.status == (413 if authenticated else 400), answer


@pytest.mark.parametrize(
    "operation", [name for name in ALL if any("location" not in m for m in members_of(name).values())]
)
def test_the_size_of_the_body_comes_before_the_constraints(operation: str, lambent: LambentServer) -> None:
    """The body isn't even sent."""
    http_part = model()["operations"][operation]["http"]
    path = urlsplit(http_part["requestUri"]).path
    for name, member in members_of(operation).items():
        path = path.replace(f"{{{member.get('locationName', name)}}}", "!" if operation not in APART else MISSING)
    with closing(Connection(lambent.url, account=ACCOUNT)) as connection:
        answer = connection.send(http_part["method"], path, headers={"Content-Length": str(2**30)})
    code, text = said(answer)
    assert (answer.status, code) == (
        413,
        "RequestTooLargeException" if operation in APART else "RequestEntityTooLargeException",
    )
    assert text.startswith("Request must be smaller than ")


@pytest.mark.parametrize("operation", [name for name in ALL if "FunctionName" in members_of(name)])
def test_the_constraints_come_before_the_region_of_an_arn(operation: str, connection: Connection) -> None:
    for what, request in violating(operation):
        if what.startswith(f"{operation} FunctionName"):
            continue
        wrong = {**request, "FunctionName": ELSEWHERE}
        expected = message(operation, wrong)
        assert expected is not None, what
        assert said(connection.call(operation, wrong)) == ("ValidationException", expected), what


@pytest.mark.parametrize("operation", [name for name in ALL if "FunctionName" in members_of(name)])
def test_the_region_of_an_arn_comes_before_existence(operation: str, connection: Connection) -> None:
    code, text = said(connection.call(operation, {**acceptable(operation), "FunctionName": ELSEWHERE}))
    if code == "NotImplementedException":
        pytest.skip("it says that it isn't there, whatever the request")
    expected = f"Functions from 'us-west-2' are not reachable in this region ('{REGION}')"
    assert (code, text) == ("ResourceNotFoundException", expected)


TWICE_QUALIFIED = [
    name
    for name in ALL
    if {"FunctionName", "Qualifier"} <= members_of(name).keys()
    and matches(members_of(name)["FunctionName"]["shape"], f"{MISSING}:a")
    and matches(members_of(name)["Qualifier"]["shape"], "b")
]


@pytest.mark.parametrize("operation", TWICE_QUALIFIED)
def test_two_qualifiers_that_differ_are_said_before_existence(operation: str, connection: Connection) -> None:
    request = {**acceptable(operation), "FunctionName": f"{MISSING}:a", "Qualifier": "b"}
    code, text = said(connection.call(operation, request))
    if code == "NotImplementedException":
        pytest.skip("it says that it isn't there, whatever the request")
    assert (code, text) == (
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    )


REFERS_TO_NOTHING: dict[str, tuple[str, dict[str, Any], str]] = {
    "arguments alone: $LATEST can't be deleted": (
        "DeleteFunction",
        {"FunctionName": MISSING, "Qualifier": "$LATEST"},
        "InvalidParameterValueException",
    ),
    "arguments alone: deletion of an alias": (
        "DeleteFunction",
        {"FunctionName": MISSING, "Qualifier": "live"},
        "InvalidParameterValueException",
    ),
    "arguments alone: an unknown runtime": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "Runtime": "cobol"},
        "InvalidParameterValueException",
    ),
    "arguments alone: an environment of more than 4 KB": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "Environment": {"Variables": {"LARGE": 5_000 * "x"}}},
        "InvalidParameterValueException",
    ),
    "arguments alone: a reserved variable": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "Environment": {"Variables": {"AWS_REGION": "x"}}},
        "InvalidParameterValueException",
    ),
    "arguments alone: six layers": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "Layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l{n}:1" for n in range(6)]},
        "InvalidParameterValueException",
    ),
    "arguments alone: no error handling, no destination": (
        "PutFunctionEventInvokeConfig",
        {"FunctionName": MISSING},
        "InvalidParameterValueException",
    ),
    "arguments alone: a destination of a service that can be none": (
        "PutFunctionEventInvokeConfig",
        {"FunctionName": MISSING, "DestinationConfig": {"OnFailure": {"Destination": "kafka://topic"}}},
        "InvalidParameterValueException",
    ),
    "arguments alone: a policy for $LATEST": (
        "AddPermission",
        {"FunctionName": MISSING, "Qualifier": "$LATEST", "StatementId": "s", "Action": "lambda:*", "Principal": "*"},
        "InvalidParameterValueException",
    ),
    "arguments alone: two weights": (
        "CreateAlias",
        {
            "FunctionName": MISSING,
            "Name": "live",
            "FunctionVersion": "1",
            "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1, "3": 0.1}},
        },
        "InvalidParameterValueException",
    ),
    "arguments alone: provisioned concurrency of $LATEST": (
        "PutProvisionedConcurrencyConfig",
        {"FunctionName": MISSING, "Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1},
        "InvalidParameterValueException",
    ),
    "arguments alone: concurrency of a version": (
        "PutFunctionConcurrency",
        {"FunctionName": f"{MISSING}:1", "ReservedConcurrentExecutions": 1},
        "InvalidParameterValueException",
    ),
    "arguments alone: a layer's version 0": (
        "GetLayerVersion",
        {"LayerName": "missing-layer", "VersionNumber": 0},
        "InvalidParameterValueException",
    ),
    "arguments alone: tags of a version": (
        "TagResource",
        {"Resource": f"{NOWHERE}:1", "Tags": {"key": "value"}},
        "InvalidParameterValueException",
    ),
    "arguments alone: neither source nor brokers": (
        "CreateEventSourceMapping",
        {"FunctionName": MISSING},
        "InvalidParameterValueException",
    ),
    "existence before layers": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "Layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:missing-layer:1"]},
        "ResourceNotFoundException",
    ),
    "existence before the zip in S3": (
        "UpdateFunctionCode",
        {"FunctionName": MISSING, "S3Bucket": "missing-bucket", "S3Key": "key"},
        "ResourceNotFoundException",
    ),
    "existence before the destination": (
        "PutFunctionEventInvokeConfig",
        {
            "FunctionName": MISSING,
            "DestinationConfig": {"OnSuccess": {"Destination": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"}},
        },
        "ResourceNotFoundException",
    ),
    "the exception: the code signing config before the function": (
        "PutFunctionCodeSigningConfig",
        {"FunctionName": MISSING, "CodeSigningConfigArn": SIGNING_CONFIG},
        "CodeSigningConfigNotFoundException",
    ),
    "existence before the RevisionId, of code": (
        "UpdateFunctionCode",
        {"FunctionName": MISSING, "ZipFile": package(), "RevisionId": UNKNOWN_REVISION},
        "ResourceNotFoundException",
    ),
    "existence before the RevisionId, of settings": (
        "UpdateFunctionConfiguration",
        {"FunctionName": MISSING, "RevisionId": UNKNOWN_REVISION},
        "ResourceNotFoundException",
    ),
    "existence before the RevisionId, of a version": (
        "PublishVersion",
        {"FunctionName": MISSING, "RevisionId": UNKNOWN_REVISION},
        "ResourceNotFoundException",
    ),
    "existence before the RevisionId, of an alias": (
        "UpdateAlias",
        {"FunctionName": MISSING, "Name": "live", "RevisionId": UNKNOWN_REVISION},
        "ResourceNotFoundException",
    ),
    "existence before the RevisionId, of a policy": (
        "AddPermission",
        {
            "FunctionName": MISSING,
            "StatementId": "s",
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "RevisionId": UNKNOWN_REVISION,
        },
        "ResourceNotFoundException",
    ),
    "existence before the RevisionId, of a policy's statement": (
        "RemovePermission",
        {"FunctionName": MISSING, "StatementId": "s", "RevisionId": UNKNOWN_REVISION},
        "ResourceNotFoundException",
    ),
}


@pytest.mark.parametrize("case", REFERS_TO_NOTHING)
def test_on_a_function_that_does_not_exist(case: str, connection: Connection) -> None:
    operation, request, code = REFERS_TO_NOTHING[case]
    if operation not in OPERATIONS:
        pytest.skip(f"{operation} isn't there yet")
    assert said(connection.call(operation, request))[0] == code


def test_what_is_referred_to_comes_before_the_revision(connection: Connection, existing: str) -> None:
    layer = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:missing-layer:1"
    wrong = {"FunctionName": existing, "Layers": [layer], "RevisionId": UNKNOWN_REVISION}
    code, text = said(connection.call("UpdateFunctionConfiguration", wrong))
    assert (code, text) == ("InvalidParameterValueException", f"Layer version {layer} does not exist.")


def test_a_package_is_looked_into_before_the_revision(connection: Connection, existing: str) -> None:
    wrong = {"FunctionName": existing, "ZipFile": b"no zip", "RevisionId": UNKNOWN_REVISION}
    assert said(connection.call("UpdateFunctionCode", wrong))[0] == "InvalidParameterValueException"


@pytest.mark.skipif("AddPermission" not in OPERATIONS, reason="AddPermission isn't there yet")
def test_the_revision_comes_before_the_quota(connection: Connection, existing: str) -> None:
    request = {"FunctionName": existing, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    code = ""
    for number in range(200):
        source = {"SourceArn": f"arn:aws:s3:::{'b' * 200}", "StatementId": f"s{number}"}
        if (answer := connection.call("AddPermission", {**request, **source})).status >= 400:
            code = said(answer)[0]
            break
    assert code == "PolicyLengthExceededException"
    late = {**request, "StatementId": "late", "SourceArn": f"arn:aws:s3:::{'b' * 200}", "RevisionId": UNKNOWN_REVISION}
    assert said(connection.call("AddPermission", late))[0] == "PreconditionFailedException"


def test_the_settings_of_a_new_function_come_before_its_name(connection: Connection, existing: str) -> None:
    """What the arguments alone tell comes before what there is already."""
    request = {"FunctionName": existing, "Role": ROLE, "Handler": "index.handler", "Code": {"ZipFile": package()}}
    assert (
        said(connection.call("CreateFunction", {**request, "Runtime": "cobol"}))[0] == "InvalidParameterValueException"
    )
    assert (
        said(connection.call("CreateFunction", {**request, "Runtime": "python3.13"}))[0] == "ResourceConflictException"
    )
