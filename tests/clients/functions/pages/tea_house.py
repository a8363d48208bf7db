"""A small web site: a page with a form, its data, and what the visitor's cookie says."""

import base64
import json
import os
from html import escape
from urllib.parse import parse_qs

PAGE = """<!doctype html><meta charset="utf-8"><title>Teehaus</title>
<style>body {{ font: 16px sans-serif; margin: 2em }} td {{ padding: .2em 1em; border: 1px solid #999 }}</style>
<h1>Teehaus 茶</h1>
<table>
<tr><td>from here<td id="own">
<tr><td>from another function<td id="other">
<tr><td>from one without CORS<td id="closed">
<tr><td>from Lambent's own API<td id="api">
</table>
<form method="post" action="/orders"><input name="item"><button>Order</button></form>
<script>
const show = async (name, request) => {{
  let text;
  try {{ text = JSON.stringify(await (await request()).json()); }} catch (error) {{ text = `${{error.name}}`; }}
  document.getElementById(name).textContent = text;
}};
const signed = {{ Authorization: "AWS4-HMAC-SHA256 Credential=1/2/us-east-1/lambda/aws4_request" }};
const put = {{ method: "PUT", headers: {{ "x-own": "1", "content-type": "application/json" }}, body: '{{"a": "ä"}}' }};
Promise.all([
  show("own", () => fetch("/data")),
  show("other", () => fetch({other} + "data", put)),
  show("closed", () => fetch({closed} + "data")),
  show("api", () => fetch({api} + "/2015-03-31/functions/", {{ headers: signed }})),
]).then(() => document.body.append("ready"));
</script>"""


def handler(event, context):
    http = event["requestContext"]["http"]
    body = event.get("body", "")
    if event["isBase64Encoded"]:
        body = base64.b64decode(body).decode()
    page = {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}}
    if http["path"] == "/data":
        return {"function": context.function_name, "method": http["method"], "body": body}
    if http["path"] == "/orders" and http["method"] == "POST":
        item = parse_qs(body)["item"][0]
        cookies = [f"item={item.encode().hex()}; Path=/; HttpOnly; SameSite=Lax", "seen=1"]
        return {"statusCode": 303, "headers": {"Location": "/thanks"}, "cookies": cookies}
    if http["path"] == "/thanks":
        cookies = dict(cookie.split("=", 1) for cookie in event.get("cookies", []))
        item = bytes.fromhex(cookies["item"]).decode()
        return page | {"body": f"<!doctype html><h1>One {escape(item)} for you</h1>"}
    if http["path"] == "/":
        addresses = {name: json.dumps(os.environ.get(name.upper(), "")) for name in ("other", "closed", "api")}
        return page | {"body": PAGE.format(**addresses)}
    return {"statusCode": 404, "body": "{}"}
