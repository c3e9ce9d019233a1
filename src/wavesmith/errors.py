"""Errors for users, and helpers that phrase them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol

_WORDS = {
    "model_type": "must be a group of settings",
    "model_attributes_type": "must be a group of settings",
    "dict_type": "must be a group of settings",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}


class Validation(Protocol):
    """Protocol of pydantic's ValidationError, as far as `first_problem` needs it."""

    def errors(self) -> Sequence[Mapping[str, object]]:
        """Return the problems, each with a `type`, a location `loc` and a message `msg`."""
        ...


class WavesmithError(Exception):
    """An error that the user can fix; its text is one sentence: the problem and its remedy."""


class AudioError(WavesmithError):
    """A sound that cannot be read, written or used."""


class DataError(WavesmithError):
    """A folder or manifest that cannot serve as training data."""


class ModelError(WavesmithError):
    """A model that cannot be found, read or trusted."""


class RequestError(WavesmithError):
    """A request with an unknown name, a negative count, a bad range or the like."""


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return the sentence for an unknown name, suggesting the nearest known one."""
    known = sorted(choices)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else "choose one of: " + ", ".join(known) + "."
    return f"There is no {kind} called '{name}'; {hint}"


def first_problem(error: Validation) -> str:
    """Return the first problem of invalid values as `location: problem`, without a full stop.

    The location is a dotted path, such as `training.batch`; it is left out for a problem of the whole.
    """
    first = error.errors()[0]
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    words = _WORDS.get(str(first["type"]), message[:1].lower() + message[1:])
    location = first["loc"]
    path = ".".join(map(str, location)) if isinstance(location, tuple) else ""
    return f"{path}: {words}" if path else words
