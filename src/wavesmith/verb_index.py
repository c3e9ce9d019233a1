"""Summaries of the verbs, readable without torch, and types of their keyword arguments.

Written by `python -m wavesmith.verbs.stubs`; do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from wavesmith import verbs
    from wavesmith.families import Label

SUMMARIES = {
    "generate": "Generate new sounds.",
    "vary": "Make variations of a sound.",
    "restyle": "Remake a sound or a whole track in the manner of a model.",
    "morph": "Make the sounds between two sounds, or a square of them among four.",
    "morph_labels": "Generate sounds from one label to another.",
    "inpaint": "Replace parts of a sound so that they fit; the rest stays as it is, sample for sample.",
    "extend": "Make a sound longer at its end or its beginning.",
    "loop": "Make a seamless loop of a sound.",
    "upscale": "Bring a dull sound to full band.",
    "clean": "Remove noise from a recording.",
}


class GenerateChoices(TypedDict, total=False):
    """Settings of `generate`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    seconds: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class VaryChoices(TypedDict, total=False):
    """Settings of `vary`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    amount: float | None
    method: Literal["noise", "inversion"] | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class RestyleChoices(TypedDict, total=False):
    """Settings of `restyle`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    amount: float | None
    method: Literal["noise", "inversion"] | None
    envelope: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class MorphChoices(TypedDict, total=False):
    """Settings of `morph`."""

    peak_db: float | None
    schedule: str | None
    steps: int | None
    sigma_max: float | None


class MorphLabelsChoices(TypedDict, total=False):
    """Settings of `morph_labels`."""

    peak_db: float | None
    guide: Any
    seconds: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class InpaintChoices(TypedDict, total=False):
    """Settings of `inpaint`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    amount: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class ExtendChoices(TypedDict, total=False):
    """Settings of `extend`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    before: float | None
    after: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class LoopChoices(TypedDict, total=False):
    """Settings of `loop`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    bars: float | None
    bpm: float | None
    beats: int | None
    joint: float | None
    amount: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class UpscaleChoices(TypedDict, total=False):
    """Settings of `upscale`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    cutoff: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    sampler: str | None
    schedule: str | None
    steps: int | None
    sigma_min: float | None
    sigma_max: float | None
    eta: float | None


class CleanChoices(TypedDict, total=False):
    """Settings of `clean`."""

    peak_db: float | None
    label: Label | None
    guide: Any
    strength: float | None
    avoid: Label | None
    guidance: float | None
    guidance_interval: tuple[float, float] | None
    steps: int | None
    sigma_max: float | None


if TYPE_CHECKING:

    class ModelVerbs:
        """Verbs as methods of a model."""

        generate = verbs.generate
        vary = verbs.vary
        restyle = verbs.restyle
        morph = verbs.morph
        morph_labels = verbs.morph_labels
        inpaint = verbs.inpaint
        extend = verbs.extend
        loop = verbs.loop
        upscale = verbs.upscale
        clean = verbs.clean
