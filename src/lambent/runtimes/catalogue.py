"""Runtime identifiers as data: which there are, from when on AWS refuses them, and what it then says.

Which of them this machine can run is another question (`lambent.runtimes.providers`); this is what an identifier
means. Dates are AWS's as of August 2026, after which AWS may move them.
Source: developer guide, "Lambda runtimes"; message texts: observed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from lambent.core.function_features import RuntimeFeatures
from lambent.wire.constraints import VALUE_SETS

X86_64, ARM64 = "x86_64", "arm64"
_BOTH = (X86_64, ARM64)
_X86_ONLY = (X86_64,)
_NO_FEATURES = RuntimeFeatures()


@dataclass(frozen=True, slots=True)
class Runtime:
    """One identifier of the API's ``Runtime`` member.

    Dates are None where AWS's tables no longer give them: the day has passed long ago.
    """

    identifier: str
    operating_system: str
    architectures: tuple[str, ...]
    deprecated: date | None
    block_create: date | None
    block_update: date | None
    features: RuntimeFeatures

    @property
    def family(self) -> str:
        """The language, as in the identifier: "python", "nodejs", "java", "dotnet", "ruby", "go", "provided"."""
        family = re.match("dotnet|[a-z]+", self.identifier)
        assert family is not None, self.identifier
        return family[0]

    def blocks_create(self, today: date) -> bool:
        """Whether functions can no longer be created with it."""
        return self.block_create is None or today >= self.block_create

    def blocks_update(self, today: date) -> bool:
        """Whether functions can no longer be updated with it."""
        return self.block_update is None or today >= self.block_update


# identifier, operating system, features (S: SnapStart, D: durable functions, M: managed instances), deprecated, block
# create, block update; x86_64 and arm64. Which Java and .NET runtimes have durable functions is unverified.
_SUPPORTED = """
    nodejs24.x       AL2023 DM  2028-04-30 2028-06-01 2028-07-01
    nodejs22.x       AL2023 DM  2027-04-30 2027-06-01 2027-07-01
    python3.14       AL2023 SDM 2029-06-30 2029-07-31 2029-08-31
    python3.13       AL2023 SDM 2029-06-30 2029-07-31 2029-08-31
    python3.12       AL2023 S   2028-10-31 2028-11-30 2029-01-10
    python3.11       AL2    -   2027-06-30 2027-07-31 2027-08-31
    java25           AL2023 SDM 2029-06-30 2029-07-31 2029-08-31
    java21           AL2023 SDM 2029-06-30 2029-07-31 2029-08-31
    java17           AL2    SD  2027-06-30 2027-07-31 2027-08-31
    java11           AL2    S   2027-06-30 2027-07-31 2027-08-31
    java8.al2        AL2    -   2027-06-30 2027-07-31 2027-08-31
    dotnet10         AL2023 SDM 2028-11-14 2028-12-14 2029-01-15
    dotnet8          AL2023 SDM 2026-11-10 2027-02-01 2027-03-03
    ruby4.0          AL2023 -   2029-03-31 2029-04-30 2029-05-31
    ruby3.4          AL2023 -   2028-03-31 2028-04-30 2028-05-31
    ruby3.3          AL2023 -   2027-03-31 2027-04-30 2027-05-31
    provided.al2023  AL2023 M   2029-06-30 2029-07-31 2029-08-31
    nodejs20.x       AL2023 -   2026-04-30 2027-02-01 2027-03-03
    nodejs18.x       AL2    -   2025-09-01 2027-02-01 2027-03-03
    nodejs16.x       AL2    -   2024-06-12 2027-02-01 2027-03-03
    python3.10       AL2    -   2026-10-31 2027-02-01 2027-03-03
    python3.9        AL2    -   2025-12-15 2027-02-01 2027-03-03
    python3.8        AL2    -   2024-10-14 2027-02-01 2027-03-03
    dotnet6          AL2    -   2024-12-20 2027-02-01 2027-03-03
    ruby3.2          AL2    -   2026-03-31 2027-02-01 2027-03-03
    provided.al2     AL2    -   2026-07-31 2027-02-01 2027-03-03
"""

# Blocked for create; identifier, operating system, architectures, deprecated, block create, block update.
_BLOCKED = """
    nodejs14.x    AL2 both 2023-12-04 2024-01-09 2027-03-03
    python3.7     AL1 x86  2023-12-04 2024-01-09 2027-03-03
    java8         AL1 x86  2024-01-08 2024-02-08 2027-03-03
    ruby2.7       AL2 both 2023-12-07 2024-01-09 2027-03-03
    go1.x         AL1 x86  2024-01-08 2024-02-08 2027-03-03
    provided      AL1 x86  2024-01-08 2024-02-08 2027-03-03
    nodejs12.x    AL2 both 2023-03-31 2023-03-31 2023-04-30
    dotnetcore3.1 AL2 both 2023-04-03 2023-04-03 2023-05-03
    python3.6     AL1 x86  2022-07-18 2022-07-18 2022-08-29
    nodejs10.x    AL2 x86  2021-07-30 2021-07-30 2022-02-14
    ruby2.5       AL1 x86  2021-07-30 2021-07-30 2022-03-31
    python2.7     AL1 x86  2021-07-15 2021-07-15 2022-05-30
    dotnetcore2.1 AL1 x86  2022-01-05 2022-01-05 2022-04-13
"""

_BLOCKED_LONG_AGO = (
    "nodejs8.10 nodejs6.10 nodejs4.3 nodejs4.3-edge nodejs dotnetcore1.0 dotnetcore2.0"  # all AL1 and x86_64
)


def _features(letters: str) -> RuntimeFeatures:
    return RuntimeFeatures(snap_start="S" in letters, durable="D" in letters, managed_instances="M" in letters)


def _read() -> dict[str, Runtime]:
    runtimes = []
    for line in _SUPPORTED.strip().splitlines():
        identifier, system, features, *days = line.split()
        deprecated, create, update = map(date.fromisoformat, days)
        runtimes.append(Runtime(identifier, system, _BOTH, deprecated, create, update, _features(features)))
    for line in _BLOCKED.strip().splitlines():
        identifier, system, architectures, *days = line.split()
        deprecated, create, update = map(date.fromisoformat, days)
        supported = _BOTH if architectures == "both" else _X86_ONLY
        runtimes.append(Runtime(identifier, system, supported, deprecated, create, update, _NO_FEATURES))
    runtimes.extend(
        Runtime(name, "AL1", _X86_ONLY, None, None, None, _NO_FEATURES) for name in _BLOCKED_LONG_AGO.split()
    )
    return {runtime.identifier: runtime for runtime in runtimes}


RUNTIMES: Mapping[str, Runtime] = MappingProxyType(_read())
"""Every identifier with a meaning, case-sensitive."""


def unknown_runtime_message(identifier: str) -> str:
    """What AWS says of an identifier that it doesn't know (CreateFunction, UpdateFunctionConfiguration)."""
    return (
        f"Value {identifier} at 'runtime' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{', '.join(VALUE_SETS['Runtime'])}] or be a valid ARN"
    )


def unsupported_runtime_message(identifier: str) -> str:
    """What AWS says of an identifier that is blocked."""
    return (
        f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    )
