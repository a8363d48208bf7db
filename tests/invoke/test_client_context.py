"""What a caller says of itself: client context and Cognito identity, in Python and Node.js. invocation.md section 8."""

import base64
import json
from typing import Any

import boto3
import pytest

from lambent.core.cognito_identity import session_token
from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_layers import NODE as NODE_RUNTIME
from tests.lambent_server import REGION, LambentServer, create_function

PYTHON = """\
import json

def handler(event, context):
    client = context.client_context
    answer = {
        "client": client and [client.client and client.client.app_title, client.custom, client.env],
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
    }
    print("NOTE", json.dumps(answer))
    return answer
"""
NODE = """\
exports.handler = async (event, context) => ({ client: context.clientContext, identity: context.identity });
"""
CONTEXT = {"client": {"app_title": "shop"}, "custom": {"tier": "gold"}, "env": {"locale": "fr"}}
IN_PYTHON = ["shop", {"tier": "gold"}, {"locale": "fr"}]
HEADER = {"X-Amz-Client-Context": base64.b64encode(json.dumps(CONTEXT).encode()).decode()}
IDENTITY = ("eu-west-1:11111111-2222-3333-4444-555555555555", "eu-west-1:99999999-8888-7777-6666-555555555555")


def test_the_client_context_of_an_event_reaches_the_function_too(
    lambent: LambentServer, caller: Caller, client: Any
) -> None:
    create_function(client, "told", PYTHON)
    assert caller.invoke("told", headers={**HEADER, "X-Amz-Invocation-Type": "Event"}).status == 202
    (note,) = wait_for(lambda: lines_of(lambent, caller, "told", beginning="NOTE "))
    assert json.loads(note)["client"] == IN_PYTHON


@pytest.mark.parametrize("invocation_type", ["Event", "DryRun"])
def test_a_client_context_is_checked_whatever_the_invocation_type(
    caller: Caller, client: Any, invocation_type: str
) -> None:
    create_function(client, "told", PYTHON)
    headers = {"X-Amz-Client-Context": "e30", "X-Amz-Invocation-Type": invocation_type}
    answer = caller.invoke("told", headers=headers)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_python_is_told_the_cognito_identity_of_the_callers_credentials(caller: Caller, client: Any) -> None:
    create_function(client, "told", PYTHON)
    token = {"X-Amz-Security-Token": session_token(*IDENTITY)}
    assert caller.result("told", headers=token)["identity"] == list(IDENTITY)
    assert caller.result("told")["identity"] == [None, None]


@pytest.mark.parametrize(
    "token", ["x", "LambentCognitoIdentity.", "LambentCognitoIdentity.!", "LambentCognitoIdentity.W10="]
)
def test_other_session_tokens_say_nothing(caller: Caller, client: Any, token: str) -> None:
    create_function(client, "told", PYTHON)
    assert caller.result("told", headers={"X-Amz-Security-Token": token})["identity"] == [None, None]


@pytest.mark.skipif(NODE_RUNTIME is None, reason="this machine has no Node.js that functions can have")
def test_node_is_told_both(caller: Caller, client: Any) -> None:
    settings = {"Runtime": NODE_RUNTIME, "Handler": "index.handler"}
    create_function(client, "node", {"index.js": NODE}, **settings)
    assert caller.result("node", headers={**HEADER, "X-Amz-Security-Token": session_token(*IDENTITY)}) == {
        "client": CONTEXT,
        "identity": {"cognitoIdentityId": IDENTITY[0], "cognitoIdentityPoolId": IDENTITY[1]},
    }
    assert caller.result("node") == {}


def test_credentials_of_an_identity_pool_say_whose_they_are(
    lambent: LambentServer, account: str, caller: Caller, client: Any
) -> None:
    """The whole way of an application: identity pool, credentials, Invoke."""
    create_function(client, "told", PYTHON)
    pools = boto3.client(
        "cognito-identity",
        region_name=REGION,
        endpoint_url=lambent.url,
        aws_access_key_id=account,
        aws_secret_access_key="any",
    )
    pool = pools.create_identity_pool(IdentityPoolName="app", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
    identity = pools.get_id(IdentityPoolId=pool)["IdentityId"]
    given = pools.get_credentials_for_identity(IdentityId=identity)["Credentials"]
    application = boto3.client(
        "lambda",
        region_name=REGION,
        endpoint_url=lambent.url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretKey"],
        aws_session_token=given["SessionToken"],
    )
    answer = json.load(application.invoke(FunctionName="told")["Payload"])
    assert answer["identity"] == [identity, pool]
