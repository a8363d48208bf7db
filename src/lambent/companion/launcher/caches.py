"""What moto works out anew for each request, and is always the same: it took two fifths of a small request's time."""

import functools
from types import ModuleType

from lambent.companion.launcher.patching import replace

_MOST_NAMES = 8_192  # of parameters; some are what clients make up


def services(module: ModuleType) -> None:
    """Change `moto.backends`: moto reads its own folder to see which services it has."""
    replace(module, "list_of_moto_modules", lambda original: functools.cache(lambda: frozenset(original())))


def names(module: ModuleType) -> None:
    """Change `moto.core.utils`: names in another spelling, and those of a class's methods."""
    replace(module, "camelcase_to_underscores", functools.lru_cache(_MOST_NAMES))
    replace(module, "method_names_from_class", functools.cache)
