"""Deployment packages of templates that bring the code as text.

The text is `index`; beside it is the module by which a custom resource answers CloudFormation, as on AWS.
Source: CloudFormation user guide, AWS::Lambda::Function Code, "ZipFile"; "cfn-response module".
"""

import importlib
import io
import zipfile

# The module for Node.js; the one for Python comes with moto.
_CFN_RESPONSE_JS = """\
const { request: overHttp } = require("http");
const { request: overHttps } = require("https");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = (event, context, status, data, physicalResourceId, noEcho) => {
  const url = new URL(event.ResponseURL);
  const body = JSON.stringify({
    Status: status,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: data,
  });
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  const request = url.protocol === "https:" ? overHttps : overHttp;
  const sent = request(url, { method: "PUT", headers }, (answer) => {
    answer.resume();
    answer.on("end", () => context.done());
  });
  sent.on("error", (error) => context.done(error));
  sent.end(body);
};
"""


def inline_package(text: str, runtime: str) -> bytes:
    """The zip with a function's text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if runtime.startswith("nodejs"):
            _add(archive, "index.js", text)
            _add(archive, "node_modules/cfn-response/index.js", _CFN_RESPONSE_JS)
        else:
            _add(archive, "index.py", text)
            load = importlib.import_module("moto.utilities.utils").load_resource_as_str
            _add(archive, "cfnresponse.py", load("awslambda/resources/cfnresponse.py.txt"))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same text is the same package
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, text)
