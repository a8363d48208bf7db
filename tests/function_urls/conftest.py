"""Functions with URLs, called over plain HTTP."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.lambent_server import LambentServer, create_function

ECHO = "def handler(event, context):\n    return event\n"
ANSWER = "import json\ndef handler(event, context):\n    return json.loads(event['body'])\n"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Url:
    """One function URL, and a connection to it that needs no name resolution."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host = parts.netloc
        self.url_id = parts.netloc.partition(".")[0]
        self.connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=30)

    def __call__(self, method: str = "GET", target: str = "/", body: bytes | None = None, **headers: str) -> Answer:
        sent = {"Host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.connection.request(method, target, body, sent)
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


MakeUrl = Callable[..., Url]


@pytest.fixture
def make_url(lambent: LambentServer, client: Any) -> Iterator[MakeUrl]:
    """Makes a function of a source, and its URL."""
    made: list[Url] = []

    def make(source: str = ECHO, *, name: str = "web", qualifier: str | None = None, **settings: Any) -> Url:
        if qualifier is None:
            create_function(client, name, source)
        qualified = {} if qualifier is None else {"Qualifier": qualifier}
        config = client.create_function_url_config(FunctionName=name, **{"AuthType": "NONE", **settings}, **qualified)
        made.append(Url(config["FunctionUrl"]))
        return made[-1]

    yield make
    for url in made:
        url.connection.close()
