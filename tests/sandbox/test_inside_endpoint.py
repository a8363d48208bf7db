"""Lambent's own port inside an environment: one function can't use up what everybody connects by."""

import json
from typing import Any

import pytest

from lambent.gateway.inside import CONNECTIONS
from tests.lambent_server import create_function

pytestmark = pytest.mark.root

CONNECT = """
import os, socket
from urllib.parse import urlsplit

def handler(count, context):
    address = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    request = f"GET /nothing HTTP/1.1\\r\\nHost: {address.netloc}\\r\\n\\r\\n".encode()
    connections = [socket.create_connection((address.hostname, address.port), 10) for _ in range(count)]
    served = 0
    for connection in connections:
        try:
            connection.sendall(request)
            served += connection.recv(4096).startswith(b"HTTP/1.1 ")
        except OSError:
            pass
    return served
"""


def test_a_function_has_so_many_connections_to_lambent_and_the_next_ones_are_closed(client: Any) -> None:
    create_function(client, "connect", CONNECT, Timeout=30)
    answer = client.invoke(FunctionName="connect", Payload=json.dumps(CONNECTIONS + 30))
    assert json.load(answer["Payload"]) == CONNECTIONS
