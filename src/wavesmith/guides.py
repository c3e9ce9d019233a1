"""Guides: timbres, a classifier's label, likeness to a sound, stereo width or a Python function that steer.

Each kind is a small value that stands in recipes and in YAML files, where its own key tells its kind:

    - timbre: brightness
      percentile: 80
    - classifier: my-classifier
      label: kick
      weight: 0.5
    - like: reference.wav
    - width: 0.3
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from torch import Tensor
from torch.nn import functional as F

from wavesmith.classifiers import Classifier
from wavesmith.data.audible import check_audible
from wavesmith.descriptors import TIMBRES, LogMel, Timbre, resample
from wavesmith.errors import RequestError, first_problem, unknown
from wavesmith.families import LossTerm
from wavesmith.files import sha256
from wavesmith.models import Model
from wavesmith.registry import Registry
from wavesmith.sound import Sound

_ALWAYS = (0.0, 1e9)
_OLD_NAMES = {"window": "interval", "judge": "classifier"}

PathText = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, Path) else given)]


class Guide(BaseModel):
    """Base of all guides.

    Attributes:
        weight: step size: 1 is a full Polyak step, 0 disables the guide.
        interval: noise levels, low and high, at which the guide is active, in families that have them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: ClassVar[str]

    weight: float = Field(default=1.0, ge=0, le=100, allow_inf_nan=False)
    interval: tuple[float, float] = _ALWAYS

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, values: Any) -> Any:
        """Accept the names of version 0.1, which stand in recipes and users' YAML files."""
        if not isinstance(values, Mapping):
            return values
        return {_OLD_NAMES.get(name, name): value for name, value in values.items()}

    @field_validator("interval")
    @classmethod
    def _check_interval(cls, interval: tuple[float, float]) -> tuple[float, float]:
        low, high = interval
        if not 0 <= low < high < math.inf:
            raise ValueError(f"no noise level lies between {low:g} and {high:g}; write low before high")
        return interval

    @property
    def name(self) -> str:
        """Name in error messages."""
        return self.kind

    def settled(self, model: Model) -> Guide:
        """Return the guide, completed; raises RequestError if this model cannot follow it."""
        return self

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the loss `(wave, sigma) -> [B]` for sounds of this model, of a mix of labels."""
        raise NotImplementedError


class TimbreGuide(Guide):
    """A timbre: one of `TIMBRES`, and its `percentile` among the sounds that the model was trained on."""

    kind: ClassVar[str] = "timbre"

    timbre: str
    percentile: float = Field(ge=0, le=100)

    @property
    def name(self) -> str:
        """Name of the timbre."""
        return self.timbre

    def settled(self, model: Model) -> Guide:
        """Return the guide; raises RequestError for an unknown timbre, or a model without a table."""
        if self.timbre not in TIMBRES:
            raise RequestError(unknown("timbre", self.timbre, TIMBRES))
        if model.timbre is None:
            raise RequestError(
                f"The model {model.name} carries no table of timbres, which percentiles need; "
                "measure one with: wavesmith models timbre MODEL SOUNDS."
            )
        return self

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the squared distance from the percentile's value, in units of the spread of sounds."""
        assert model.timbre
        target = model.timbre.value(self.timbre, self.percentile, label)
        spread = model.timbre.spread(self.timbre, label)
        timbre = _timbre(model.rate, str(model.device))

        def loss(sound: Tensor, sigma: Tensor) -> Tensor:
            away: Tensor = (timbre(sound)[self.timbre] - target) / spread
            return away.square()

        return loss


class ClassifierGuide(Guide):
    """A classifier's label: `classifier` is a folder that `wavesmith train --classifier` wrote."""

    kind: ClassVar[str] = "classifier"

    classifier: PathText
    label: str
    sha256: str | None = None

    def settled(self, model: Model) -> Guide:
        """Refuse a label that the classifier lacks, and a classifier other than the recipe's."""
        classifier, digest = _classifier(self.classifier)
        if self.label not in classifier.classes:
            raise RequestError(unknown("label of the classifier", self.label, classifier.classes))
        return _with_hash(self, digest, self.classifier)

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the cross-entropy; resampling to its rate and mixing down are differentiable."""
        classifier = _classifier(self.classifier)[0].to(model.device)
        wanted = classifier.classes.index(self.label)

        def loss(sound: Tensor, sigma: Tensor) -> Tensor:
            logits = classifier(resample(sound, model.rate, classifier.config.rate))
            return -F.log_softmax(logits, dim=1)[:, wanted]

        return loss


class LikeGuide(Guide):
    """Likeness to a sound: `like` is its file."""

    kind: ClassVar[str] = "like"

    like: PathText
    sha256: str | None = None

    def settled(self, model: Model) -> Guide:
        """Read the sound; raises an error if it is missing, silent, or not the one of the recipe."""
        sound = Sound.read(self.like)
        check_audible(sound, self.like)
        return _with_hash(self, sound.sha256, self.like)

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the mean squared difference of log-mels at three resolutions, in units of 20 dB."""
        given = Sound.read(self.like).channels_as(1).resample(model.rate).tensor()[None]
        mels = [LogMel(model.rate, 64, window, window // 4).to(model.device) for window in (512, 1024, 2048)]

        def loss(sound: Tensor, sigma: Tensor) -> Tensor:
            length = sound.shape[-1]
            target = F.pad(given, (0, max(0, length - given.shape[-1])))[..., :length].to(sound)
            parts = [((mel(sound) - mel(target)) / 20).square().mean(dim=(1, 2)) for mel in mels]
            return torch.stack(parts).mean(0)

        return loss


class WidthGuide(Guide):
    """Stereo width: `width` 0 is mono, 0.5 as much side as mid, 1 all side."""

    kind: ClassVar[str] = "width"

    width: float = Field(ge=0, le=1)

    def settled(self, model: Model) -> Guide:
        """Return the guide; raises RequestError unless the model is stereo."""
        if model.channels != 2:
            raise RequestError("This model is not stereo, so its sounds have no width; leave it out.")
        return self

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the squared difference of the share of the side's amplitude, in tenths."""

        def loss(sound: Tensor, sigma: Tensor) -> Tensor:
            return ((width_of(sound) - self.width) / 0.1).square()

        return loss


class PythonGuide(Guide):
    """Any function `(sound [B, C, N], sigma [B]) -> losses [B]`; recipes keep its name only."""

    kind: ClassVar[str] = "python"

    python: str
    function: Any = Field(default=None, exclude=True)

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.python

    def settled(self, model: Model) -> Guide:
        """Return the guide; raises RequestError if it comes from a recipe, which lacks the function."""
        if self.function is None:
            raise RequestError(
                f"The sound was steered by the Python function '{self.python}', which its recipe does not "
                "hold; only the program that has it can make the sound again."
            )
        return self

    def loss(self, model: Model, label: Mapping[str, float]) -> Any:
        """Return the function, with a check that its losses have gradients."""

        def loss(sound: Tensor, sigma: Tensor) -> Tensor:
            losses = self.function(sound, sigma)
            if not isinstance(losses, Tensor) or not losses.requires_grad:
                raise RequestError(
                    f"The guidance '{self.python}' gave nothing that depends on the sound by way of torch, "
                    "so it has no gradient; compute its losses from the sound with torch alone."
                )
            return losses

        return loss


GUIDES: Registry[type[Guide]] = Registry(
    "guide",
    {guide.kind: guide for guide in (TimbreGuide, ClassifierGuide, LikeGuide, WidthGuide, PythonGuide)},
    entry_points="wavesmith.guides",
)
"""Kinds of guides by the key that tells them. Packages advertise theirs in the group `wavesmith.guides`."""


def read_guides(given: Any) -> tuple[Guide, ...]:
    """Read guides from a YAML file, or from guides, dictionaries and functions, one or a list.

    Raises:
        RequestError: when it cannot be read or is invalid.
    """
    if isinstance(given, str | Path):
        given = _yaml(Path(given))
    if isinstance(given, Guide | Mapping) or callable(given):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Sequence):  # such as a file of one word
        raise RequestError(
            "Guides are a list; begin each with '- timbre:', '- classifier:', '- like:' or '- width:'."
        )
    return tuple(map(_read, given))


def _read(one: Any) -> Guide:
    if isinstance(one, Guide):
        return one
    if callable(one):
        return PythonGuide(python=getattr(one, "__name__", type(one).__name__), function=one)
    keys = {_OLD_NAMES.get(str(key), str(key)) for key in one} if isinstance(one, Mapping) else set()
    kinds = keys.intersection(GUIDES.registered()) or {key for key in keys if key in GUIDES}
    if len(kinds) != 1:
        raise RequestError(
            f"The guide {one!r} cannot be read; give it one of the keys timbre, classifier, like, width."
        )
    (kind,) = kinds
    try:
        return GUIDES[kind].model_validate(dict(one))
    except ValidationError as error:
        raise RequestError(f"The guide '{kind}' cannot be used ({first_problem(error)}).") from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(
            f"The guides in {path} cannot be read ({error.strerror}); check the path."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise RequestError(f"The guides in {path} are not valid YAML ({problem}); correct it.") from error


AnyGuide = Annotated[SerializeAsAny[Guide], BeforeValidator(_read)]
"""A guide of any registered kind, read from the values that a recipe holds."""


def loss_terms(guides: Sequence[Guide], model: Model, label: Mapping[str, float]) -> list[LossTerm]:
    """Return the losses of guides, for sounds of this model and of a mix of labels."""
    with torch.inference_mode(False):  # tensors of inference mode take no part in gradients
        return [LossTerm(one.name, one.loss(model, label), one.weight, one.interval) for one in guides]


def width_of(sound: Tensor) -> Tensor:
    """Stereo width `[B]` of sounds `[B, 2, N]`: the side's share of the amplitudes of mid and side."""
    mid, side = sound[:, 0] + sound[:, 1], sound[:, 0] - sound[:, 1]
    amplitudes = [(part.square().mean(-1) + 1e-10).sqrt() for part in (mid, side)]
    return amplitudes[1] / (amplitudes[0] + amplitudes[1])


def _with_hash(guide: Any, digest: str, path: str) -> Guide:
    """Return the guide with the hash of its file; raises RequestError when it had another."""
    if guide.sha256 not in (None, digest):
        raise RequestError(f"{path} is not what the sound was steered by any more; put the old one back.")
    settled: Guide = guide.model_copy(update={"sha256": digest})
    return settled


def _classifier(folder: str) -> tuple[Classifier, str]:
    """Return the classifier in a folder, and the hash of its weights."""
    weights = Path(folder) / "model.safetensors"
    digest = sha256(weights) if weights.is_file() else ""
    return _loaded(folder, digest), digest


@lru_cache(maxsize=4)
def _loaded(folder: str, digest: str) -> Classifier:
    return Classifier.load(folder).requires_grad_(False)


@lru_cache(maxsize=4)
def _timbre(rate: int, device: str) -> Timbre:
    return Timbre(rate).to(device)
