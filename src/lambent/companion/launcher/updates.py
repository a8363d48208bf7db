"""Updates of stacks: what is new and changed in the order of the references, then what is gone.

moto deletes first, then makes, then changes: a version would be published of the code before the change, and an alias
would lose its version. Source: CloudFormation user guide, "Update behaviors of stack resources", "DependsOn attribute",
"DeletionPolicy attribute" (old resources go in the clean-up after the update, whose failures don't fail it).
"""

import graphlib
import importlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9]+)")
_MEANT = ("Type", "Condition", "Properties")
_KEPT = "Retain"
_ATTEMPTS = 2

Resources = Mapping[str, Any]

logger = logging.getLogger(__name__)


def updates(module: ModuleType) -> None:
    """Change `moto.cloudformation.parsing`."""

    def make(_: Any) -> Callable[..., None]:
        def update(self: Any, template: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> None:
            _Update(module, self, template, parameters).run()

        return update

    replace(module.ResourceMap, "update", make)
    replace(module.ResourceMap, "delete", lambda _: delete)


def references(value: Any) -> Iterator[str]:
    """The names that a part of a template refers to, of resources and parameters."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key == "Ref":
                yield str(one)
            elif key == "Fn::GetAtt":
                yield str(one[0] if isinstance(one, list) else one).partition(".")[0]
            elif key == "Fn::Sub":
                text = one[0] if isinstance(one, list) else one
                yield from _SUBSTITUTED.findall(str(text))
            if not isinstance(one, str):
                yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def in_order(resources: Resources) -> list[str]:
    """The names of resources, each after those that it refers to or depends on.

    Raises:
        moto's ValidationError: they refer to each other in a circle.
    """
    graph = {}
    for name, resource in resources.items():
        depends = resource.get("DependsOn") or []
        needs = {*references(resource.get("Properties")), *([depends] if isinstance(depends, str) else depends)}
        graph[name] = [other for other in resources if other in needs]
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        exceptions = importlib.import_module("moto.cloudformation.exceptions")
        circle = ", ".join(sorted(set(error.args[1])))
        raise exceptions.ValidationError(message=f"Circular dependency between resources: [{circle}]") from error


def delete(resources: Any) -> None:
    """Delete what a stack has made, each before what it refers to; whatever can't be is tried once more.

    Raises:
        Exception: something still can't be deleted.
    """
    texts = resources._resource_json_map
    made = resources._parsed_resources
    left = [name for name in reversed(in_order(texts)) if made.get(name) is not None]
    for attempt in range(_ATTEMPTS):
        for name in list(left):
            if texts[name].get("DeletionPolicy") != _KEPT:
                try:
                    resources._delete_resource(made[name], texts[name])
                except Exception:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    continue
                del made[name]
            left.remove(name)


class _Update:
    """One update of moto's `ResourceMap`."""

    def __init__(
        self, module: ModuleType, resources: Any, template: Mapping[str, Any], parameters: Mapping[str, Any] | None
    ) -> None:
        self._module = module
        self._map = resources
        self._template = template
        self._parameters = parameters
        self._now: Resources = template["Resources"]
        # What each resource was last made or changed by: after an update that failed, of two templates.
        self._applied: dict[str, Any] = getattr(resources, "applied", None) or dict(resources._resource_json_map)
        resources.applied = self._applied
        self._touched: set[str] = set()  # what Ref and GetAtt of may be another thing than before

    def run(self) -> None:
        order = in_order(self._now)
        self._load()
        gone = [name for name in reversed(in_order(self._applied)) if name not in self._now]
        for name in order:
            if not self._wanted(self._now[name]):
                gone.append(name)
            elif self._made(name) is None:
                self._make(name)
            elif self._differs(name):
                self._change(name)
        for name in gone:
            self._remove(name)

    def _load(self) -> None:
        values = dict(self._map.resolved_parameters)
        self._map._template = self._template
        self._map._resource_json_map = self._now
        if self._parameters:
            self._map.input_parameters = self._parameters
        self._map.load_mapping()
        self._map.load_parameters()
        self._map.load_conditions()
        loaded = self._map.resolved_parameters
        self._touched |= {name for name in loaded if values.get(name) != loaded[name]}

    def _wanted(self, resource: Mapping[str, Any]) -> bool:
        condition = resource.get("Condition")
        return not condition or bool(self._map.lazy_condition_map[condition])

    def _made(self, name: str) -> Any:
        return self._map._parsed_resources.get(name)

    def _make(self, name: str) -> None:
        self._map._parsed_resources.pop(name, None)
        made = self._map[name]
        self._applied[name] = self._now[name]
        if made is not None:
            self._touched.add(name)

    def _differs(self, name: str) -> bool:
        before, now = self._applied.get(name, {}), self._now[name]
        meant = [[one.get(key) or None for key in _MEANT] for one in (before, now)]
        return meant[0] != meant[1] or not self._touched.isdisjoint(references(now.get("Properties")))

    def _change(self, name: str) -> None:
        resource, json = self._made(name), self._now[name]
        before = _identity(resource)
        if self._applied.get(name, {}).get("Type", json["Type"]) != json["Type"]:
            self._remove(name)
            self._make(name)
            return
        changed = self._module.parse_and_update_resource(
            name, json, self._map, account_id=self._map._account_id, region_name=self._map._region_name
        )
        self._applied[name] = json
        if changed is None:
            logger.warning("the resource %s stays as it was: moto doesn't update %s", name, json["Type"])
            return
        self._map._parsed_resources[name] = changed
        if _identity(changed) != before:
            self._touched.add(name)

    def _remove(self, name: str) -> None:
        resource = self._map._parsed_resources.pop(name, None)
        json = self._applied.pop(name, None)
        if resource is None or json is None or json.get("DeletionPolicy") == _KEPT:
            return
        try:
            self._map._delete_resource(resource, json)
        except Exception as error:  # noqa: BLE001 - it doesn't fail the update
            logger.warning("the resource %s could not be deleted: %s", name, error)


def _identity(resource: Any) -> Any:
    """What Ref and GetAtt give; of custom resources anything may be new."""
    if getattr(resource, "changes_with_every_update", False):
        return object()
    return getattr(resource, "physical_resource_id", None), dict(getattr(resource, "attributes", None) or {})
