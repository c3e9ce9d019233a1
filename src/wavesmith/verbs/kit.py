"""A playable kit: new sounds on keys, each with softer layers and with turns that differ a little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from wavesmith.attribution import credits
from wavesmith.descriptors import Timbre
from wavesmith.errors import RequestError
from wavesmith.export import OPEN_HAT, Kit, Piece, choke_group, even_layers, general_midi_keys
from wavesmith.guides import read_guides
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.generate import GENERATE, generate
from wavesmith.verbs.settings import check_seed
from wavesmith.verbs.vary import VARY, vary
from wavesmith.verbs.verb import Progress

DULLER = 12.0
"""Difference in brightness, in percentiles, between a layer and the next louder one."""


DRUMS: Mapping[str, int] = {"kick": 4, "snare": 4, "hihat": 6, "percussion": 8}
UNLABELLED: Mapping[str, int] = {"sound": 8}
"""Default pieces of a kit, of models with and without labels."""


def make_kit(
    model: Model,
    pieces: Mapping[str, int] | None = None,
    *,
    name: str = "wavesmith kit",
    layers: int = 2,
    turns: int = 2,
    amount: float = 0.15,
    seed: int | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Kit:
    """Make the sounds of a kit, ready for `wavesmith.export.write_kit`.

    The first sound of each piece is new; its turns and softer layers are variations of it, softer layers
    duller as well where the model knows timbres. Every sound carries its own recipe.

    Args:
        model: what `load` returned.
        pieces: how many of each label, such as `{"kick": 4, "snare": 4, "hihat": 6}`. A model without labels
            makes pieces of one kind, whose name is free. `DRUMS` or `UNLABELLED` if None.
        name: of the kit.
        layers: sounds for different velocities, 1 to 8.
        turns: sounds that take turns when a key is hit again and again, 1 to 8.
        amount: how far they differ, as for `vary`.
        seed: see `generate`; the pieces of a label are its first sounds, in their order. Of hi-hats the one
            that rings longest lies on the key of the open one, and the shortest come first.
        progress: called with (sounds done, sounds in all).
        choices: as for `generate` and `vary`, such as `steps`; `seconds` and `method` reach one of the two.

    Raises:
        RequestError: for no pieces, an unknown label, or numbers that make no sense.
    """
    if not (1 <= layers <= 8 and 1 <= turns <= 8):
        raise RequestError(f"{layers} layers of {turns} turns cannot be made; choose 1 to 8 of each.")
    if choices.get("label") is not None:
        raise RequestError("The labels of a kit are its pieces; leave other labels out.")
    if pieces is None:
        pieces = DRUMS if model.labels else UNLABELLED
    if len(pieces) > 1 and not model.labels:
        raise RequestError(
            "This model knows no labels, so the pieces of its kit are of one kind; name one, as in sound=8."
        )
    choices["guide"] = read_guides(choices.get("guide") or ())
    new = {name: value for name, value in choices.items() if name != "method"}
    varied = {"amount": amount} | {name: value for name, value in choices.items() if name != "seconds"}
    labels = {name: name if model.labels else None for name in pieces}
    for label in labels.values():
        GENERATE.settle(model, label=label, **new)
        VARY.settle(model, 1, label=label, **varied)
    seed, keys = check_seed(seed), general_midi_keys(pieces)
    total = sum(pieces.values()) * layers * turns
    if not total:
        raise RequestError("A kit needs at least one piece; give some, such as kick=4,snare=4.")
    made, done = [], 0
    for piece, piece_keys in keys.items():
        label = labels[piece]
        firsts = generate(model, len(piece_keys), label=label, seed=seed, **new) if piece_keys else []
        if choke_group(piece) and OPEN_HAT in piece_keys:
            firsts = _longest_at(firsts, piece_keys.index(OPEN_HAT))
        for first, key in zip(firsts, piece_keys, strict=True):
            rows = []
            for layer in range(layers):
                softer = layers - 1 - layer
                row = _turns(model, first, label, softer, turns, {"label": label, "seed": seed, **varied})
                rows.append(row)
                done += len(row)
                if progress:
                    progress(done, total)
            made.append(Piece(piece, key, even_layers(rows), choke=choke_group(piece)))
    about = {"model": model.name, "model_hash": model.hash, "seed": seed, "pieces": dict(pieces)}
    about |= {"layers": layers, "turns": turns, "amount": amount}
    return Kit(name, tuple(made), author="wavesmith", credits=credits(model).text, about=about)


def _longest_at(sounds: list[Sound], index: int) -> list[Sound]:
    """Sort sounds by duration, with the longest moved to an index."""
    ordered = sorted(sounds, key=lambda sound: _timbre(sound, "duration"))
    ordered.insert(index, ordered.pop())
    return ordered


def _timbre(sound: Sound, name: str) -> float:
    with torch.no_grad():
        return float(Timbre(sound.rate)(sound.tensor()[None])[name])


def _turns(
    model: Model,
    first: Sound,
    label: str | None,
    softer: int,
    turns: int,
    request: dict[str, Any],
) -> list[Sound]:
    """Make the sounds that take turns in one layer, `softer` steps below the loudest."""
    if not softer:
        return [first, *(vary(model, first, turns - 1, **request) if turns > 1 else ())]
    if model.timbre is not None:
        brightness = _timbre(first, "brightness")
        percentile = model.timbre.percentile("brightness", brightness, {label: 1.0} if label else None)
        duller = {"timbre": "brightness", "percentile": max(0.0, percentile - softer * DULLER)}
        request = request | {"guide": [*request["guide"], duller]}
    return vary(model, first, turns, first=softer * turns, **request)
