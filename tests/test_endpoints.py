"""Where other services are: the variables of the AWS SDKs, and none that leads back to us.

Source: AWS SDKs and Tools reference, "Service-specific endpoints".
"""

import pytest

from lambent.endpoints import Endpoints, own_url


def endpoints(environment: dict[str, str], companion_url: str | None = None) -> Endpoints:
    return Endpoints(environment, own_port=4566, companion_url=companion_url)


@pytest.mark.parametrize(
    ("environment", "service", "url"),
    [
        ({}, "s3", None),
        ({"AWS_ENDPOINT_URL": ""}, "s3", None),
        ({"AWS_ENDPOINT_URL": "http://all/"}, "s3", "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}, "s3", "http://s3"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}, "sqs", "http://all"),
        ({"AWS_ENDPOINT_URL_EVENTBRIDGE": "http://bus"}, "events", "http://bus"),
        ({"AWS_ENDPOINT_URL_SFN": "http://steps"}, "states", "http://steps"),
        ({"AWS_ENDPOINT_URL_COGNITO_IDENTITY": "http://id"}, "cognito-identity", "http://id"),
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://db"}, "dynamodbstreams", None),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "s3", None),
    ],
)
def test_the_environment_names_the_endpoint(environment: dict[str, str], service: str, url: str | None) -> None:
    assert endpoints(environment).configured(service) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.9.9.9"])
def test_an_endpoint_that_is_this_server_is_ignored_with_a_warning(host: str, caplog: pytest.LogCaptureFixture) -> None:
    environment = {"AWS_ENDPOINT_URL_S3": f"http://{host}:4566", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}
    assert endpoints(environment).configured("s3") == "http://127.0.0.1:5000"
    assert "AWS_ENDPOINT_URL_S3" in caplog.text


@pytest.mark.parametrize("url", ["http://192.0.2.1:4566", "http://127.0.0.1:99999", "4566", "http://:4566"])
def test_an_endpoint_that_is_not_this_server_is_left_as_it_is(url: str) -> None:
    assert endpoints({"AWS_ENDPOINT_URL": url}).configured("s3") == url


async def test_what_the_environment_names_comes_before_the_companion() -> None:
    found = endpoints({"AWS_ENDPOINT_URL_S3": "http://s3"}, companion_url="http://127.0.0.1:4566")
    assert await found.endpoint_for("s3") == "http://s3"
    assert await found.endpoint_for("sqs") == "http://127.0.0.1:4566"
    assert await endpoints({}).endpoint_for("sqs") is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4566"),
        ("0.0.0.0", "http://127.0.0.1:4566"),
        ("::", "http://[::1]:4566"),
        ("localhost", "http://localhost:4566"),
    ],
)
def test_the_url_of_a_server_is_one_that_can_be_reached(host: str, url: str) -> None:
    assert own_url(host, 4566) == url
