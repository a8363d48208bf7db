"""CloudFormation templates: read as data, and found where tools have put them."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from lambent.companion.launcher.patching import replace

_UNSAFE_LOADERS = ("Loader", "FullLoader", "UnsafeLoader")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_LOCAL_NAMES = ("localhost", "localhost.localstack.cloud")


def yaml_loaders(module: ModuleType) -> None:
    """Change `yaml.loader`: nothing that is loaded makes objects of Python.

    moto reads templates with `yaml.Loader`, for which `!!python/object/apply:os.system` is a call: whoever may create a
    stack, any function included, would run programs as the companion's user. Besides, what looks like a date stays
    text, as CloudFormation has it: `Version: 2012-10-17` in policies.
    """

    class Template(module.SafeLoader):  # type: ignore[misc, name-defined]
        yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
            first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
            for first, resolvers in module.SafeLoader.yaml_implicit_resolvers.items()
        }

    for name in _UNSAFE_LOADERS:
        replace(module, name, lambda _: Template)


def template_urls(module: ModuleType) -> None:
    """Change `moto.cloudformation.utils`: a template's address may be one of Lambent's, by whatever name."""

    def make(_: Any) -> Callable[[str, str, str], str]:
        def get_stack_from_s3_url(template_url: str, account_id: str, partition: str) -> str:
            bucket, key, version = object_of(template_url)
            s3 = importlib.import_module("moto.s3.models").s3_backends[account_id][partition]
            found = s3.get_object(bucket, key, version_id=version)
            if found is None:
                exceptions = importlib.import_module("moto.cloudformation.exceptions")
                raise exceptions.ValidationError(message="S3 error: The specified key does not exist.")
            text: str = found.value.decode()
            return text

        return get_stack_from_s3_url

    replace(module, "get_stack_from_s3_url", make)


def object_of(url: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of an object's URL, with the bucket in the path or in the host's name.

    Source: S3 user guide, "Virtual hosting of buckets", "Path-style requests".
    """
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    version = parse_qs(parts.query).get("versionId", [None])[0]
    bucket = _bucket_in_host(parts)
    if bucket:
        return bucket, path, version
    bucket, _, key = path.partition("/")
    return bucket, key, version


def _bucket_in_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    for domain in _LOCAL_NAMES:
        if host.endswith(f".{domain}"):
            return _before_s3(host.removesuffix(f".{domain}"))
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return _before_s3(host.partition(".amazonaws.com")[0])
    return ""


def _before_s3(labels: str) -> str:
    """`bucket` of `bucket`, `bucket.s3`, `bucket.s3.REGION`, `bucket.s3-REGION`; nothing of `s3` and `s3.REGION`."""
    bucket: list[str] = []
    for label in labels.split("."):
        if label == "s3" or label.startswith("s3-"):
            break
        bucket.append(label)
    return ".".join(bucket)
