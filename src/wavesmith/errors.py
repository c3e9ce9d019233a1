"""Errors that a user can act on, and the sentence helpers that word them."""

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
    """What `first_problem` needs of an error: pydantic's ValidationError has it."""

    def errors(self) -> Sequence[Mapping[str, object]]:
        """Problems, each with its `type`, its place `loc` and a message `msg`."""
        ...


class WavesmithError(Exception):
    """Something the user can put right; its text is one sentence: what is wrong and what to do."""


class AudioError(WavesmithError):
    """A sound that cannot be read, written or used."""


class DataError(WavesmithError):
    """A folder or manifest that cannot serve as training data."""


class ModelError(WavesmithError):
    """A model that cannot be found, read or trusted."""


class RequestError(WavesmithError):
    """A request that makes no sense: an unknown name, a negative count, a bad range."""


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Word the sentence for an unknown name, suggesting the nearest known one."""
    known = sorted(choices)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else "choose one of: " + ", ".join(known) + "."
    return f"There is no {kind} called '{name}'; {hint}"


def first_problem(error: Validation) -> str:
    """Word the first problem of values that do not fit: `place: what is wrong`, without a full stop.

    The place is as people write it, such as `training.batch`; it is left out where all is wrong.
    """
    first = error.errors()[0]
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    words = _WORDS.get(str(first["type"]), message[:1].lower() + message[1:])
    location = first["loc"]
    place = ".".join(map(str, location)) if isinstance(location, tuple) else ""
    return f"{place}: {words}" if place else words
