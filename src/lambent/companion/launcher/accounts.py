"""Whose request it is: the account that Lambent has found, not the one that moto would guess."""

import base64
import os
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

DEFAULT_ACCOUNT = "000000000000"

_GIVEN_OUT = frozenset({"AKIA", "ASIA"})


def default_account(module: ModuleType) -> None:
    """Change `moto.core.models`: what has no account of its own has Lambent's default."""
    replace(module, "DEFAULT_ACCOUNT_ID", lambda _: DEFAULT_ACCOUNT)


def access_keys(module: ModuleType) -> None:
    """Change `moto.iam.models`: keys that are given out say whose they are, so that Lambent knows it as well.

    AWS's begin with A, and stay of the default account. Then comes the account's number, in base 32.
    """

    def make(original: Any) -> Any:
        def generate(account_id: str, prefix: str, total_length: int = 20) -> str:
            made: str = original(account_id, prefix, total_length)
            if prefix not in _GIVEN_OUT:
                return made
            number = base64.b32encode(int(account_id).to_bytes(5)).decode()
            return f"L{prefix[1:]}{number}{made[len(prefix) + len(number) :]}"

        return generate

    replace(module, "generate_access_key_id_from_account_id", make)


def configuration(module: ModuleType) -> None:
    """Change `moto.core.config`: state machines run, and AWS's own policies can be attached to roles.

    AWS Batch starts no containers: whoever reaches the port could have Docker, which is root, run anything.
    """

    def complete(config: dict[str, Any]) -> dict[str, Any]:
        config["stepfunctions"] = {"execute_state_machine": True}
        config["iam"] = {"load_aws_managed_policies": True}
        config["batch"] = {"use_docker": False}
        return config

    replace(module, "default_user_config", complete)


def addresses(module: ModuleType) -> None:
    """Change `moto.settings`: where moto tells others to answer is Lambent's port, as a function sees it."""
    replace(module, "moto_server_host", lambda _: lambda: "http://127.0.0.1")


def surroundings(port: int) -> None:
    """Have moto find itself behind Lambent's port, any region exist, and nothing of the user's own AWS be touched."""
    os.environ["MOTO_PORT"] = str(port)
    os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
    os.environ.setdefault("MOTO_EVENTS_INVOKE_HTTP", "true")
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
