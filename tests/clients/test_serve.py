"""`lambent serve`: who has the root key may do everything, everybody else nothing."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.clients.conftest import ROOT_KEY, Serving
from tests.lambent_server import REGION, LambentServer, create_function

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def function(serving: Serving) -> str:
    create_function(serving.client(), "signed", "def handler(event, context):\n    return event\n")
    return "signed"


def refusal(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def presigned(serving: Serving, function: str, *, seconds: int = 60) -> AWSRequest:
    """An Invoke whose signature is in its query; the body isn't signed."""
    url = f"{serving.server.url}/2015-03-31/functions/{quote(function)}/invocations"
    request = AWSRequest("POST", url, data=b"")
    SigV4QueryAuth(serving.key, "lambda", REGION, expires=seconds).add_auth(request)
    return request


def test_whoever_has_the_root_key_may_do_everything(serving: Serving, function: str) -> None:
    answer = serving.client().invoke(FunctionName=function, Payload='{"signed": true}')
    assert json.load(answer["Payload"]) == {"signed": True}
    listed = serving.client().list_functions()["Functions"]
    assert [function["FunctionName"] for function in listed] == ["signed"]


def test_a_wrong_secret_is_refused(serving: Serving, function: str) -> None:
    client = serving.client(secret="wrong")
    assert refusal(client.list_functions) == ("InvalidSignatureException", 403)
    assert refusal(client.invoke, FunctionName=function) == ("InvalidSignatureException", 403)


def test_an_unknown_key_is_refused(serving: Serving) -> None:
    assert refusal(serving.client(key_id="AKIAUNKNOWN").list_functions) == ("UnrecognizedClientException", 403)


def test_a_request_without_credentials_is_refused(serving: Serving) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{serving.server.url}/2015-03-31/functions")
    assert raised.value.code == 403
    raised.value.close()


def test_a_presigned_invoke_works_and_a_changed_one_does_not(serving: Serving, function: str) -> None:
    url = presigned(serving, function).url
    with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST")) as answer:
        assert json.load(answer) == {}
    changed = url.replace("/signed/", "/singed/")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(urllib.request.Request(changed, data=b"", method="POST"))
    assert raised.value.code == 403
    raised.value.close()


def test_the_root_key_is_shown_at_the_first_start_only_and_stays(tmp_path: Path) -> None:
    server = LambentServer(tmp_path / "data", posture="serve").start()
    first = ROOT_KEY.search(server.said())
    assert first is not None
    assert server.stop() == 0
    server.start()
    try:
        assert len(ROOT_KEY.findall(server.said())) == 1
        again = Serving(server, Credentials(first[1], first[2]))
        assert again.client().list_functions()["Functions"] == []
    finally:
        assert server.stop() == 0
    files = [path for path in server.data_directory.rglob("*") if path.is_file() and "key" in path.name]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
