"""One function in the steps of its life, for tests of what is done with configurations."""

from dataclasses import replace

from lambent.core.function import (
    LATEST,
    Code,
    FunctionConfiguration,
    FunctionSettings,
    LoggingSettings,
    activated,
    updated,
)
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
SETTINGS = FunctionSettings(
    runtime="python3.13", role="role", handler="index.handler", logging=LoggingSettings(log_group="/aws/lambda/f")
)
CREATED = FunctionConfiguration(
    scope=SCOPE,
    function_name="f",
    version=LATEST,
    settings=SETTINGS,
    code=Code(sha256="00" * 32, size=100),
    last_modified_ms=1,
    revision_id="r1",
)
ACTIVE = activated(CREATED, revision_id="r2")
CHANGED = replace(SETTINGS, timeout_seconds=10)
UPDATING = updated(ACTIVE, settings=CHANGED, code=Code(sha256="11" * 32, size=200), now_ms=2, revision_id="r3")
