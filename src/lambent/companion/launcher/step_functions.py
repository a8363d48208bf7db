"""Step Functions' calls to other services: to Lambent's port, in the account of the state machine."""

from types import ModuleType
from typing import Any

from lambent.companion.launcher.accounts import DEFAULT_ACCOUNT
from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.patching import replace


def clients(lambent: Lambent, module: ModuleType) -> None:
    """Change `moto.stepfunctions.parser.asl.utils.boto_client`."""

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return lambent.client(_account(state_credentials), region, service)

    replace(module, "boto_client_for", lambda _: boto_client_for)


def _account(state_credentials: Any) -> str:
    """That of the role by which a state acts."""
    parts = str(getattr(state_credentials, "role_arn", "")).split(":")
    return parts[4] if len(parts) > 5 and parts[4] else DEFAULT_ACCOUNT
