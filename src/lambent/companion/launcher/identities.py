"""Cognito's identity pools: the credentials that they give out say whose they are, so that functions are told.

Who asks for an identity or for its credentials signs nothing: the account is that of the pool, wherever it is.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace
from lambent.core.cognito_identity import session_token


def pools(module: ModuleType) -> None:
    """Change `moto.cognitoidentity.models`."""

    def backends() -> Iterator[Any]:
        for regions in list(module.cognitoidentity_backends.values()):
            yield from list(regions.values())

    def find(identity_pool_id: str) -> Any:
        return next((backend for backend in backends() if identity_pool_id in backend.pools_identities), None)

    def identities(original: Any) -> Any:
        def get_id(self: Any, identity_pool_id: str) -> Any:
            return original(find(identity_pool_id) or self, identity_pool_id)

        return get_id

    replace(module.CognitoIdentityBackend, "get_id", identities)
    replace(module.CognitoIdentityBackend, "get_credentials_for_identity", lambda made: _credentials(made, backends))


def _credentials(original: Any, backends: Callable[[], Iterator[Any]]) -> Any:
    def get_credentials_for_identity(self: Any, identity_id: str) -> str:
        answer = json.loads(original(self, identity_id))
        account, pool_id = next(_places(identity_id, backends()), (self.account_id, ""))
        iam = importlib.import_module("moto.iam.models")
        answer["Credentials"]["AccessKeyId"] = iam.generate_access_key_id_from_account_id(account, "ASIA")
        answer["Credentials"]["SessionToken"] = session_token(identity_id, pool_id)
        return json.dumps(answer)

    return get_credentials_for_identity


def _places(identity_id: str, backends: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """The account and pool of an identity."""
    for backend in backends:
        for pool_id, pool in backend.pools_identities.items():
            if any(identity["IdentityId"] == identity_id for identity in pool["Identities"]):
                yield backend.account_id, pool_id
