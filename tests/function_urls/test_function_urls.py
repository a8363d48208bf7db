"""Function URLs over HTTP, against the real server. Source of what isn't said otherwise: invocation.md §6."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.commands.signature import Credentials, signed_headers
from tests.function_urls.conftest import ANSWER, ECHO, MakeUrl, Url
from tests.lambent_server import REGION, LambentServer, create_function, zip_of

pytestmark = pytest.mark.root


def test_a_request_is_an_event_and_the_result_its_answer(make_url: MakeUrl) -> None:
    url = make_url()
    answer = url("POST", "/a%20b?p=1&p=2", b'{"foo":"bar"}', content_type="application/json", cookie="c1=v1; c2=v2")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    event = answer.json
    assert event["rawPath"] == "/a%20b"
    assert event["rawQueryString"] == "p=1&p=2"
    assert event["queryStringParameters"] == {"p": "1,2"}
    assert event["cookies"] == ["c1=v1", "c2=v2"]
    assert event["body"] == '{"foo":"bar"}'
    assert event["isBase64Encoded"] is False
    assert event["headers"]["host"] == url.host
    assert event["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]
    assert event["requestContext"]["apiId"] == url.url_id
    assert event["requestContext"]["domainName"] == url.host.partition(":")[0]
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert answer.headers["x-amzn-trace-id"].startswith(event["headers"]["x-amzn-trace-id"] + ";Parent=")


def test_every_method_and_path_is_the_functions(make_url: MakeUrl) -> None:
    url = make_url(
        "def handler(event, context):\n    http = event['requestContext']['http']\n    return f\"{http['method']} {http['path']}\"\n"
    )
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/", "/2015-03-31/functions/web/invocations", "/_lambent/metrics"):
            assert url(method, path).body == f"{method} {path}".encode()
    assert url("HEAD", "/x").body == b""


def test_an_answer_is_taken_apart(make_url: MakeUrl) -> None:
    returned = {
        "statusCode": 418,
        "headers": {"Content-Type": "text/plain; charset=utf-8", "X-Own": "1"},
        "cookies": ["a=1", "b=2; Path=/"],
        "body": base64.b64encode("größer".encode()).decode(),
        "isBase64Encoded": True,
    }
    answer = make_url(ANSWER)("POST", "/", json.dumps(returned).encode(), content_type="application/json")
    assert (answer.status, answer.body) == (418, "größer".encode())
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-own"] == "1"
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2; Path=/"]


@pytest.mark.parametrize("returned", ['{"statusCode":"x"}', '{"statusCode":200,"headers":{"a":"b\\r\\nc: d"}}'])
def test_what_is_no_answer_is_a_bad_gateway(make_url: MakeUrl, returned: str) -> None:
    answer = make_url(ANSWER)("POST", "/", returned.encode(), content_type="application/json")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_a_functions_error_is_a_bad_gateway(make_url: MakeUrl) -> None:
    answer = make_url("def handler(event, context):\n    raise ValueError('secret')\n")()
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert "x-amzn-requestid" in answer.headers


def test_an_alias_has_a_url_of_its_own(client: Any, make_url: MakeUrl) -> None:
    source = "def handler(event, context):\n    return [context.function_version, context.invoked_function_arn]\n"
    own = make_url(source)
    client.publish_version(FunctionName="web")
    client.create_alias(FunctionName="web", Name="live", FunctionVersion="1")
    of_alias = make_url(qualifier="live")
    version, arn = of_alias().json
    assert version == "1"
    assert arn.endswith(":function:web:live")
    version, arn = own().json
    assert version == "$LATEST"
    assert arn.endswith(":function:web")
    client.delete_alias(FunctionName="web", Name="live")
    assert of_alias().status == 403


def test_a_change_is_in_force_at_the_next_request(client: Any, make_url: MakeUrl) -> None:
    url = make_url()
    assert url().status == 200
    client.update_function_url_config(FunctionName="web", AuthType="AWS_IAM")
    assert url().status == 403
    client.delete_function_url_config(FunctionName="web")
    gone = url()
    assert gone.status == 403
    assert gone.json == {"Message": None}
    assert gone.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_a_url_that_nobody_made(lambent: LambentServer) -> None:
    url = Url(f"http://{32 * 'a'}.lambda-url.{REGION}.localhost:{lambent.port}/")
    assert (url().status, url().json) == (403, {"Message": None})
    url.connection.close()


def test_a_signed_url_wants_a_signature_and_tells_who_signed(account: str, make_url: MakeUrl) -> None:
    url = make_url(AuthType="AWS_IAM")
    refused = url()
    assert refused.status == 403
    assert refused.json == {"Message": "Forbidden"}
    assert refused.headers["x-amzn-errortype"] == "AccessDeniedException"
    headers = signed_headers(
        Credentials(account, "secret"),
        method="GET",
        host=url.host,
        path="/",
        query="",
        headers={},
        body=b"",
        region=REGION,
        at=datetime.fromtimestamp(Clock().now_ms() / 1000, UTC),
    )
    event = url("GET", "/", None, **{name: value for name, value in headers.items() if name.lower() != "host"}).json
    assert event["requestContext"]["accountId"] == account
    assert event["requestContext"]["authorizer"]["iam"]["accountId"] == account


def test_a_throttled_function(client: Any, make_url: MakeUrl) -> None:
    url = make_url()
    client.put_function_concurrency(FunctionName="web", ReservedConcurrentExecutions=0)
    answer = url()
    assert answer.status == 429
    assert answer.json == {
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }


def test_cors_is_the_platforms(make_url: MakeUrl) -> None:
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-one"], "MaxAge": 60}
    url = make_url(
        "def handler(event, context):\n    return {'statusCode': 200, 'headers': {'access-control-allow-origin': 'x'}}\n",
        Cors=cors,
    )
    preflight = url("OPTIONS", "/", origin="https://a.example", access_control_request_method="GET")
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["access-control-allow-headers"] == "x-one"
    assert preflight.headers["access-control-max-age"] == "60"
    answer = url(origin="https://a.example", sec_fetch_site="cross-site")
    assert answer.headers.get_all("access-control-allow-origin") == ["https://a.example"]
    assert "access-control-allow-origin" not in url(origin="https://b.example").headers


def test_a_path_will_do_where_names_cannot_be_resolved(lambent: LambentServer, make_url: MakeUrl) -> None:
    url = make_url()
    host = url.host
    url.host = f"127.0.0.1:{lambent.port}"
    event = url("GET", f"/_lambent/url/{url.url_id}/a/b?c=d").json
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b", "c=d")
    assert url("GET", f"/_lambent/url/{url.url_id}").json["rawPath"] == "/"
    assert host.startswith(url.url_id)


def test_a_strangers_name_is_refused(lambent: LambentServer, make_url: MakeUrl) -> None:
    """DNS rebinding: DESIGN 3.12."""
    url = make_url()
    url.host = f"{url.url_id}.lambda-url.{REGION}.evil.example"
    assert url().status == 403


def test_bodies_up_to_6_mb(make_url: MakeUrl) -> None:
    url = make_url("def handler(event, context):\n    return len(event['body'])\n")
    assert url("POST", "/", b"x" * 6_000_000, content_type="text/plain").body == b"6000000"
    refused = url("POST", "/", b"x" * 6_291_457, content_type="text/plain")
    assert refused.status == 413


def test_new_code_is_called_by_the_same_url(client: Any, make_url: MakeUrl) -> None:
    url = make_url(ECHO)
    client.update_function_code(
        FunctionName="web", ZipFile=zip_of({"app.py": "def handler(e, c):\n    return 'new'\n"})
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="web", WaiterConfig={"Delay": 1})
    assert url().body == b"new"


def test_a_page_of_the_url_itself_may_send_what_it_likes(make_url: MakeUrl) -> None:
    """Browsers put an Origin into each POST, to one's own address too."""
    url = make_url()
    own = f"http://{url.host}"
    sent = url("POST", "/", b"{}", content_type="application/json", origin=own, sec_fetch_site="same-origin")
    assert sent.status == 200
    assert sent.json["headers"]["origin"] == own
    assert url("GET", "/", sec_fetch_site="same-origin", sec_fetch_mode="cors").status == 200
    assert url("GET", "/", sec_fetch_site="none", sec_fetch_mode="navigate").status == 200


def test_pages_of_other_sites_are_the_functions_business_where_the_url_has_no_cors(make_url: MakeUrl) -> None:
    url = make_url()
    answer = url("POST", "/", b"a=b", origin="https://evil.example", sec_fetch_site="cross-site")
    assert answer.status == 200
    assert answer.json["headers"]["sec-fetch-site"] == "cross-site"
    assert "access-control-allow-origin" not in answer.headers
    asked = url("OPTIONS", "/", origin="https://evil.example", access_control_request_method="PUT")
    assert asked.json["requestContext"]["http"]["method"] == "OPTIONS"


def test_a_trace_goes_through(make_url: MakeUrl) -> None:
    url = make_url(
        "import os\ndef handler(event, context):\n"
        "    return [event['headers']['x-amzn-trace-id'], os.environ['_X_AMZN_TRACE_ID']]\n"
    )
    began = url()
    in_event, in_environment = began.json
    assert began.headers["x-amzn-trace-id"] == in_environment
    assert in_environment.startswith(f"{in_event};Parent=")
    sent = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    in_event, in_environment = url("GET", "/", x_amzn_trace_id=sent).json
    assert in_event == sent
    assert in_environment.startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=")
    assert ";Sampled=1" in in_environment


def test_a_domain_of_ones_own(own_lambent: LambentServer) -> None:
    """TLS is somebody else's, in front of Lambent; what comes from there has the public name as its Host."""
    own_lambent.flags += ["--url-domain", "https://lambda.example.com"]
    client = own_lambent.start().client()
    create_function(client, "web", ECHO)
    config = client.create_function_url_config(FunctionName="web", AuthType="NONE")
    listed = client.list_function_url_configs(FunctionName="web")["FunctionUrlConfigs"]
    assert [one["FunctionUrl"] for one in listed] == [config["FunctionUrl"]]
    url_id, _, domain = config["FunctionUrl"].partition(".")
    assert domain == f"lambda-url.{REGION}.lambda.example.com/"
    url = Url(f"http://{url_id.removeprefix('https://')}.lambda-url.{REGION}.localhost:{own_lambent.port}/")
    assert url().json["headers"]["x-forwarded-proto"] == "http"
    url.host = url.host.partition(":")[0].replace("localhost", "Lambda.example.com")
    event = url().json
    assert event["requestContext"]["domainName"] == url.host.lower()
    assert event["headers"]["x-forwarded-proto"] == "https"
    assert event["headers"]["x-forwarded-port"] == "443"
    url.host = "api.lambda.example.com"
    assert url().status == 403
    url.connection.close()
