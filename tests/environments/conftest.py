"""Harnesses that leave nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.environments.fakes import Harness, MakeHarness, make_harness


@pytest_asyncio.fixture
async def make() -> AsyncIterator[MakeHarness]:
    """`make_harness`, whose environments are shut down after the test; each must end and close everything."""
    harnesses: list[Harness] = []

    def create(**options: object) -> Harness:
        harness = make_harness(**options)  # type: ignore[arg-type] # the caller's business
        harnesses.append(harness)
        return harness

    yield create
    for harness in harnesses:
        harness.environment.shutdown()
        async with asyncio.timeout(10):
            await harness.ended.wait()
            await harness.environment.wait_closed()
        assert harness.environment._channel._stream.closed
        assert harness.environment._logs._output is None
