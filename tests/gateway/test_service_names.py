"""Which service a request is for that isn't signed as the others are; nothing else gets in without a signature."""

import pytest

from lambent.core.scope import Scope
from lambent.gateway.service_names import Addressed, bucket_of, may_be_unsigned, unsigned
from lambent.wire.http import Headers, Request

REGION = "eu-west-1"
DEFAULT = "000000000000"
FORM = "application/x-www-form-urlencoded"


def request(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    path, _, query = target.partition("?")
    named = Headers({"host": "127.0.0.1:4566", **{name.replace("_", "-"): value for name, value in headers.items()}})
    return Request(method, path, query, named, body)


def addressed(service: str, account: str = DEFAULT, region: str = REGION) -> Addressed:
    return Addressed(service, Scope(account, region))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (request("PUT", "/b/k", authorization="AWS 123456789012:c2ln"), addressed("s3", "123456789012")),
        (request("GET", "/b/k?AWSAccessKeyId=123456789012&Signature=s&Expires=1"), addressed("s3", "123456789012")),
        (request("GET", "/b/k?AWSAccessKeyId=AKID&Signature=s&Expires=1"), addressed("s3")),
        (request("PUT", "/b/k?AWSAccessKeyId=AKID&Signature=s&Expires=1"), addressed("s3")),
        (request("GET", "/bucket/key"), addressed("s3")),
        (request("OPTIONS", "/", access_control_request_method="POST"), addressed("s3")),
        (request("HEAD", "/bucket/a/b"), addressed("s3")),
        (request("GET", "/key", host="bucket.s3.localhost:4566"), addressed("s3")),
        (
            request(
                "POST",
                "/bucket",
                b'--b\r\nContent-Disposition: form-data; name="x-amz-credential"\r\n\r\n123456789012/20260101/r/s3/aws4',
                content_type="multipart/form-data; boundary=b",
            ),
            addressed("s3", "123456789012"),
        ),
        (
            request("POST", "/", x_amz_target="AWSCognitoIdentityProviderService.InitiateAuth"),
            addressed("cognito-idp"),
        ),
        (request("POST", "/", x_amz_target="AWSCognitoIdentityService.GetId"), addressed("cognito-identity")),
        (
            request("GET", "/eu-north-1_AbC123/.well-known/jwks.json"),
            addressed("cognito-idp", region="eu-north-1"),
        ),
        (
            request(
                "POST",
                "/",
                b"Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr",
                content_type=FORM,
            ),
            addressed("sts", "123456789012"),
        ),
        (
            request(
                "PUT",
                "/cloudformation_eu-north-1/cfnresponse?stack=arn:aws:cloudformation:eu-north-1:123456789012:stack/s/1",
            ),
            addressed("cloudformation", "123456789012", "eu-north-1"),
        ),
    ],
)
def test_requests_that_aws_answers_without_a_signature_of_version_4(made: Request, expected: Addressed) -> None:
    assert unsigned(made, default_region=REGION) == expected
    assert may_be_unsigned(made)


@pytest.mark.parametrize(
    "made",
    [
        request("GET", "/2015-03-31/functions/"),
        request("GET", "/2015-03-31/functions/f/policy"),
        request("GET", "/"),
        request("GET", "/favicon.ico"),
        request("OPTIONS", "/"),
        request("OPTIONS", "/2015-03-31/functions/", access_control_request_method="POST"),
        request("GET", "/_localstack/health"),
        request("DELETE", "/bucket/key"),
        request("PUT", "/bucket/key"),
        request("POST", "/", x_amz_target="AmazonSQS.SendMessage"),
        request("POST", "/", b"Action=DeleteUser&UserName=u", content_type=FORM),
        request("POST", "/", b"Note=Action=AssumeRoleWithSAML", content_type=FORM),
        request("POST", "/bucket/key", b"{}", content_type="application/json"),
        request("PUT", "/cloudformation_eu-north-1/cfnresponse?stack=s"),
        request("GET", "/bucket/key", authorization="AWS4-HMAC-SHA256 Credential=broken"),
        request("GET", "/bucket/key", authorization="Basic dXNlcjpwYXNz"),
    ],
)
def test_everything_else_needs_one(made: Request) -> None:
    assert unsigned(made, default_region=REGION) is None


def test_the_body_of_a_form_has_to_be_read_before_it_is_known() -> None:
    assert may_be_unsigned(request("POST", "/", content_type=FORM))
    assert not may_be_unsigned(request("POST", "/", content_type="application/json"))
    assert not may_be_unsigned(request("POST", "/", content_type=FORM, authorization="AWS4-HMAC-SHA256 broken"))


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("photos.s3.localhost:4566", "photos"),
        ("my.photos.s3.eu-west-1.localhost", "my.photos"),
        ("photos.s3-eu-west-1.localhost", "photos"),
        ("s3.localhost:4566", None),
        ("123456789012.s3-control.localhost", None),
        ("127.0.0.1:4566", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_the_bucket_in_a_host(host: str, bucket: str | None) -> None:
    assert bucket_of(host) == bucket
