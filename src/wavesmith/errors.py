"""Errors that a user can act on, and the sentence helpers that word them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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
