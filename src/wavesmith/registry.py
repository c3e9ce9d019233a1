"""Registries: objects by name, built in, registered by a caller, or advertised by installed packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar, cast, overload

from wavesmith.errors import RequestError, unknown

T = TypeVar("T")
S = TypeVar("S")


@cache
def _entry_points() -> Any:  # EntryPoints, or in Python 3.10 SelectableGroups
    """Read the entry points of all installed packages, once for all registries."""
    from importlib.metadata import entry_points  # slow to import

    return entry_points()


class UnknownNameError(RequestError, KeyError):
    """A lookup of a name that is not registered; a KeyError too, as a Mapping must raise."""

    __str__ = Exception.__str__  # KeyError's would put the sentence in quotes


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from names to objects, to which `register` adds.

    A string `"module:attribute"` may stand for an object: its module is imported when the object is looked
    up, not before. Packages advertise more of them under an entry-point group; installed packages are
    searched only when a name is unknown or all names are listed, because the search takes time.

    Args:
        kind: the word for one of the objects in error messages, such as "sampler".
        entries: objects by name; those given as strings are imported when needed.
        aliases: other names of the same objects, in lower case with underscores.
        entry_points: group in which packages advertise further objects, such as "wavesmith.samplers".

    Upper and lower case are alike in a lookup, and so are `-` and `_`. A lookup of an unknown name raises
    `RequestError`, which suggests the nearest known one.
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, T | str] | None = None,
        *,
        aliases: Mapping[str, str] | None = None,
        entry_points: str | None = None,
    ) -> None:
        self.kind = kind
        self.aliases = dict(aliases or {})
        self._entries: dict[str, T | str] = dict(entries or {})
        self._group = entry_points

    @overload
    def register(self, name: str) -> Callable[[S], S]: ...
    @overload
    def register(self, name: str, value: T | str) -> None: ...
    def register(self, name: str, value: T | str | None = None) -> Callable[[S], S] | None:
        """Register an object, or `"module:attribute"`, under a name; a name registered before is replaced.

        With the name alone, return a decorator that registers the object and leaves it as it is.
        """
        if value is not None:
            self._entries[name] = value
            return None

        def decorate(decorated: S) -> S:
            self._entries[name] = cast(T, decorated)
            return decorated

        return decorate

    def registered(self) -> list[str]:
        """Return the sorted names that are known without a search of installed packages, which takes time."""
        return sorted(self._entries)

    def unregister(self, name: str) -> None:
        """Remove a name again, for instance after a test."""
        del self._entries[self.canonical(name)]

    def canonical(self, name: str) -> str:
        """Return the name under which an object is registered for that name or an alias of it.

        Raises:
            RequestError: suggesting the nearest known name, when there is none.
        """
        plain = name.lower().replace("-", "_")
        candidates = (name, self.aliases.get(plain, plain))
        for candidate in candidates:
            if candidate in self._entries:
                return candidate
        self._discover()
        for candidate in candidates:
            if candidate in self._entries:
                return candidate
        raise UnknownNameError(unknown(self.kind, name, self._entries))

    def __getitem__(self, name: str) -> T:
        name = self.canonical(name)
        value = self._entries[name]
        if isinstance(value, str):
            value = self._entries[name] = self._imported(name, value)
        return value

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self.canonical(name))
        except UnknownNameError:
            return False

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(self._entries)

    def __len__(self) -> int:
        self._discover()
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Registry of {self.kind}: {', '.join(self._entries)}>"

    def _imported(self, name: str, path: str) -> T:
        module, _, attribute = path.partition(":")
        try:
            return cast(T, getattr(import_module(module), attribute))
        except (ImportError, AttributeError) as error:
            raise RequestError(
                f"The {self.kind} '{name}' cannot be imported from {path} ({error}); "
                "install or mend the package that has it."
            ) from error

    def _discover(self) -> None:
        """Add what installed packages advertise, once; names that are taken stay as they are."""
        if self._group is None:
            return
        group, self._group = self._group, None
        for point in _entry_points().select(group=group):
            self._entries.setdefault(point.name, f"{point.module}:{point.attr}")
