"""Which function and which version a request names: api-errors.md section 4."""

import json
from typing import Any

import pytest

from tests.golden import assert_answer, sample
from tests.invoke.caller import Caller
from tests.lambent_server import create_function, wait_until_active, zip_of

WHO = """\
TEXT = %r

def handler(event, context):
    return {"text": TEXT, "version": context.function_version, "arn": context.invoked_function_arn}
"""


@pytest.fixture
def versioned(client: Any) -> str:
    """Version 1 says "one", $LATEST says "two"."""
    create_function(client, "fn", WHO % "one")
    client.publish_version(FunctionName="fn")
    client.update_function_code(FunctionName="fn", ZipFile=zip_of({"app.py": WHO % "two"}))
    wait_until_active(client, "fn")
    return "fn"


def test_each_version_runs_its_own_code_and_is_named_in_the_answer(caller: Caller, versioned: str) -> None:
    for qualifier, version, text in ((None, "$LATEST", "two"), ("$LATEST", "$LATEST", "two"), ("1", "1", "one")):
        answer = caller.invoke(versioned, qualifier=qualifier)
        assert answer.headers["x-amz-executed-version"] == version
        assert json.loads(answer.body) == {
            "text": text,
            "version": version,
            "arn": caller.arn(versioned, qualifier),  # as the caller named it: invocation.md (recorded)
        }


def test_versions_and_latest_have_environments_of_their_own(caller: Caller, client: Any) -> None:
    """A version published from $LATEST has the same code, but not the same environment."""
    create_function(client, "fn", WHO % "same")
    client.publish_version(FunctionName="fn")
    assert caller.result("fn")["version"] == "$LATEST"
    assert caller.result("fn", qualifier="1")["version"] == "1"
    assert caller.result("fn")["version"] == "$LATEST"


@pytest.mark.parametrize(
    "form",
    ["fn", "{arn}", "{account}:function:fn", "function:fn", "{region}:{account}:function:fn", "{account}:fn"],
)
def test_every_form_of_a_name_is_understood_with_and_without_a_qualifier(
    caller: Caller, versioned: str, form: str
) -> None:
    name = form.format(arn=caller.arn("fn"), account=caller.account, region=caller.region)
    assert caller.result(name)["version"] == "$LATEST"
    assert caller.result(f"{name}:1")["version"] == "1"
    assert caller.result(name, qualifier="1")["arn"] == caller.arn("fn", "1")
    assert caller.result(f"{name}:1", qualifier="1")["version"] == "1"


def test_boto3_sends_names_and_arns_that_are_understood(client: Any, caller: Caller, versioned: str) -> None:
    for name in ("fn", caller.arn("fn"), caller.arn("fn", "1")):
        answer = client.invoke(FunctionName=name, Payload=b"{}")
        assert answer["StatusCode"] == 200
        assert answer["ExecutedVersion"] == ("1" if name.endswith(":1") else "$LATEST")
        assert "FunctionError" not in answer


def test_two_qualifiers_that_differ_are_refused(caller: Caller, versioned: str) -> None:
    answer = caller.invoke("fn:1", qualifier="$LATEST")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")
    assert json.loads(answer.body) == {
        "Type": "User",
        "message": "The derived qualifier from the function name does not match the specified qualifier.",
    }


@pytest.mark.parametrize("qualifier", ["2", "live"])
def test_a_version_or_alias_that_isnt_there_is_named(caller: Caller, versioned: str, qualifier: str) -> None:
    golden = sample("invoke", "Invoke", "alias does not exist")
    for name, separate in ((versioned, qualifier), (f"{versioned}:{qualifier}", None)):
        answer = caller.invoke(name, qualifier=separate)
        expected = golden.body["Message"].replace("non-existent-alias", qualifier)
        assert_answer(
            type(golden)(**{**vars(golden), "body": {**golden.body, "Message": expected}}),
            answer,
            {"function": versioned, "account": caller.account, "region": caller.region},
        )


def test_a_function_that_isnt_there_is_named_with_latest(caller: Caller) -> None:
    golden = sample("invoke", "Invoke", "function does not exist, no qualifier")
    answer = caller.invoke("doesnotexist")
    assert_answer(golden, answer, {"account": caller.account, "region": caller.region})


def test_an_arn_of_another_region_is_not_found(caller: Caller, versioned: str) -> None:
    """Source: api-errors.md section 4 (recorded)."""
    answer = caller.invoke(caller.arn("fn").replace("eu-west-1", "us-west-2"))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert json.loads(answer.body)["Message"] == (
        "Functions from 'us-west-2' are not reachable in this region ('eu-west-1')"
    )


def test_an_arn_of_another_account_is_denied(caller: Caller, versioned: str) -> None:
    answer = caller.invoke(caller.arn("fn").replace(caller.account, "999999999999"))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


def test_other_accounts_and_regions_dont_see_the_function(caller: Caller, versioned: str) -> None:
    assert Caller(caller.port, "999999999999").invoke("fn").status == 404
    assert Caller(caller.port, caller.account, region="us-west-2").invoke("fn").status == 404


def test_a_name_that_isnt_one_fails_the_models_check(caller: Caller) -> None:
    golden = sample("invoke", "Invoke", "characters not allowed in the ARN")
    name = f"arn:aws:lambda:{caller.region}:123400000000@function:myfn"
    assert_answer(golden, caller.invoke(name), {"region": caller.region})


def test_a_qualifier_that_isnt_one_fails_the_models_check(caller: Caller, versioned: str) -> None:
    answer = caller.invoke("fn", qualifier="a b")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert "Value 'a b' at 'qualifier' failed to satisfy constraint" in json.loads(answer.body)["message"]
