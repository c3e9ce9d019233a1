"""Lazy exports of packages: a name's module is imported on first access (PEP 562).

Unlike the package lazy_loader, it needs neither a stub file nor the parsing of one at import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def exports(package: str, homes: Mapping[str, str], rest: str = "") -> Callable[[str], Any]:
    """Return a package's `__getattr__`, which imports each name from its module in `homes`.

    Other names are imported from the module `rest`, if they are in its `__all__`. No name may be that of a
    sub-module of the package: importing that would replace it.
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
