"""What is in the document of a resource policy: parsed, with IAM's grammar checked, for who decides by it.

Nothing in Lambent decides by the policies of functions yet (`honesty`); layers do by theirs. Which documents
PutResourcePolicy accepts is IAM's grammar as it is documented, less what can't mean anything for one function:
`NotResource`, `NotPrincipal` in a statement that allows, principals of S3 only, and resources that aren't the function.

Source: IAM user guide, "Grammar of the IAM JSON policy language"; Lambda developer guide, "Working with resource-based
IAM policies". That AWS says InvalidParameterValueException is the API model's; its texts are unverified.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from lambent.core.errors import InvalidParameterValue, PublicPolicy
from lambent.core.principals import EVERYBODY, is_identity, is_service
from lambent.core.strict_json import parse_strict

_TOP_LEVEL: Final = frozenset({"Version", "Id", "Statement"})
_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_OF_STATEMENT: Final = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition"}
)
# What RemovePermission's StatementId can say, or nothing.
_SID: Final = re.compile(r"[a-zA-Z0-9_.-]{0,100}")
_ACTION: Final = re.compile(r"\*|lambda:[a-zA-Z*?]+", re.IGNORECASE)
_OPERATOR: Final = re.compile(
    r"(?:ForAllValues:|ForAnyValue:)?(?P<name>"
    r"String(?:Not)?Equals(?:IgnoreCase)?|String(?:Not)?Like|Arn(?:Not)?(?:Equals|Like)|Bool|BinaryEquals|Null"
    r"|(?:Numeric|Date)(?:(?:Not)?Equals|(?:Less|Greater)Than(?:Equals)?)|(?:Not)?IpAddress"
    r")(?:IfExists)?"
)
_LIMITING_OPERATORS: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"})
_LIMITING_KEYS: Final = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "lambda:eventsourcetoken",
    }
)
_OF_ONE_ACCOUNT: Final = re.compile(r"arn:[^*?:]+:[^*?:]+:[^:]*:[0-9]{12}:.+")


@dataclass(frozen=True, slots=True)
class Principals:
    """Who a statement is about.

    Attributes:
        aws: `*` for everybody, accounts, and ARNs or unique ids of their users, roles and sessions.
        services: `s3.amazonaws.com`.
        federated: identity providers.
        others: the statement is about everybody but these (`NotPrincipal`).
    """

    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()
    others: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a statement: all of its statement's must hold, one of the values must match."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def limits(self) -> bool:
        """Whether it keeps callers that nobody has thought of out: who or where they come from is fixed."""
        return (
            self.operator in _LIMITING_OPERATORS
            and self.key.lower() in _LIMITING_KEYS
            and all(not re.search("[*?]", value) or _OF_ONE_ACCOUNT.fullmatch(value) for value in self.values)
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        actions: `lambda:InvokeFunction`, with `*` and `?` as wildcards, upper case or lower.
        other_actions: it is about all actions but these (`NotAction`).
    """

    sid: str | None
    effect: Literal["Allow", "Deny"]
    principals: Principals
    actions: tuple[str, ...]
    other_actions: bool
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @property
    def is_public(self) -> bool:
        """Whether it allows anything to everybody, whoever and wherever they are.

        Source: S3 user guide, "The meaning of public", without its ranges of addresses; unverified for Lambda.
        """
        return (
            self.effect == "Allow"
            and EVERYBODY in self.principals.aws
            and not any(condition.limits for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A policy's document."""

    statements: tuple[Statement, ...]


def parse_document(text: str) -> Document:
    """Understand a document.

    Raises:
        InvalidParameterValue: it isn't a resource policy; says the first thing that is wrong.
    """
    try:
        document = parse_strict(text)
    except ValueError as error:
        raise _malformed("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise _malformed("The policy must be a JSON object")
    _check_keys(document, _TOP_LEVEL, "the policy")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise _malformed(f"The policy must contain a valid version string: {' or '.join(_VERSIONS)}")
    if not isinstance(document.get("Id", ""), str):
        raise _malformed("Id must be a string")
    listed = document.get("Statement")
    members: list[Any] = listed if isinstance(listed, list) else [listed]
    if not members or not all(isinstance(member, dict) for member in members):
        raise _malformed("Missing required field Statement, an object or a list of at least one")
    statements = tuple(_statement(member) for member in members)
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) != len(set(sids)):
        raise _malformed("Statement IDs (SID) in a single policy must be unique")
    return Document(statements)


def check_resources(document: Document, arn: str) -> None:
    """Raises InvalidParameterValue when a statement isn't about the resource that the policy is put on.

    Args:
        arn: that resource's; a statement names it, or has a pattern with `*` and `?` that it matches.
    """
    for statement in document.statements:
        for resource in statement.resources:
            if not fnmatchcase(arn, resource.replace("[", "[[]")):
                raise _malformed(f"Policy has invalid resource {resource}, which must be {arn}")


def check_not_public(document: Document) -> None:
    """Raises PublicPolicy when a statement lets everybody in. Source of the text: observed (2024), its end is ours."""
    for statement in document.statements:
        if statement.is_public:
            raise PublicPolicy(
                "Lambda blocked the creation of this policy because it would grant public access to your function. "
                "If this is intentional, start the server without the setting block_public_policies."
            )


def _statement(document: Mapping[str, Any]) -> Statement:
    _check_keys(document, _OF_STATEMENT, "a statement")
    sid = document.get("Sid")
    if sid is not None and (not isinstance(sid, str) or not _SID.fullmatch(sid)):
        raise _malformed(f"Statement IDs (SID) must match {_SID.pattern}")
    effect = document.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise _malformed("Missing required field Effect, Allow or Deny")
    principal_key = _one_of(document, "Principal", "NotPrincipal")
    if principal_key == "NotPrincipal" and effect == "Allow":
        raise _malformed("NotPrincipal is only possible with Effect Deny")
    action_key = _one_of(document, "Action", "NotAction")
    actions = _texts(document[action_key], action_key)
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise _malformed(f"Policy has invalid action {action}, which must be one of lambda")
    return Statement(
        sid=sid,
        effect=effect,
        principals=_principals(document[principal_key], others=principal_key == "NotPrincipal"),
        actions=actions,
        other_actions=action_key == "NotAction",
        resources=_texts(document.get("Resource"), "Resource"),
        conditions=tuple(_conditions(document.get("Condition", {}))),
    )


def _principals(document: object, *, others: bool) -> Principals:
    if document == EVERYBODY:
        return Principals(aws=(EVERYBODY,), others=others)
    if not isinstance(document, dict) or not document:
        raise _malformed("Invalid principal in policy")
    _check_keys(document, frozenset({"AWS", "Service", "Federated"}), "a principal")
    found = {kind: _texts(names, "Principal") for kind, names in document.items()}
    for kind, names in found.items():
        for name in names:
            if not _is_principal(kind, name):
                raise _malformed(f'Invalid principal in policy: "{kind}":"{name}"')
    return Principals(found.get("AWS", ()), found.get("Service", ()), found.get("Federated", ()), others)


def _is_principal(kind: str, name: str) -> bool:
    if kind == "AWS":
        return name == EVERYBODY or is_identity(name)
    return is_service(name) if kind == "Service" else name != EVERYBODY


def _conditions(document: object) -> Iterable[Condition]:
    if not isinstance(document, dict):
        raise _malformed("Condition must be an object")
    for operator, keys in document.items():
        if not _OPERATOR.fullmatch(operator):
            raise _malformed(f"Invalid Condition type : {operator}")
        if not isinstance(keys, dict) or not keys:
            raise _malformed(f"Condition {operator} must have keys")
        for key, values in keys.items():
            yield Condition(operator, key, _values(values, key))


def _values(value: object, key: str) -> tuple[str, ...]:
    """The values of a condition, which IAM has as texts, also when they are written as JSON's numbers or booleans."""
    members = value if isinstance(value, list) else [value]
    if not members or not all(isinstance(member, str | bool | int | float) for member in members):
        raise _malformed(f"Condition key {key} must have a value, or a list of at least one")
    return tuple(member if isinstance(member, str) else json.dumps(member) for member in members)


def _texts(value: object, member: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise _malformed(f"Policy statement must contain {member}, a string or a list of at least one")
    return tuple(texts)


def _one_of(document: Mapping[str, Any], member: str, negated: str) -> str:
    given = [key for key in (member, negated) if key in document]
    if len(given) != 1:
        raise _malformed(f"Policy statement must contain either {member} or {negated}")
    return given[0]


def _check_keys(document: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(document) - known)
    if unknown:
        raise _malformed(f"{unknown[0]} is not supported in {where}")


def _malformed(reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"The policy document is not valid. {reason}.")
