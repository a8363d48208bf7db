"""Web frameworks behind function URLs, by the adapters that people use: the same shop, written in each of them.

FastAPI comes through Mangum, Express through serverless-http, Flask through apig-wsgi, Hono with an adapter of its own,
all of them as their registries have them.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients.installed import node_modules, python_libraries, with_files, zip_of_folder
from tests.clients.test_browser import CHROMIUM
from tests.function_urls.conftest import Url
from tests.invoke.test_layers import NODE
from tests.lambent_server import ROLE, LambentServer, wait_until_active

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(420)]

ACCOUNT = "300000000001"
FUNCTIONS = Path(__file__).parent / "functions" / "web"
NEW_YEAR = "Neujahr/東京 +1"
FORM = "application/x-www-form-urlencoded"


def fastapi() -> tuple[str, bytes]:
    libraries = python_libraries("fastapi", "fastapi==0.165.0", "mangum==0.22.0", "python-multipart==0.0.34")
    source = (FUNCTIONS / "fastapi_shop.py").read_bytes()
    return "python3.13", with_files(zip_of_folder(libraries, without=("bin", "installed")), {"app.py": source})


def express() -> tuple[str, bytes]:
    if NODE is None:
        pytest.skip("this machine has no Node.js that functions can have")
    packages = (
        "express@5.3.0",
        "serverless-http@4.0.0",
        "multer@2.5.0",
        "cookie-parser@1.4.7",
        "compression@1.8.2",
        "cors@2.8.6",
    )
    source = (FUNCTIONS / "express_shop.js").read_bytes()
    return NODE, with_files(
        zip_of_folder(node_modules("express", *packages), without=("installed",)), {"app.js": source}
    )


def flask() -> tuple[str, bytes]:
    packages = ("flask==3.1.3", "apig-wsgi==2.20.0", "flask-cors==6.0.5", "flask-compress==1.25")
    libraries = python_libraries("flask", *packages)
    source = (FUNCTIONS / "flask_shop.py").read_bytes()
    return "python3.13", with_files(zip_of_folder(libraries, without=("bin", "installed")), {"app.py": source})


def hono(source: str = "hono_shop.mjs") -> tuple[str, bytes]:
    if NODE is None:
        pytest.skip("this machine has no Node.js that functions can have")
    packages = zip_of_folder(node_modules("hono", "hono@4.13.19"), without=("installed",))
    return NODE, with_files(packages, {"app.mjs": (FUNCTIONS / source).read_bytes()})


SHOPS = {"fastapi": fastapi, "express": express, "flask": flask, "hono": hono}


class Shop(Url):
    """The function URL of one shop."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__(address)
        self.name = name


@pytest.fixture(scope="module", params=SHOPS)
def shop(request: pytest.FixtureRequest, lambent: LambentServer) -> Iterator[Shop]:
    name: str = request.param
    runtime, package = SHOPS[name]()
    client = lambent.client(account=ACCOUNT)
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": package},
        MemorySize=1024,
        Timeout=30,
    )
    wait_until_active(client, name)
    url = Shop(client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"], name)
    yield url
    url.connection.close()
    client.delete_function(FunctionName=name)


def test_a_page(shop: Shop) -> None:
    answer = shop()
    assert (answer.status, answer.body.decode()) == (200, "<h1>Tee für alle</h1>")
    assert answer.headers["content-type"].lower() == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["Neujahr%2F%E6%9D%B1%E4%BA%AC%20+1"])
def test_the_path_and_the_query_arrive_whole(shop: Shop, path: str) -> None:
    if shop.name == "fastapi":  # Mangum decodes the path before FastAPI divides it
        path = path.replace("%2F", "")
    query = "p=1&p=2&q=a%26b+c&empty="
    seen = shop("GET", f"/items/{path}?{query}").json
    assert seen["name"] == NEW_YEAR.replace("/", "" if shop.name == "fastapi" else "/")
    assert seen["query"] == [["p", "1"], ["p", "2"], ["q", "a&b c"], ["empty", ""]]
    # Hono's adapter puts https before the event's domain, which has no port.
    site = "https://" + shop.host.partition(":")[0] if shop.name == "hono" else f"http://{shop.host}"
    assert seen["url"].startswith(f"{site}/items/Neujahr")


def test_who_asks(shop: Shop) -> None:
    seen = shop("GET", "/seen", user_agent="tester/1", accept="application/json").json
    assert seen == {"client": "127.0.0.1", "agent": "tester/1", "accept": "application/json"}


def test_json_both_ways(shop: Shop) -> None:
    answer = shop("POST", "/orders", '{"item": "Grüntee 🍵"}'.encode(), content_type="application/json")
    assert (answer.status, answer.json) == (201, {"item": "Grüntee 🍵", "count": 1})
    assert answer.headers["location"] == "/orders/1"
    assert shop("POST", "/orders", b"{}", content_type="application/json").status == 422


def test_a_form_a_redirect_and_cookies_both_ways(shop: Shop) -> None:
    form = urlencode({"user": "zoë", "password": "påss & word"}).encode()
    answer = shop("POST", "/login", form, content_type=FORM)
    assert (answer.status, answer.headers["location"]) == (303, "/me")
    session, theme = answer.headers.get_all("set-cookie") or []
    assert session.startswith("session=")
    assert "httponly" in session.lower()
    assert theme.startswith("theme=dark; Max-Age=60")
    cookies = "; ".join(cookie.partition(";")[0] for cookie in (session, theme))
    me = shop("GET", answer.headers["location"], cookie=cookies).json
    assert me["theme"] == "dark"
    assert len(me) == 2
    wrong = shop("POST", "/login", b"user=a&password=b", content_type=FORM)
    assert (wrong.status, wrong.json) == (403, {"detail": "wrong password"})
    assert "set-cookie" not in wrong.headers


def test_a_download_is_the_same_bytes(shop: Shop) -> None:
    answer = shop("GET", "/download")
    assert answer.body == bytes(range(256))
    assert answer.headers["content-length"] == "256"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].replace('"', "") == "attachment; filename=all.bin"


def test_an_upload_is_the_same_bytes(shop: Shop) -> None:
    # 1 MiB. The parser of forms that is in Node.js 20 fails on some bytes, outside of Lambent too.
    content = b"tea!" * 262_144 if shop.name == "hono" else bytes(range(256)) * 4096
    parts = (
        b'--xyz\r\nContent-Disposition: form-data; name="note"\r\n\r\nfrisch\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/x-own\r\n\r\n'
        + content
        + b"\r\n--xyz--\r\n"
    )
    seen = shop("POST", "/upload", parts, content_type="multipart/form-data; boundary=xyz").json
    assert seen == {
        "name": "a.bin",
        "type": "image/x-own",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": "frisch",
    }


def test_a_compressed_answer(shop: Shop) -> None:
    answer = shop("GET", "/long", accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"tea, " * 1000
    plain = shop("GET", "/long", accept_encoding="identity")
    assert plain.body == b"tea, " * 1000


def test_answers_without_a_body(shop: Shop) -> None:
    gone = shop("DELETE", "/orders/1")
    assert (gone.status, gone.body) == (204, b"")
    assert shop("GET", "/cached").headers["etag"] == '"v1"'
    unchanged = shop("GET", "/cached", if_none_match='"v1"')
    assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", '"v1"')


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_methods(shop: Shop, method: str) -> None:
    body = b"" if method == "GET" else "größer".encode()
    seen = shop(method, "/any", body or None, content_type="text/plain; charset=utf-8").json
    assert seen == {"method": method, "body": body.decode()}


def test_what_there_is_not_and_what_is_broken(shop: Shop) -> None:
    missing = shop("GET", "/nothing/here")
    assert (missing.status, missing.json) == (404, {"detail": "Not Found"})
    broken = shop("GET", "/broken")
    assert (broken.status, broken.body) == (500, b"Internal Server Error")
    assert shop().status == 200


def test_cors_is_the_applications_own_when_the_url_has_none(shop: Shop) -> None:
    origin = "https://shop.example"
    asked = {"access_control_request_method": "POST", "access_control_request_headers": "x-own"}
    preflight = shop("OPTIONS", "/orders", None, origin=origin, **asked)
    assert preflight.status in {200, 204}
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "x-own" in preflight.headers["access-control-allow-headers"]
    answer = shop("POST", "/orders", b'{"item": "tea"}', content_type="application/json", origin=origin)
    assert answer.status == 201
    assert answer.headers["access-control-allow-origin"] == origin


def test_through_invoke_it_is_the_event_that_decides(shop: Shop, lambent: LambentServer) -> None:
    """As a test of the application would call it, with an event of its own."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/me",
        "rawQueryString": "",
        "cookies": ["a=1"],
        "headers": {"host": "shop.example"},
        "requestContext": {"http": {"method": "GET", "path": "/me", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}},
        "isBase64Encoded": False,
    }
    client = lambent.client(account=ACCOUNT)
    answer = json.load(client.invoke(FunctionName=shop.name, Payload=json.dumps(event))["Payload"])
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"a": "1"})


@pytest.fixture(scope="module")
def streams(lambent: LambentServer) -> Iterator[Shop]:
    """What Hono makes piece by piece, behind a URL that passes it on so."""
    runtime, package = hono("hono_streams.mjs")
    client = lambent.client(account=ACCOUNT)
    settings = {"Runtime": runtime, "Handler": "app.handler", "Role": ROLE, "MemorySize": 1024, "Timeout": 30}
    client.create_function(FunctionName="streams", Code={"ZipFile": package}, **settings)
    wait_until_active(client, "streams")
    config = client.create_function_url_config(FunctionName="streams", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    url = Shop(config["FunctionUrl"], "streams")
    yield url
    url.connection.close()
    client.delete_function(FunctionName="streams")


def test_events_of_a_server(streams: Shop) -> None:
    answer = streams("GET", "/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["transfer-encoding"] == "chunked"
    cups = [f"event: tea\ndata: cup {number}\nid: {number}\n\n" for number in range(3)]
    assert answer.body.decode() == "".join(cups)


def test_a_stream_of_8_mb_with_cookies(streams: Shop) -> None:
    answer = streams("GET", "/long")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain")
    assert [cookie.partition(";")[0] for cookie in answer.headers.get_all("set-cookie") or []] == ["a=1", "b=2"]
    assert answer.body == b"tea " * 2_000_000


def test_what_is_not_made_in_pieces_is_streamed_too(streams: Shop) -> None:
    plain = streams("GET", "/plain")
    assert (plain.status, plain.body) == (418, b"plain")
    assert streams("HEAD", "/plain").status == 418
    assert streams("DELETE", "/plain").status == 204
    content = bytes(range(256)) * 1000
    echo = streams("POST", "/echo", content, content_type="image/x-own")
    assert (echo.status, echo.headers["content-type"], echo.body) == (201, "image/x-own", content)
    assert streams("GET", "/nothing").status == 404
    broken = streams("GET", "/broken")
    assert (broken.status, broken.body) == (500, b"Internal Server Error")


def browse(account: str, **environment: str) -> Any:
    """What a visitor sees in Chromium."""
    modules = node_modules("browser", *CHROMIUM)
    program = modules / f"{account}.mjs"  # a module finds packages beside itself
    shutil.copy(Path(__file__).with_name("shop_browser.mjs"), program)
    ended = subprocess.run(
        ["node", str(program)],
        env={**os.environ, "TMPDIR": str(modules), **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    program.unlink()
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_customer_with_a_browser(shop: Shop, account: str) -> None:
    seen = browse(account, PAGE=f"http://{shop.host}/")
    encoding, length = seen.pop("long")
    assert (encoding in {"gzip", "br", "zstd"}, length) == (True, 5000)
    assert seen == {
        "title": "Tee für alle",
        "order": [201, "/orders/1", {"item": "Grüntee 🍵", "count": 1}],
        "download": list(range(256)),
        "upload": ["a.bin", "image/x-own", 4000, "frisch"],
        "gone": [204, ""],
        "broken": 500,
        "address": f"http://{shop.host}/me",
        "me": {"session": "zoe", "theme": "dark"},
        "cookies": [["session", True], ["theme", False]],
    }


def test_streams_in_a_browser(shop: Shop, streams: Shop, account: str) -> None:
    if shop.name != "hono":
        pytest.skip("once will do")
    seen = browse(account, PAGE=f"http://{shop.host}/", STREAMS=f"http://{streams.host}/")
    assert seen["streams"] == {"cups": ["cup 0", "cup 1", "cup 2"], "size": 8_000_000, "inPieces": True}
