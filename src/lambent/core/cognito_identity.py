"""Whom an Amazon Cognito identity pool gave a caller's credentials to.

AWS knows it of credentials that it gave out itself, and tells the function in its context: no header of Invoke says it.
Here the session token of such credentials says it: the companion's identity pools write it, and the gateway reads it
where credentials aren't verified anyway (`lambent dev`).

Source: invocation.md §8 (names of the members); the form of the token is ours.
"""

import base64
import json

_PREFIX = "LambentCognitoIdentity."


def session_token(identity_id: str, identity_pool_id: str) -> str:
    """The session token of credentials for an identity."""
    document = {"cognitoIdentityId": identity_id, "cognitoIdentityPoolId": identity_pool_id}
    return _PREFIX + base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def identity_of(token: str) -> str:
    """The identity in a session token, as the JSON that runtimes are given; empty if the token is another one."""
    if not token.startswith(_PREFIX):
        return ""
    try:
        document = json.loads(base64.urlsafe_b64decode(token[len(_PREFIX) :]))
        identity = {name: str(document[name]) for name in ("cognitoIdentityId", "cognitoIdentityPoolId")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return json.dumps(identity)
