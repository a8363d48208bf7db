"""Session tokens that say whose the credentials are."""

import base64
import json

import pytest

from lambent.core.cognito_identity import identity_of, session_token


def test_a_token_says_identity_and_pool() -> None:
    assert json.loads(identity_of(session_token("eu-west-1:1", "eu-west-1:2"))) == {
        "cognitoIdentityId": "eu-west-1:1",
        "cognitoIdentityPoolId": "eu-west-1:2",
    }


def _token(document: object) -> str:
    return "LambentCognitoIdentity." + base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    "token",
    ["", "x", "LambentCognitoIdentity.", "LambentCognitoIdentity.é", _token([]), _token({}), _token(None), _token("x")],
)
def test_others_say_nothing(token: str) -> None:
    assert identity_of(token) == ""
