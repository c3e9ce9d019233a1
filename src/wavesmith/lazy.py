"""Packages that export a name without importing its module until somebody asks for it (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def exports(package: str, homes: Mapping[str, str], rest: str = "") -> Callable[[str], Any]:
    """Make a package's `__getattr__`, which finds each name in its home module.

    Names without a home are looked for in `__all__` of the module `rest`. No name may be that of a sub-module
    of the package, which an import would put in its place.
    """

    def find(name: str) -> Any:
        home = homes.get(name, rest)
        inside = name.startswith("__") or (name not in homes and find_spec(f"{package}.{name}"))
        module = import_module(home) if home and not inside else None
        if module is None or (name not in homes and name not in module.__all__):
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        found = getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    return find
