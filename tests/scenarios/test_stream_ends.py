"""How a response stream ends, through our client and AWS's own: the prelude goes with the first `write`, not with `end`.

Source: an issue of AWS's Node.js client, number 97, which has what AWS answers.
"""

import contextlib
import http.client
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.lambent_server import LambentServer
from tests.scenarios import families
from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy

pytestmark = played_on(lambda column: column.family is families.NODE)


class Answer(NamedTuple):
    status: int
    content_type: str | None
    own: str | None
    body: bytes


def test_ends_of_streams(deployed: Deploy, column: Column, lambent: LambentServer) -> None:
    function = deployed(column, Handler="ends.handler")
    config = function.client.create_function_url_config(
        FunctionName=function.name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    host = urlsplit(config["FunctionUrl"]).netloc

    def ended(path: str) -> Answer:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", lambent.port, timeout=30)) as connection:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers["content-type"], answer.headers["x-own"], answer.read())

    bytes_of_no_type = "application/octet-stream"
    bad_gateway = Answer(502, "application/json", None, b"Internal Server Error")
    assert ended("/prelude/written") == Answer(404, "text/plain", "yes", b"no such tea")
    assert ended("/prelude/last") == Answer(404, "text/plain", "yes", b"no such tea")
    assert ended("/prelude/only") == bad_gateway
    assert ended("/prelude/nothing") == Answer(200, bytes_of_no_type, None, b"")
    assert ended("/prelude/fails") == bad_gateway
    assert ended("/bare/written") == Answer(200, bytes_of_no_type, None, b"no such tea")
    assert ended("/bare/only") == Answer(200, bytes_of_no_type, None, b"no such tea")
    assert ended("/bare/nothing") == Answer(200, bytes_of_no_type, None, b"")
    assert ended("/bare/fails") == bad_gateway
