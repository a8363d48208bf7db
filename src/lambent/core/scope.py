"""Whose request it is: an account in a region. Everything Lambent keeps belongs to one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """An account (12 digits) in a region; state is isolated between any two."""

    account: str
    region: str
