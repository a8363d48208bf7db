"""The transform AWS::Serverless, by AWS's own translator of templates of the Serverless Application Model.

A template is expanded where a stack or change set begins, so that moto has only CloudFormation before it.
Source: SAM specification, "AWS::Serverless-2016-10-31"; CloudFormation user guide, "AWS::Serverless transform".
"""

import functools
import importlib
import json
import threading
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

TRANSFORM = "AWS::Serverless-2016-10-31"

_one_at_a_time = threading.Lock()  # the translator keeps the region in a class


def transforms(module: ModuleType) -> None:
    """Change `moto.cloudformation.models`: what is given to it is expanded before, what it shows is as it was given."""
    backend = module.CloudFormationBackend
    parse = module.Stack.parse_template

    def expanding(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def method(self: Any, *arguments: Any, **named: Any) -> Any:
            text = named["template"]
            parameters = named.get("parameters") or {}
            if isinstance(parameters, list):
                parameters = {one["ParameterKey"]: one.get("ParameterValue") for one in parameters}
            expanded = expand(text, parse, parameters, self.region_name)
            return original(self, *arguments, **{**named, "template": expanded})

        return method

    for name in ("create_stack", "update_stack", "create_change_set"):
        replace(backend, name, expanding)
    replace(backend, "get_template", lambda original: lambda self, name: given(original(self, name)))


class Expanded(str):  # noqa: SLOT000 - it carries another text
    """The text of a template without its transform; `given` is what it was made of."""

    given: str


def given(template: Any) -> Any:
    """The template as it came."""
    return getattr(template, "given", template)


def expand(text: str, parse: Callable[[str], Any], parameters: Mapping[str, Any], region: str) -> str:
    """What CloudFormation would go on with.

    Args:
        parse: reads a template's text.
        parameters: the values that were given, for references that the translator looks into.

    Raises:
        moto's ValidationError: the translator found something wrong.
    """
    text = given(text)  # the previous template, perhaps with other parameters
    if not text or TRANSFORM not in text:  # there is none in a request with neither
        return text
    template = parse(text)
    if not isinstance(template, dict) or TRANSFORM not in _transforms(template):
        return text
    translated = _translated(template, dict(parameters), region)
    others = [one for one in _transforms(template) if one != TRANSFORM]
    translated.pop("Transform", None)
    expanded = Expanded(json.dumps({**translated, **({"Transform": others} if others else {})}))
    expanded.given = text
    return expanded


def _transforms(template: Mapping[str, Any]) -> list[Any]:
    found = template.get("Transform") or []
    return found if isinstance(found, list) else [found]


def _translated(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    """By `aws-sam-translator`, as AWS calls it."""
    exceptions = importlib.import_module("samtranslator.model.exceptions")
    names = importlib.import_module("samtranslator.utils.py27hash_fix")  # logical ids have hashes in them
    parser = importlib.import_module("samtranslator.parser.parser").Parser()
    session = importlib.import_module("boto3").session.Session(region_name=region)
    names.to_py27_compatible_template(template, parameters)
    try:
        with _one_at_a_time:
            translator = importlib.import_module("samtranslator.translator.translator").Translator(
                None, parser, boto_session=session
            )
            translated = translator.translate(template, parameters, get_managed_policy_map=dict)
    except exceptions.InvalidDocumentException as error:
        causes = " ".join(sorted(cause.message for cause in error.causes))
        raise _invalid(f"Transform {TRANSFORM} failed with: {error.message} {causes}") from error
    plain: dict[str, Any] = names.undo_mark_unicode_str_in_template(translated)
    return plain


def _invalid(message: str) -> Exception:
    error: Exception = importlib.import_module("moto.cloudformation.exceptions").ValidationError(message=message)
    return error
