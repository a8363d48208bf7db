import json
from typing import Any

import pytest

from lambent.core.errors import InvalidParameterValue, PublicPolicy
from lambent.core.policy_documents import (
    Condition,
    Document,
    Principals,
    check_not_public,
    check_resources,
    parse_document,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
PLAIN = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": ARN}


def document(*statements: object, **more: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def parsed(**members: object) -> Document:
    """The document of one statement, where None takes a member away."""
    return parse_document(document(one(**members)))


def one(**members: object) -> dict[str, object]:
    return {key: value for key, value in {**PLAIN, **members}.items() if value is not None}


def test_a_document_is_taken_apart() -> None:
    statement = parsed(
        Sid="s-1",
        Effect="Deny",
        Principal=None,
        NotPrincipal={"AWS": ["123456789012", "AROAEXAMPLEEXAMPLE12"], "Service": "s3.amazonaws.com", "Federated": "x"},
        Action=None,
        NotAction=["lambda:Get*", "LAMBDA:invokefunction"],
        Condition={"ForAnyValue:StringLikeIfExists": {"aws:PrincipalOrgPaths": ["a", "b"]}, "Null": {"k": True}},
    ).statements[0]
    assert (statement.sid, statement.effect) == ("s-1", "Deny")
    assert statement.principals == Principals(
        aws=("123456789012", "AROAEXAMPLEEXAMPLE12"), services=("s3.amazonaws.com",), federated=("x",), others=True
    )
    assert (statement.actions, statement.other_actions) == (("lambda:Get*", "LAMBDA:invokefunction"), True)
    assert statement.resources == (ARN,)
    assert statement.conditions == (
        Condition("ForAnyValue:StringLikeIfExists", "aws:PrincipalOrgPaths", ("a", "b")),
        Condition("Null", "k", ("true",)),
    )


def test_one_statement_needs_no_list_and_a_document_no_version() -> None:
    assert len(parse_document(json.dumps({"Statement": PLAIN, "Id": "mine"})).statements) == 1
    assert len(parse_document(document(one(Sid=""), one(Sid=""), one())).statements) == 3


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["123456789012", "*"]}])
def test_everybody_is_written_in_several_ways(principal: object) -> None:
    assert "*" in parsed(Principal=principal).statements[0].principals.aws


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "invalid Json"),
        ('{"Statement": [], "Statement": []}', "invalid Json"),
        ('{"Statement": NaN}', "invalid Json"),
        ('{"Statement": {"Principal": {"AWS": "\\ud800"}}}', "invalid Json"),
        ("[" * 10_000, "invalid Json"),
        ("[]", "must be a JSON object"),
        (document(PLAIN, Author="me"), "Author is not supported"),
        (document(PLAIN, Version="2020-01-01"), "valid version string"),
        (document(PLAIN, Version=["2012-10-17"]), "valid version string"),
        (document(PLAIN, Id=1), "Id must be a string"),
        ("{}", "Missing required field Statement"),
        (document(), "Missing required field Statement"),
        (document("s"), "Missing required field Statement"),
        (document(one(Sid="s"), one(Sid="s")), "must be unique"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, reason: str) -> None:
    """Source: IAM user guide, "Grammar of the IAM JSON policy language"; the texts are unverified."""
    with pytest.raises(InvalidParameterValue, match=reason):
        parse_document(text)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Sid": 1}, "SID"),
        ({"Sid": "with a blank"}, "SID"),
        ({"Sid": "s" * 101}, "SID"),
        ({"NotResource": "*"}, "NotResource is not supported"),
        ({"Effect": "allow"}, "Effect"),
        ({"Effect": None}, "Effect"),
        ({"Effect": []}, "Effect"),
        ({"Principal": None}, "either Principal or NotPrincipal"),
        ({"NotPrincipal": "*"}, "either Principal or NotPrincipal"),
        ({"Principal": None, "NotPrincipal": "*"}, "only possible with Effect Deny"),
        ({"Principal": "123456789012"}, "Invalid principal"),
        ({"Principal": {}}, "Invalid principal"),
        ({"Principal": {"AWS": []}}, "must contain Principal"),
        ({"Principal": {"AWS": "nobody"}}, '"AWS":"nobody"'),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:user/*"}}, "Invalid principal"),
        ({"Principal": {"Service": "*"}}, '"Service":"\\*"'),
        ({"Principal": {"Federated": "*"}}, "Invalid principal"),
        ({"Principal": {"CanonicalUser": "x"}}, "CanonicalUser is not supported"),
        ({"Action": None}, "either Action or NotAction"),
        ({"NotAction": "*"}, "either Action or NotAction"),
        ({"Action": []}, "must contain Action"),
        ({"Action": ["s3:GetObject"]}, "invalid action s3:GetObject"),
        ({"Action": [1]}, "must contain Action"),
        ({"Resource": None}, "must contain Resource"),
        ({"Resource": ""}, "must contain Resource"),
        ({"Condition": []}, "Condition must be an object"),
        ({"Condition": {"StringIs": {"a": "b"}}}, "Invalid Condition type : StringIs"),
        ({"Condition": {"StringEquals": {}}}, "must have keys"),
        ({"Condition": {"StringEquals": "x"}}, "must have keys"),
        ({"Condition": {"StringEquals": {"a": []}}}, "key a must have a value"),
        ({"Condition": {"StringEquals": {"a": [{}]}}}, "key a must have a value"),
        ({"Condition": {"StringEquals": {"a": [None]}}}, "key a must have a value"),
    ],
)
def test_what_is_no_statement_is_refused(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParameterValue, match=reason):
        parsed(**members)


@pytest.mark.parametrize(
    "operator",
    [
        "StringEquals",
        "StringNotEqualsIgnoreCase",
        "StringNotLike",
        "NumericLessThanEquals",
        "DateGreaterThan",
        "Bool",
        "BinaryEquals",
        "NotIpAddress",
        "ArnNotLike",
        "ForAllValues:StringLikeIfExists",
    ],
)
def test_the_operators_of_iam_are_known(operator: str) -> None:
    assert parsed(Condition={operator: {"k": 1}}).statements[0].conditions == (Condition(operator, "k", ("1",)),)


@pytest.mark.parametrize("resource", [ARN, "*", "arn:aws:lambda:*:*:function:f", ARN[:-1] + "?", [ARN, "*"]])
def test_a_resource_is_the_function_or_a_pattern_of_it(resource: object) -> None:
    check_resources(parsed(Resource=resource), ARN)


@pytest.mark.parametrize("resource", [ARN + ":1", ARN + ":*", ARN.replace(":f", ":[f]"), [ARN, ARN + "x"], "f"])
def test_another_resource_is_refused(resource: object) -> None:
    with pytest.raises(InvalidParameterValue, match="invalid resource"):
        check_resources(parsed(Resource=resource), ARN)


@pytest.mark.parametrize(
    "members",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "123456789012"}},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:123456789012:*"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-1234567890"]}}},
        {"Condition": {"StringEquals": {"lambda:EventSourceToken": "token"}}},
    ],
)
def test_what_is_limited_is_not_public(members: dict[str, Any]) -> None:
    """Source: S3 user guide, "The meaning of public"; unverified for Lambda."""
    check_not_public(parsed(**members))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"Principal": {"AWS": ["123456789012", "*"]}},
        {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
        {"Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"StringLike": {"aws:SourceAccount": "*"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::b", "arn:aws:s3:::*"]}}},
    ],
)
def test_what_lets_everybody_in_is_public(members: dict[str, Any]) -> None:
    with pytest.raises(PublicPolicy, match="it would grant public access to your function"):
        check_not_public(parsed(**members))
