"""What a function can't be: limits, environment, role, runtime, code, and in which order that is said.

Rows of quotas.md sections 2 and 3 and of api-errors.md section 5 ("Rejections"); recorded from AWS where a test says no
other source. Other rows are golden answers (test_golden_answers).
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, package, refusal, settle
from tests.api.function_requests import INVALID, VALIDATION, make, refused, refused_update

pytestmark = pytest.mark.root


class TestRanges:
    """quotas.md section 2: (what is too much, what is just allowed)."""

    @pytest.mark.parametrize(
        ("bad", "code", "text"),
        [
            ({"MemorySize": 127}, VALIDATION, "at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"),
            ({"MemorySize": 32769}, VALIDATION, "at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 32768"),
            ({"MemorySize": 10241}, INVALID, "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"),
            ({"Timeout": 0}, VALIDATION, "at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"),
            ({"Timeout": 901}, VALIDATION, "at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"),
            ({"EphemeralStorage": {"Size": 511}}, VALIDATION, "at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512"),
            ({"EphemeralStorage": {"Size": 10241}}, VALIDATION, "at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value less than or equal to 10240"),
            ({"EphemeralStorage": {}}, VALIDATION, "Value null at 'ephemeralStorage.size' failed to satisfy constraint: Member must not be null"),
            ({"Description": 257 * "x"}, VALIDATION, "at 'description' failed to satisfy constraint: Member must have length less than or equal to 256"),
            ({"Handler": 129 * "x"}, VALIDATION, "at 'handler' failed to satisfy constraint: Member must have length less than or equal to 128"),
            ({"Handler": ""}, VALIDATION, r"Value '' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\s]+"),
            ({"Handler": "a b"}, VALIDATION, r"Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\s]+"),
            ({"TracingConfig": {"Mode": "On"}}, VALIDATION, "Value 'On' at 'tracingConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: ["),
            ({"Environment": {"Variables": {"A": ""}}}, VALIDATION, "Map keys must satisfy constraint"),
            ({"Environment": {"Variables": {"1A": ""}}}, VALIDATION, "Map keys must satisfy constraint"),
            ({"Environment": {"Variables": {"A-B": ""}}}, VALIDATION, "Map keys must satisfy constraint"),
        ],
    )  # fmt: skip
    def test_too_little_or_too_much(self, client: Any, bad: dict[str, Any], code: str, text: str) -> None:
        assert refused(client, **bad)[0] == code
        assert text in refused(client, **bad)[1]
        make(client)
        assert refused_update(client, **bad)[0] == code

    def test_the_most_that_a_function_may_have(self, client: Any) -> None:
        most = {
            "MemorySize": 10_240,
            "Timeout": 900,
            "EphemeralStorage": {"Size": 10_240},
            "Description": 256 * "x",
            "Handler": 128 * "x",
            "TracingConfig": {"Mode": "Active"},
            "Environment": {"Variables": {"KEY": (4096 - len('{"KEY":""}')) * "x"}},
        }
        shown = make(client, **most, Tags={f"key{number}": "" for number in range(50)})
        assert {name: shown[name] for name in most} == most

    def test_the_least(self, client: Any) -> None:
        least = {"MemorySize": 128, "Timeout": 1, "EphemeralStorage": {"Size": 512}, "Description": "", "Handler": "x"}
        shown = make(client, **least)
        assert {name: shown[name] for name in least} == least

    def test_the_name_of_a_function(self, client: Any) -> None:
        code, text = refused(client, FunctionName=65 * "a")
        assert (code, text.split(": ", 1)[0]) == (INVALID, "1 validation error detected")
        assert refused(client, FunctionName=141 * "a")[0] == VALIDATION
        assert refused(client, FunctionName="a.b")[0] == VALIDATION
        assert create(client, FunctionName=64 * "a")["FunctionName"] == 64 * "a"

    def test_51_tags(self, client: Any) -> None:
        tags = {f"key{number}": "" for number in range(51)}
        assert refused(client, Tags=tags) == (INVALID, "Number of tags exceeds resource tag limit.")


class TestEnvironment:
    RESERVED = (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    )  # fmt: skip
    SETTABLE = (
        "LANG", "PATH", "LD_LIBRARY_PATH", "NODE_PATH", "PYTHONPATH", "GEM_PATH", "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS", "TZ",
    )  # fmt: skip

    def test_every_reserved_key_is_refused_by_name(self, client: Any) -> None:
        """Source: quotas.md section 2. Names that begin with _ don't pass the model's pattern."""
        for key in self.RESERVED:
            code, text = refused(client, Environment={"Variables": {key: "x", "MINE": "y"}})
            if key.startswith("_"):
                assert code == VALIDATION
            else:
                assert (code, text) == (
                    INVALID,
                    (
                        "Lambda was unable to configure your environment variables because the environment variables you "
                        "have provided contains reserved keys that are currently not supported for modification. Reserved "
                        f"keys used in this request: {key}"
                    ),
                )

    def test_what_the_runtime_sets_may_be_set(self, client: Any) -> None:
        variables = dict.fromkeys(self.SETTABLE, "x")
        assert make(client, Environment={"Variables": variables})["Environment"] == {"Variables": variables}

    def test_it_is_there_when_it_was_sent(self, client: Any) -> None:
        assert "Environment" not in create(client, FunctionName="without")
        assert create(client, Environment={})["Environment"] == {"Variables": {}}


class TestRejections:
    """Rows of api-errors.md section 5 that stand for themselves; others are in errors.json (test_golden_answers)."""

    @pytest.mark.parametrize("role", ["", "r1", "arn:aws:iam::1:role/r", "arn:aws:iam::123456789012:user/u"])
    def test_a_role_is_the_arn_of_a_role(self, client: Any, role: str) -> None:
        code, text = refused(client, Role=role)
        assert code == VALIDATION
        assert f"Value '{role}' at 'role' failed to satisfy constraint: Member must satisfy regular expression" in text
        make(client)
        assert refused_update(client, Role=role)[0] == VALIDATION

    @pytest.mark.parametrize("architectures", [["arm64"], ["x86_64", "arm64"], ["sparc"], []])
    def test_architectures(self, client: Any, architectures: list[str]) -> None:
        """A foreign one is refused by us: what is declared runs or the request fails."""
        code, text = refused(client, Architectures=architectures)
        if architectures == ["arm64"]:
            assert (code, "can't run on this host, which is x86_64" in text) == (INVALID, True)
        else:
            assert (code, "at 'architectures'" in text) == (VALIDATION, True)

    @pytest.mark.parametrize(
        "runtime", ["java8", "go1.x", "provided", "ruby2.7", "nodejs14.x", "nodejs12.x", "python3.7", "dotnetcore3.1"]
    )
    def test_blocked_runtimes(self, client: Any, runtime: str) -> None:
        text = (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
        assert refused(client, Runtime=runtime) == (INVALID, text)

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            ({}, "Please provide a source for function code."),
            (
                {"ZipFile": b"no zip"},
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
            ),
            ({"ZipFile": b"PK\5\6" + bytes(18)}, "Uploaded file must be a non-empty zip"),
            (
                {"ZipFile": package(), "S3Bucket": "bucket", "S3Key": "key"},
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            ),
        ],
    )
    def test_code_that_is_none(self, client: Any, code: dict[str, Any], text: str) -> None:
        """Source: observed but for the second, which is recorded."""
        assert refused(client, Code=code) == (INVALID, text)

    @pytest.mark.parametrize("name", ["S3Bucket", "S3Key", "S3ObjectVersion"])
    def test_lengths_of_a_place_in_s3(self, client: Any, name: str) -> None:
        """Source: quotas.md section 3."""
        place = {"S3Bucket": "bucket", "S3Key": "key", name: "x" * (64 if name == "S3Bucket" else 1025)}
        code, text = refused(client, Code=place)
        assert (code, f"at 'code.s3{name[2:]}'" in text) == (VALIDATION, True), text

    def test_a_handler_that_isnt_in_the_package_is_accepted(self, client: Any) -> None:
        assert make(client, Handler="missing.module")["State"] == "Active"


class TestOrder:
    """api-errors.md section 15: constraints, names, arguments, existence, what is referred to, quotas."""

    LAYER = "arn:aws:lambda:eu-west-1:{}:layer:missing:1"

    def test_of_create_function(self, client: Any, account: str) -> None:
        make(client)
        wrong: dict[str, Any] = {
            "Handler": "",
            "FunctionName": 65 * "a",
            "Runtime": "python9",
            "Layers": [self.LAYER.format(account)],
            "Code": {"ZipFile": b"no zip"},
        }
        repaired: list[tuple[str, Any, str]] = [
            ("Handler", "index.handler", "at 'handler'"),
            ("FunctionName", "my-function", "at 'functionName'"),
            ("Runtime", "python3.13", "Value python9 at 'runtime'"),
            ("FunctionName", "other", "Function already exist"),
            ("Layers", [], "Layer version "),
            ("Code", {"ZipFile": package()}, "Could not unzip"),
        ]
        for member, value, text in repaired:
            with pytest.raises(ClientError) as error:
                create(client, **wrong)
            assert text in refusal(error)[1]
            wrong[member] = value
        assert create(client, **wrong)["FunctionName"] == "other"

    def test_of_update_function_configuration(self, client: Any, account: str) -> None:
        make(client)
        wrong: dict[str, Any] = {
            "Handler": "",
            "Environment": {"Variables": {"KEY": 4096 * "x"}},
            "FunctionName": "missing",
            "SnapStart": {"ApplyOn": "PublishedVersions"},
            "Layers": [self.LAYER.format(account)],
            "RevisionId": "other",
        }
        repaired: list[tuple[str, Any, str]] = [
            ("Handler", "other.handler", "at 'handler'"),
            ("Environment", {}, "4KB limit"),
            ("FunctionName", "my-function", "Function not found"),
            ("SnapStart", {"ApplyOn": "None"}, "SnapStart.ApplyOn=PublishedVersions is not supported"),
            ("Layers", [], "Layer version "),
            ("RevisionId", None, "The Revision Id provided does not match"),
        ]
        for member, value, text in repaired:
            with pytest.raises(ClientError) as error:
                client.update_function_configuration(**wrong)
            assert text in refusal(error)[1]
            wrong[member] = value
        client.update_function_configuration(**wrong)
        assert settle(client)["Handler"] == "other.handler"
