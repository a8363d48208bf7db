"""Our signatures are those of AWS's own SDK."""

from datetime import UTC, datetime
from unittest import mock

import pytest
from botocore import auth, awsrequest
from botocore import credentials as botocore_credentials

from lambent.commands.signature import Credentials, signed_headers

_AT = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/2015-03-31/functions/hello/invocations", ""),
        ("/2015-03-31/functions/hello/invocations", "Qualifier=live"),
        (
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahello/invocations",
            "b=2&a=%24",
        ),
    ],
)
@pytest.mark.parametrize("token", ["", "session"])
def test_a_signature_is_the_one_that_botocore_makes(path: str, query: str, token: str) -> None:
    host, body = "127.0.0.1:4566", b'{"a": 1}'
    ours = signed_headers(
        Credentials("AKID", "secret", token),
        method="POST",
        host=host,
        path=path,
        query=query,
        headers={"X-Amz-Log-Type": "Tail"},
        body=body,
        region="us-east-1",
        at=_AT,
    )
    url = f"http://{host}{path}" + (f"?{query}" if query else "")
    signed = {name: ours[name] for name in ours if name in {"x-amz-log-type", "x-amz-content-sha256"}}
    request = awsrequest.AWSRequest("POST", url, headers=signed, data=body)
    frozen = botocore_credentials.Credentials("AKID", "secret", token or None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=_AT.replace(tzinfo=None)):
        auth.SigV4Auth(frozen, "lambda", "us-east-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
