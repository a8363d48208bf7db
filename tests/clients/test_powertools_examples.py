"""Examples of Powertools for AWS Lambda as they are: cut out of the docstrings of the package that PyPI has.

What each utility does beyond its examples is in test_powertools.py.
"""

import ast
import base64
import contextlib
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import python_libraries, zip_of_folder
from tests.companion.conftest import Account
from tests.function_urls.conftest import Url
from tests.lambent_server import LambentServer, create_function

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(420)]

ACCOUNT = "300000000003"
PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?", re.MULTILINE)
NO_HANDLER = """\
def handler(event, context):
    with open("example.py") as example:
        exec(example.read(), {})
"""

Deploy = Callable[..., None]
Invoke = Callable[..., tuple[Any, str | None, str]]


@pytest.fixture(scope="module")
def libraries() -> Path:
    """The package and what it needs, as test_powertools.py has them."""
    return python_libraries("powertools", "aws-lambda-powertools[all]==3.37.0", "aws-xray-sdk==2.15.0")


@pytest.fixture(scope="module")
def aws(lambent: LambentServer) -> Account:
    return Account(lambent, ACCOUNT)


@pytest.fixture(scope="module")
def layer(aws: Account, libraries: Path) -> str:
    package = zip_of_folder(libraries, "python", without=("bin", "installed", "__pycache__"))
    published: dict[str, str] = aws.client("lambda").publish_layer_version(
        LayerName="powertools", Content={"ZipFile": package}, CompatibleRuntimes=["python3.13"]
    )
    return published["LayerVersionArn"]


def docstring(libraries: Path, module: str, name: str) -> str:
    tree = ast.parse((libraries / "aws_lambda_powertools" / module).read_text(encoding="utf-8"))
    documented = (ast.ClassDef, ast.FunctionDef)
    named = (node for node in ast.walk(tree) if isinstance(node, documented) and node.name == name)
    (found,) = filter(None, map(ast.get_docstring, named))  # overloads have none
    return found


def fenced(libraries: Path, module: str, name: str) -> str:
    """The first example between fences; one forgets to close its own."""
    return docstring(libraries, module, name).partition("```python\n")[2].partition("```")[0]


def indented(libraries: Path, module: str, name: str, heading: str) -> str:
    """The example below a heading, without the prompts that some have, and what they answer."""
    below = docstring(libraries, module, name).partition(f"**{heading}**\n\n")[2]
    lines = []
    for line in below.splitlines():
        if line and not line.startswith(" "):
            break
        lines.append(line)
    code = textwrap.dedent("\n".join(lines))
    if not code.startswith(">>> "):
        return code
    typed = [line for line in code.splitlines() if line.startswith((">>>", "...", " "))]  # the rest is what is answered
    return PROMPT.sub("", "\n".join(typed))


@pytest.fixture
def deploy(aws: Account, layer: str) -> Iterator[Deploy]:
    client = aws.client("lambda")
    names = []

    def deployed(name: str, source: str, *, handler: str = "example.handler", **variables: str) -> None:
        files = {"example.py": source, "app.py": NO_HANDLER}
        create_function(
            client,
            name,
            files,
            seconds=120,  # the first one has the layer unpacked
            Handler=handler,
            Layers=[layer],
            MemorySize=512,
            Timeout=60,
            Environment={"Variables": variables} if variables else {},
        )
        names.append(name)

    yield deployed
    for name in names:
        client.delete_function(FunctionName=name)


@pytest.fixture
def invoke(aws: Account) -> Invoke:
    """What a function answers, its error, and its log."""
    client = aws.client("lambda")

    def invoked(name: str, event: object) -> tuple[Any, str | None, str]:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        return json.load(answer["Payload"]), answer.get("FunctionError"), log

    return invoked


def json_lines(log: str) -> list[Any]:
    found = []
    for line in log.splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def test_logger(libraries: Path, deploy: Deploy, invoke: Invoke) -> None:
    heading = "Append payment_id to previously setup logger"
    deploy("logger", indented(libraries, "logging/logger.py", "Logger", heading))
    answer, error, log = invoke("logger", {"payment_id": "p-1"})
    assert (answer, error) == (None, None), log
    (line,) = json_lines(log)
    assert (line["message"], line["service"], line["payment_id"]) == ("Hello", "payment", "p-1")


def test_logger_with_the_context(libraries: Path, deploy: Deploy, invoke: Invoke) -> None:
    heading = "Captures Lambda contextual runtime info and logs incoming request"
    deploy("context", indented(libraries, "logging/logger.py", "inject_lambda_context", heading))
    _, error, log = invoke("context", {"a": 1})
    assert error is None, log
    event, line = json_lines(log)
    assert event["message"] == {"a": 1}
    assert (line["function_name"], line["cold_start"]) == ("context", True)


def test_tracer_and_metrics(libraries: Path, deploy: Deploy, invoke: Invoke) -> None:
    heading = "Lambda function using tracer and metrics decorators"
    source = indented(libraries, "metrics/base.py", "log_metrics", heading)
    deploy("metrics", source, POWERTOOLS_METRICS_NAMESPACE="Shop")
    answer, error, log = invoke("metrics", {})
    assert (answer, error) == (None, None), log


def test_batch(libraries: Path, deploy: Deploy, invoke: Invoke) -> None:
    source = fenced(libraries, "utilities/batch/base.py", "BatchProcessor")
    deploy("batch", source, handler="example.lambda_handler")
    records = [{"messageId": f"m-{body}", "body": body, "eventSource": "aws:sqs"} for body in ("1", "{", "[]")]
    answer, error, log = invoke("batch", {"Records": records})
    assert (answer, error) == ({"batchItemFailures": [{"itemIdentifier": "m-{"}]}, None), log


def test_idempotency(libraries: Path, deploy: Deploy, invoke: Invoke, aws: Account) -> None:
    database = aws.client("dynamodb")
    database.create_table(
        TableName="idempotency_store",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    heading = "Processes Lambda's event in an idempotent manner"
    deploy("idempotent", indented(libraries, "utilities/idempotency/idempotency.py", "_idempotent", heading))
    for body in ("a", "b", "a"):
        answer, error, log = invoke("idempotent", {"body": body})
        assert (answer, error) == ({"StatusCode": 200}, None), log
    rows = database.scan(TableName="idempotency_store")["Items"]
    assert [row["status"]["S"] for row in rows] == ["COMPLETED"] * 2


def test_parameters(libraries: Path, deploy: Deploy, invoke: Invoke, aws: Account) -> None:
    aws.client("ssm").put_parameter(Name="/my/parameter", Value="My parameter value", Type="String")
    heading = "Retrieves a parameter value from Systems Manager Parameter Store"
    source = indented(libraries, "utilities/parameters/ssm.py", "SSMProvider", heading)
    deploy("parameters", source, handler="app.handler")
    _, error, log = invoke("parameters", {})
    assert error is None, log
    assert "\nMy parameter value\n" in log


def test_event_handler(libraries: Path, deploy: Deploy, aws: Account) -> None:
    source = fenced(libraries, "event_handler/lambda_function_url.py", "LambdaFunctionUrlResolver")
    deploy("urls", source, handler="example.lambda_handler")
    config = aws.client("lambda").create_function_url_config(FunctionName="urls", AuthType="NONE")
    url = Url(config["FunctionUrl"])
    assert url("GET", "/get-call").json == {"message": "Foo"}
    posted = url("POST", "/post-call", b'{"name": "Ada"}', content_type="application/json")
    assert posted.json == {"message": {"name": "Ada"}}
    assert url("GET", "/nothing").status == 404
    url.connection.close()
