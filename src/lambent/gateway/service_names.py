"""Which AWS service a request is for, where it isn't signed in the way of all others.

Nearly every request says it in its signature's credential scope. These don't, or aren't signed at all, and AWS answers
them all the same: signatures of version 2 and forms of S3, and objects that everybody may read; users of Cognito who
sign in; exchanges of web identities at STS; and answers of custom resources, which go to a presigned URL on AWS and
here to the companion itself. A browser says where the page is from that sends such a request; those of foreign origins
were refused before (host_rules.py).
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from lambent.core.scope import Scope
from lambent.gateway.authentication import account_of
from lambent.wire.http import Request

_TARGETS = {
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}
_UNSIGNED_ACTIONS = frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
_FORM = "application/x-www-form-urlencoded"
_USER_POOL = re.compile(r"/([a-z]{2}(?:-[a-z]+)+-\d)_\w+/\.well-known/(?:jwks\.json|openid-configuration)/?")
_CUSTOM_RESOURCE = re.compile(r"/cloudformation_([a-z0-9-]+)/cfnresponse/?")
_OBJECT = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/.+")
_LAMBDA = re.compile(r"/20\d\d-\d\d-\d\d/")
_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]*)\.s3[.-](?!control)[a-z0-9.-]*", re.IGNORECASE)
_FORM_CREDENTIAL = re.compile(rb'name="(?:x-amz-credential|awsaccesskeyid)"\s+([\w-]+)', re.IGNORECASE)
_FORM_HEAD_BYTES = 65_536
_ACCOUNT_OF_ARN = re.compile(r"arn:[^:]*:(?:iam|cloudformation):([^:]*):(\d{12}):")


class Addressed(NamedTuple):
    """Whose and which service a request is for; `service` is the name that requests for it are signed with."""

    service: str
    scope: Scope


def unsigned(request: Request, *, default_region: str) -> Addressed | None:
    """The service of a request without a signature of version 4; None if it needs one."""
    headers = request.headers
    authorization = headers.get("authorization", "")
    if authorization:
        if not authorization.startswith("AWS "):
            return None
        return _s3(authorization[4:].partition(":")[0], default_region)
    target = headers.get("x-amz-target")
    if target is not None:
        service = _TARGETS.get(target.partition(".")[0])
        return service and Addressed(service, Scope(account_of(""), default_region))  # type: ignore[return-value]
    if request.method == "POST":
        return _posted(request, default_region)
    return _got(request, default_region)


def may_be_unsigned(request: Request) -> bool:
    """Whether `unsigned` may know the service of a request whose body hasn't come yet."""
    content_type = request.headers.get("content-type", "")
    if request.method == "POST" and content_type.startswith((_FORM, "multipart/form-data")):
        return "authorization" not in request.headers
    return unsigned(request, default_region="") is not None


def _posted(request: Request, region: str) -> Addressed | None:
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        first = next(iter(request.pieces()), b"")
        found = _FORM_CREDENTIAL.search(first[:_FORM_HEAD_BYTES])
        return _s3(found[1].decode() if found else "", region)
    if content_type.startswith(_FORM) and len(request.pieces()) == 1 and b"Action=AssumeRoleWith" in request.body:
        form = parse_qs(request.body.decode("latin-1"))
        if form.get("Action", [""])[0] in _UNSIGNED_ACTIONS:
            role = _ACCOUNT_OF_ARN.match(form.get("RoleArn", [""])[0])
            return Addressed("sts", Scope(role[2] if role else account_of(""), region))
    return None


def _got(request: Request, region: str) -> Addressed | None:
    """GET and HEAD, what is put to URLs that were given out, and what a browser asks before it sends a request."""
    if "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        return _s3(parse_qs(request.query).get("AWSAccessKeyId", [""])[0], region)
    if request.method == "PUT":
        resource = _CUSTOM_RESOURCE.fullmatch(request.path)
        stack = _ACCOUNT_OF_ARN.search(unquote(request.query))
        if resource is not None and stack is not None:
            return Addressed("cloudformation", Scope(stack[2], resource[1]))
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return None if _LAMBDA.match(request.path) else _s3("", region)  # one answers for all of them
    if request.method not in {"GET", "HEAD"}:
        return None
    pool = _USER_POOL.fullmatch(request.path)
    if pool is not None:
        return Addressed("cognito-idp", Scope(account_of(""), pool[1]))
    if bucket_of(request.headers.get("host", "")) or (
        _OBJECT.fullmatch(request.path) and not _LAMBDA.match(request.path)
    ):
        return _s3("", region)
    return None


def _s3(access_key: str, region: str) -> Addressed:
    return Addressed("s3", Scope(account_of(access_key), region))


def bucket_of(host: str) -> str | None:
    """The bucket that a Host header names: `photos` in `photos.s3.localhost:4566`."""
    match = _BUCKET_HOST.fullmatch(host.partition(":")[0])
    return match["bucket"] if match else None
