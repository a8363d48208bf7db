"""One invocation a second and 5 % of the others."""

from lambent.core.sampling import Sampler
from lambent.core.scope import Scope

HERE = Scope("000000000000", "eu-west-1")


def test_the_first_of_each_second_is_sampled_and_others_by_lot() -> None:
    sampler = Sampler()
    assert sampler.sample(HERE, "greet", now_ms=1_000, draw=0.9)
    assert not sampler.sample(HERE, "greet", now_ms=1_999, draw=0.05)
    assert sampler.sample(HERE, "greet", now_ms=1_999, draw=0.049)
    assert sampler.sample(HERE, "greet", now_ms=2_000, draw=0.9)


def test_each_function_has_its_own_second() -> None:
    sampler = Sampler()
    assert sampler.sample(HERE, "greet", now_ms=1_000, draw=0.9)
    assert sampler.sample(HERE, "other", now_ms=1_000, draw=0.9)
    assert sampler.sample(Scope("111111111111", "eu-west-1"), "greet", now_ms=1_000, draw=0.9)
