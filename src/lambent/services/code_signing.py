"""Code signing: configs, which function has which, and what they say to new code.

Nothing that is uploaded here can be verified (core/code_signing.py), so a function whose config enforces signatures
takes no new code and no layers. What it has had before stays and runs.
"""

import logging
from dataclasses import dataclass

from lambent.clock import Clock
from lambent.core.code_signing import (
    CodeSigningConfig,
    ConfigChange,
    UntrustedArtifact,
    check_untrusted,
    config_in_use,
    config_not_found,
    function_config_not_found,
    make_config_id,
    parse_config_arn,
)
from lambent.core.function_rules import function_not_found
from lambent.core.scope import Scope
from lambent.store import code_signing as table
from lambent.store.code_signing import ConfigOutcome
from lambent.store.database import Database

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewConfig:
    """What CreateCodeSigningConfig asks for."""

    publishers: tuple[str, ...]
    policy: UntrustedArtifact
    description: str
    tags: dict[str, str]


class CodeSigning:
    """The use cases of code signing configs."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # --- configs ---

    async def create(self, scope: Scope, new: NewConfig) -> CodeSigningConfig:
        """Make a config."""
        config = CodeSigningConfig(
            scope=scope,
            config_id=make_config_id(),
            publishers=new.publishers,
            policy=new.policy,
            description=new.description,
            last_modified_ms=self._clock.now_ms(),
            tags=new.tags,
        )
        await self._database.write(table.insert_config, config)
        return config

    async def get(self, scope: Scope, arn: str) -> CodeSigningConfig:
        """One config. Raises ResourceNotFound."""
        config_id = _config_id(scope, arn)
        config = await self._database.read(table.find_config, scope, config_id)
        if config is None:
            raise config_not_found(arn)
        return config

    async def list_configs(self, scope: Scope, *, after: str | None, limit: int) -> list[CodeSigningConfig]:
        """At most `limit` configs, by id from `after` on."""
        return await self._database.read(table.list_configs, scope, after=after, limit=limit)

    async def update(self, scope: Scope, arn: str, change: ConfigChange) -> CodeSigningConfig:
        """Change a config; functions that have it are held to it from their next deployment on.

        Raises:
            ResourceNotFound: no such config.
        """
        changed = await self._database.write(
            table.change_config, scope, _config_id(scope, arn), change, now_ms=self._clock.now_ms()
        )
        if changed is None:
            raise config_not_found(arn)
        return changed

    async def delete(self, scope: Scope, arn: str) -> None:
        """Delete a config.

        Raises:
            ResourceNotFound: no such config.
            ResourceConflict: a function has it.
        """
        outcome = await self._database.write(table.delete_config, scope, _config_id(scope, arn))
        if outcome is ConfigOutcome.NO_SUCH_CONFIG:
            raise config_not_found(arn)
        if outcome is ConfigOutcome.IN_USE:
            raise config_in_use(arn)

    async def list_functions(self, scope: Scope, arn: str, *, after: str | None, limit: int) -> list[str]:
        """Names of at most `limit` functions that have a config, from `after` on. Raises ResourceNotFound."""
        config = await self.get(scope, arn)
        return await self._database.read(table.list_functions, scope, config.config_id, after=after, limit=limit)

    # --- the config of a function ---

    async def put_of_function(self, scope: Scope, name: str, arn: str) -> None:
        """Give a function a config; its code isn't looked at before the next deployment.

        Raises:
            CodeSigningConfigNotFound: no such config, which is looked for first.
            ResourceNotFound: no such function.
        """
        config_id = parse_config_arn(arn, scope=scope)
        outcome = ConfigOutcome.NO_SUCH_CONFIG
        if config_id is not None:
            outcome = await self._database.write(table.put_function_config, scope, name, config_id)
        if outcome is ConfigOutcome.NO_SUCH_CONFIG:
            raise function_config_not_found(arn)
        if outcome is ConfigOutcome.NO_SUCH_FUNCTION:
            raise function_not_found(scope, name)

    async def of_function(self, scope: Scope, name: str) -> CodeSigningConfig | None:
        """The config that a function has, or None. Raises ResourceNotFound."""
        there, config = await self._database.read(table.function_and_config, scope, name)
        if not there:
            raise function_not_found(scope, name)
        return config

    async def delete_of_function(self, scope: Scope, name: str) -> None:
        """Take a function's config away, if it has one. Raises ResourceNotFound."""
        outcome = await self._database.write(table.delete_function_config, scope, name)
        if outcome is ConfigOutcome.NO_SUCH_FUNCTION:
            raise function_not_found(scope, name)

    # --- deployments ---

    async def for_new_function(self, scope: Scope, name: str, arn: str | None) -> str | None:
        """The id of the config that a new function asks for, if its code may be deployed under it.

        Raises:
            CodeSigningConfigNotFound: no such config.
            CodeVerificationFailed: the config enforces signatures.
        """
        if not arn:
            return None
        config_id = parse_config_arn(arn, scope=scope)
        config = None if config_id is None else await self._database.read(table.find_config, scope, config_id)
        if config is None:
            raise function_config_not_found(arn)
        _check(config, name)
        return config.config_id

    async def check_deployment(self, scope: Scope, name: str) -> None:
        """Whether an existing function may get other code, or layers, as far as can be said before they are written.

        The write looks again (`store.function_changes`).

        Raises:
            CodeVerificationFailed: its config enforces signatures.
        """
        config = await self._database.read(table.config_of_function, scope, name)
        if config is not None:
            _check(config, name)


def _config_id(scope: Scope, arn: str) -> str:
    config_id = parse_config_arn(arn, scope=scope)
    if config_id is None:
        raise config_not_found(arn)
    return config_id


def _check(config: CodeSigningConfig, name: str) -> None:
    check_untrusted(config, name)
    logger.warning(
        "Code that no allowed publisher has signed is deployed.",
        extra={"function": name, "code_signing_config": config.arn},
    )
