"""Whose request it is: an account in a region. Everything Lambent keeps belongs to one."""

from typing import NamedTuple


class Scope(NamedTuple):
    """An account (12 digits) in a region; state is isolated between any two. It is a key everywhere, hence a tuple."""

    account: str
    region: str
