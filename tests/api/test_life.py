"""Functions, versions and aliases, driven at random through the API and compared with a simple model after each step.

The model says what AWS does (api-errors.md sections 5 to 7): which code a request is refused with, and what is there
afterwards. It knows no states between: each update is waited for.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.api.calls import PATIENTLY, create, package, settle

PACKAGES = [package(f"number {number}") for number in range(3)]
SHA256 = [base64.b64encode(hashlib.sha256(content).digest()).decode() for content in PACKAGES]

CONFLICT = "ResourceConflictException"
INVALID = "InvalidParameterValueException"
NOT_FOUND = "ResourceNotFoundException"
PRECONDITION = "PreconditionFailedException"

FUNCTIONS = st.sampled_from(["f"] * 9 + ["g"])  # one that much happens to, and another one
ALIASES = st.sampled_from(["a", "b"])
KEEP = "keep"
CODES = st.sampled_from(range(len(PACKAGES)))
CONDITIONS = st.sampled_from(["none", "none", "right", "wrong"])
TEXTS = st.sampled_from(["", "one", "another"])


@dataclass(frozen=True)
class Version:
    """What a version shows of itself."""

    code: int
    timeout: int
    description: str
    revision: str = ""
    published_from: tuple[int, int, str] | None = None

    @property
    def frozen(self) -> tuple[int, int, str]:
        return self.code, self.timeout, self.description


@dataclass(frozen=True)
class Alias:
    version: str
    description: str
    second: str | None = None
    revision: str = ""

    @property
    def referring(self) -> set[str | None]:
        return {self.version, self.second}


@dataclass
class Function:
    latest: Version
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    last_number: int = 0

    def knows(self, version: str | None) -> bool:
        return version in {None, "$LATEST", *self.versions}

    @property
    def newest(self) -> str | None:
        return max(self.versions, key=int, default=None)


class Life(RuleBasedStateMachine):
    """Each rule asks for something and says first what the answer must be."""

    client: Any

    def __init__(self) -> None:
        super().__init__()
        self.functions: dict[str, Function] = {}

    def teardown(self) -> None:
        for name in self.functions:
            self.client.delete_function(FunctionName=name)

    @initialize(code=CODES)
    def begin(self, code: int) -> None:
        """A function with a version and an alias of it, to save the way there."""
        self.create_function("f", code, publish=True)
        made = self.client.create_alias(FunctionName="f", Name="a", FunctionVersion="1")
        self.functions["f"].aliases["a"] = Alias("1", "", None, made["RevisionId"])

    # --- what may happen ---

    @precondition(lambda self: len(self.functions) < 2)
    @rule(name=FUNCTIONS, code=CODES, publish=st.booleans())
    def create_function(self, name: str, code: int, publish: bool) -> None:
        expected = CONFLICT if name in self.functions else None
        zipped = {"ZipFile": PACKAGES[code]}
        if self.ask(expected, create, self.client, name, Code=zipped, Publish=publish) is None:
            return
        function = self.functions[name] = Function(Version(code, 3, ""))
        self.settled(name)
        if publish:
            self.published(name, newly_updated=True)
        assert publish is (function.last_number == 1)

    @rule(name=FUNCTIONS, code=CODES, publish=st.booleans(), condition=CONDITIONS)
    def update_code(self, name: str, code: int, publish: bool, condition: str) -> None:
        self.update(
            name,
            condition,
            self.client.update_function_code,
            lambda latest: replace(latest, code=code),
            publish=publish,
            ZipFile=PACKAGES[code],
            Publish=publish,
        )

    @rule(name=FUNCTIONS, timeout=st.sampled_from([3, 4]), description=TEXTS, condition=CONDITIONS)
    def update_configuration(self, name: str, timeout: int, description: str, condition: str) -> None:
        self.update(
            name,
            condition,
            self.client.update_function_configuration,
            lambda latest: replace(latest, timeout=timeout, description=description),
            Timeout=timeout,
            Description=description,
        )

    @rule(name=FUNCTIONS, description=st.none() | TEXTS, condition=CONDITIONS, expected_code=st.none() | CODES)
    def publish_version(self, name: str, description: str | None, condition: str, expected_code: int | None) -> None:
        function = self.functions.get(name)
        request: dict[str, Any] = {} if description is None else {"Description": description}
        if expected_code is not None:
            request["CodeSha256"] = SHA256[expected_code]
        expected = self.refusal(name, condition)
        if expected is None and function is not None and expected_code not in {None, function.latest.code}:
            expected = INVALID
        answer = self.ask(
            expected, self.client.publish_version, FunctionName=name, **request, **self.condition(name, condition)
        )
        if answer is not None:
            assert answer["Version"] == self.published(name, description)
            assert answer["State"] == "Active"

    @rule(name=FUNCTIONS, data=st.data())
    def delete_version(self, name: str, data: st.DataObject) -> None:
        function = self.functions.get(name)
        version = self.version(name, data)
        expected = None
        if version == "$LATEST":
            expected = INVALID
        elif function is None:
            expected = NOT_FOUND
        elif any(version in alias.referring for alias in function.aliases.values()):
            expected = CONFLICT
        if self.ask(expected, self.client.delete_function, FunctionName=name, Qualifier=version) is not None:
            self.functions[name].versions.pop(version, None)

    @precondition(lambda self: "g" in self.functions)
    @rule(name=FUNCTIONS)
    def delete_function(self, name: str) -> None:
        expected = None if name in self.functions else NOT_FOUND
        if self.ask(expected, self.client.delete_function, FunctionName=name) is not None:
            del self.functions[name]

    @rule(name=FUNCTIONS, alias=ALIASES, description=TEXTS, data=st.data())
    def create_alias(self, name: str, alias: str, description: str, data: st.DataObject) -> None:
        function = self.functions.get(name)
        version, second = self.version(name, data), self.version(name, data, None)
        wanted = Alias(version, description, second)
        expected = _of_routing(wanted)
        if expected is None and (function is None or not all(map(function.knows, wanted.referring))):
            expected = NOT_FOUND
        elif expected is None and function is not None and alias in function.aliases:
            expected = CONFLICT
        answer = self.ask(
            expected,
            self.client.create_alias,
            FunctionName=name,
            Name=alias,
            FunctionVersion=version,
            Description=description,
            **_routing(second),
        )
        if answer is not None:
            self.functions[name].aliases[alias] = replace(wanted, revision=answer["RevisionId"])

    @rule(name=FUNCTIONS, alias=ALIASES, description=TEXTS, condition=CONDITIONS, data=st.data())
    def update_alias(self, name: str, alias: str, description: str, condition: str, data: st.DataObject) -> None:
        version, second = self.version(name, data, None), self.version(name, data, None, KEEP)
        function = self.functions.get(name, Function(Version(0, 0, "")))
        current = function.aliases.get(alias)
        request: dict[str, Any] = {} if version is None else {"FunctionVersion": version}
        if second != KEEP:
            request.update(_routing(second) or {"RoutingConfig": {"AdditionalVersionWeights": {}}})
        expected = None
        if second != KEEP and (second == "$LATEST" or (version is not None)):
            expected = _of_routing(Alias(version or "any", "", second))
        wanted = None
        if current is not None:
            kept = current.second if second == KEEP else second
            wanted = Alias(version or current.version, description, kept)
            expected = expected or _of_routing(wanted)
            if expected is None and not all(map(function.knows, wanted.referring)):
                expected = NOT_FOUND
            if expected is None and condition == "wrong":
                expected = PRECONDITION
            request.update({"right": {"RevisionId": current.revision}}.get(condition, {}))
        else:
            expected = expected or NOT_FOUND
        if condition == "wrong":
            request["RevisionId"] = "wrong"
        answer = self.ask(
            expected, self.client.update_alias, FunctionName=name, Name=alias, Description=description, **request
        )
        if answer is not None:
            assert wanted is not None
            function.aliases[alias] = replace(wanted, revision=answer["RevisionId"])

    @precondition(lambda self: any(function.aliases for function in self.functions.values()))
    @rule(name=FUNCTIONS, alias=ALIASES)
    def delete_alias(self, name: str, alias: str) -> None:
        self.ask(None, self.client.delete_alias, FunctionName=name, Name=alias)
        if name in self.functions:
            self.functions[name].aliases.pop(alias, None)

    # --- what must hold ---

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        listed = self.client.list_functions(FunctionVersion="ALL")["Functions"]
        assert {(one["FunctionName"], one["Version"]): _shown(one) for one in listed} == {
            (name, number): replace(version, published_from=None)
            for name, function in self.functions.items()
            for number, version in {"$LATEST": function.latest, **function.versions}.items()
        }
        for name, function in self.functions.items():
            aliases = self.client.list_aliases(FunctionName=name)["Aliases"]
            assert {alias["Name"]: _alias(alias) for alias in aliases} == function.aliases
            for alias_name, alias in function.aliases.items():
                found = self.client.get_function_configuration(FunctionName=name, Qualifier=alias_name)
                assert found["Version"] == alias.version
                assert found["FunctionArn"].endswith(f":{name}:{alias_name}")

    # --- how it is asked and what is remembered ---

    def version(self, name: str, data: st.DataObject, *others: Any) -> Any:
        """A version, mostly of those that the function has, or one of the others."""
        known = list(self.functions[name].versions) if name in self.functions else []
        return data.draw(st.sampled_from([*known * 3, *others * 3, "$LATEST", "99"]))

    def ask(self, expected: str | None, operation: Callable[..., Any], *args: Any, **request: Any) -> Any:
        """The answer, or None when the request was refused as expected."""
        answer, code = None, None
        try:
            answer = operation(*args, **request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code == expected, request
        return answer

    def refusal(self, name: str, condition: str) -> str | None:
        if name not in self.functions:
            return NOT_FOUND
        return PRECONDITION if condition == "wrong" else None

    def condition(self, name: str, condition: str) -> dict[str, str]:
        function = self.functions.get(name)
        if condition == "right" and function is not None:
            return {"RevisionId": function.latest.revision}
        return {"RevisionId": "wrong"} if condition == "wrong" else {}

    def update(
        self,
        name: str,
        condition: str,
        operation: Callable[..., Any],
        change: Callable[[Version], Version],
        *,
        publish: bool = False,
        **request: Any,
    ) -> None:
        expected = self.refusal(name, condition)
        answer = self.ask(expected, operation, FunctionName=name, **request, **self.condition(name, condition))
        if answer is None:
            return
        function = self.functions[name]
        function.latest = change(function.latest)
        self.settled(name)
        if publish:
            assert answer["Version"] == self.published(name, newly_updated=True)

    def settled(self, name: str) -> None:
        """Wait for `$LATEST`, which has a revision that nothing had before."""
        function = self.functions[name]
        revision = settle(self.client, name)["RevisionId"]
        assert revision not in {function.latest.revision, *(one.revision for one in function.versions.values())}
        function.latest = replace(function.latest, revision=revision)

    def published(self, name: str, description: str | None = None, *, newly_updated: bool = False) -> str:
        """`$LATEST` was published: which version that is. Publishing the same again is the version that there is.

        Args:
            newly_updated: it was published as part of an update, whose revision the model knows already.
        """
        function = self.functions[name]
        newest = function.newest
        if newest is not None and function.versions[newest].published_from == function.latest.frozen:
            return newest
        function.last_number += 1
        number = str(function.last_number)
        waiter = self.client.get_waiter("published_version_active")
        waiter.wait(FunctionName=name, Qualifier=number, WaiterConfig=PATIENTLY)
        shown = self.client.get_function_configuration(FunctionName=name, Qualifier=number)
        function.versions[number] = replace(
            function.latest,
            description=function.latest.description if description is None else description,
            revision=shown["RevisionId"],
            published_from=function.latest.frozen,
        )
        latest = self.client.get_function_configuration(FunctionName=name)["RevisionId"]
        assert latest != shown["RevisionId"]
        assert newly_updated or latest != function.latest.revision
        function.latest = replace(function.latest, revision=latest)
        return number


def _shown(item: dict[str, Any]) -> Version:
    return Version(SHA256.index(item["CodeSha256"]), item["Timeout"], item["Description"], item["RevisionId"])


def _alias(item: dict[str, Any]) -> Alias:
    second = next(iter(item.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})), None)
    return Alias(item["FunctionVersion"], item["Description"], second, item["RevisionId"])


def _routing(second: str | None) -> dict[str, Any]:
    return {} if second is None else {"RoutingConfig": {"AdditionalVersionWeights": {second: 0.5}}}


def _of_routing(alias: Alias) -> str | None:
    """The code of the refusal of what no alias can be, whatever versions there are."""
    if alias.second == "$LATEST":
        return "ValidationException"
    if alias.second is not None and alias.version in {"$LATEST", alias.second}:
        return INVALID
    return None


@pytest.mark.slow
def test_functions_versions_and_aliases_live_as_the_model_says(control_client: Any) -> None:
    class LifeHere(Life):
        client = control_client

    run_state_machine_as_test(
        LifeHere,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
