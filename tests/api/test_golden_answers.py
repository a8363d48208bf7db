"""Every recorded answer of AWS: bring about the situation, send the request, compare.

The situations are in modules `situations_<file>.py`, one for each file of samples. Such a module has

- `FILE`: the name of the file, without `.json`;
- `SITUATIONS`: (operation, when) of a sample to the function that brings it about in a `World`;
- `SKIPPED`: the same key to the reason why the sample isn't compared here;
- `SERVERS`, if need be: the same key to the fixture whose `url` the request is sent to, where it isn't `lambent`.

Every sample is in one of the first two.
"""

import importlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.api.calls import call
from tests.api.conftest import ClientFactory
from tests.api.golden_world import Situation, World
from tests.golden import ANSWERS, Sample, assert_answer, fill, samples

pytestmark = pytest.mark.root

MODULES: list[ModuleType] = [
    importlib.import_module(f"tests.api.{path.stem}") for path in sorted(Path(__file__).parent.glob("situations_*.py"))
]


def _cases() -> Iterator[Any]:
    for module in MODULES:
        for sample in samples(module.FILE):
            key = (sample.operation, sample.when)
            name = f"{module.FILE}: {sample.operation}, {sample.when}"
            if key in module.SITUATIONS:
                yield pytest.param(sample, module.SITUATIONS[key], _server_of(module, sample), id=name)
            else:
                skip = pytest.mark.skip(reason=module.SKIPPED.get(key, "nobody has said how it comes about"))
                yield pytest.param(sample, None, "", id=name, marks=skip)


def _server_of(module: ModuleType, sample: Sample) -> str:
    """The fixture that has the `url` which a sample is sent to."""
    named = {**sample.request, **sample.request.get("Code", {}), **sample.request.get("Content", {})}
    default = "lambent_with_aws" if "S3Bucket" in named else "lambent"
    servers: dict[tuple[str, str], str] = getattr(module, "SERVERS", {})
    return servers.get((sample.operation, sample.when), default)


@pytest.mark.parametrize(("sample", "situation", "server"), list(_cases()))
def test_the_answer_is_the_one_that_aws_gave(
    sample: Sample,
    situation: Situation,
    server: str,
    lambda_client: ClientFactory,
    account: str,
    request: pytest.FixtureRequest,
) -> None:
    client = lambda_client(url=request.getfixturevalue(server).url)
    with ExitStack() as stack:
        world = World(client, account, sample, stack, request.getfixturevalue)
        situation(world)
        answer = call(client, sample.operation, fill(world.request, world.values))
        assert_answer(sample, answer, world.values)


def test_every_sample_has_a_situation_or_a_reason_why_not() -> None:
    for module in MODULES:
        known = {(sample.operation, sample.when) for sample in samples(module.FILE)}
        described = [*module.SITUATIONS, *module.SKIPPED]
        assert len(described) == len(set(described)), f"{module.__name__} has a sample twice"
        assert not known or set(described) == known, f"{module.__name__}: {set(described) ^ known}"
        assert set(getattr(module, "SERVERS", {})) <= set(module.SITUATIONS)


def test_every_file_of_samples_has_its_situations() -> None:
    files = {path.stem for path in ANSWERS.glob("*.json")}
    assert not files or files == {module.FILE for module in MODULES}
