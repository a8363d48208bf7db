"""A web site behind a function URL in a real browser: Chromium, as npm has it for functions themselves."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import node_modules
from tests.lambent_server import LambentServer, create_function

pytestmark = [pytest.mark.root, pytest.mark.slow]

FUNCTION = Path(__file__).parent / "functions" / "pages" / "tea_house.py"
CHROMIUM = ("@sparticuz/chromium@153.0.0", "puppeteer-core@24.43.1")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.timeout(420)
def test_a_visit_to_a_web_site(lambent: LambentServer, client: Any, account: str, tmp_path: Path) -> None:
    modules = node_modules("browser", *CHROMIUM)
    source = {"app.py": FUNCTION.read_bytes()}

    def site(name: str, **settings: Any) -> str:
        create_function(client, name, source)
        config = client.create_function_url_config(FunctionName=name, AuthType="NONE", **settings)
        address: str = config["FunctionUrl"]
        return address

    page = site("page")
    origin = page.removesuffix("/")
    cors = {"AllowOrigins": [origin], "AllowMethods": ["PUT"], "AllowHeaders": ["x-own", "content-type"]}
    addresses = {"OTHER": site("other", Cors=cors), "CLOSED": site("closed"), "API": lambent.url}
    client.update_function_configuration(FunctionName="page", Environment={"Variables": addresses})
    client.get_waiter("function_updated_v2").wait(FunctionName="page", WaiterConfig={"Delay": 1})

    program = modules / f"{account}.mjs"  # a module finds packages beside itself
    shutil.copy(Path(__file__).with_name("browser.mjs"), program)
    picture = tmp_path / "page.png"
    environment = {**os.environ, "TMPDIR": str(modules), "PAGE": page, "PICTURE": str(picture)}
    ended = subprocess.run(
        ["node", str(program)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    program.unlink()
    assert ended.returncode == 0, ended.stderr
    assert picture.read_bytes().startswith(PNG)
    seen = json.loads(ended.stdout)
    assert json.loads(seen.pop("own")) == {"function": "page", "method": "GET", "body": ""}
    assert json.loads(seen.pop("other")) == {"function": "other", "method": "PUT", "body": '{"a": "ä"}'}
    assert seen == {
        "closed": "TypeError",  # a browser's word for "no Access-Control-Allow-Origin"
        "api": "TypeError",
        "address": f"{page}thanks",
        "thanks": "One Grüntee & Kuchen for you",
        "cookies": [["item", True], ["seen", False]],
    }
