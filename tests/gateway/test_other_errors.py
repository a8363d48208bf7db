"""Errors of ours are read by the clients of other services: botocore's own parsers say what they see."""

import importlib
from typing import Any

import pytest

from lambent.gateway.other_errors import OtherServiceFailed, render
from lambent.wire.http import Headers, Request


@pytest.mark.parametrize(
    ("service", "protocol", "headers"),
    [
        ("s3", "rest-xml", {}),
        ("route53", "rest-xml", {}),
        ("sqs", "json", {"x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0"}),
        ("sts", "query", {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}),
        ("ec2", "ec2", {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}),
        ("apigateway", "rest-json", {"content-type": "application/json"}),
    ],
)
def test_an_error_is_in_the_protocol_of_its_service(service: str, protocol: str, headers: dict[str, str]) -> None:
    request = Request("POST", "/", headers=Headers(headers))
    error = OtherServiceFailed("BadGateway", 502, 'not <there> & "gone"')
    status, answered, body = render(error, request=request, service=service, request_id="an-id")
    parser = importlib.import_module("botocore.parsers").create_parser(protocol)
    lowered = {name.lower(): value for name, value in answered}
    parsed: Any = parser.parse({"status_code": status, "headers": lowered, "body": body}, None)
    assert parsed["Error"]["Code"] == "BadGateway"
    assert parsed["Error"]["Message"] == 'not <there> & "gone"'
