"""The model that a run trains: built by its configuration, fitted to the sounds or started from a base."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from wavesmith.data import AUGMENT_FEATURES, SoundDataset
from wavesmith.errors import ModelError, RequestError
from wavesmith.families import Family, FamilyConfig, build, on_meta_device
from wavesmith.models import Model
from wavesmith.training.config import RunConfig
from wavesmith.verbs import VERBS

_FIT_SOUNDS = 512  # sounds that a model's statistics are measured on
_BY_LABEL, _BY_AUGMENT = "label.weight", "augment.weight"  # tensors with a column for each label or feature


def build_family(config: RunConfig, sounds: SoundDataset, base: Model | None) -> Family:
    """Return the model as it is before the first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        family = build(_with_data(config.model, sounds.labels)).train()
    if base is None:
        step = math.ceil(len(sounds) / _FIT_SOUNDS)
        family.fit(torch.stack([sounds[index].wave for index in range(0, len(sounds), step)]))
    else:
        _copy_weights(base.family, family)
    return family


def _with_data(model: FamilyConfig, labels: Sequence[str]) -> FamilyConfig:
    """Return a model's configuration with what follows from the data."""
    return model.model_copy(update={"labels": tuple(labels), "augments": len(AUGMENT_FEATURES)})


def _check_base(source: Family, target: Family) -> None:
    """Refuse a base of another network; labels and augmentations may differ."""
    theirs = source.state_dict()
    for name, tensor in target.state_dict().items():
        same = name in theirs and theirs[name].shape == tensor.shape
        if not same and not name.endswith((_BY_LABEL, _BY_AUGMENT)):
            raise ModelError(
                f"The base model has another network than the configuration ({name} differs); "
                "leave the configuration out to use the base's own."
            )


def _copy_weights(source: Family, target: Family) -> None:
    """Copy weights; labels that both models have keep theirs, new ones start fresh.

    So do augmentation features, which have no effect at first, if the source was not conditioned on them.
    """
    theirs, ours = source.state_dict(), target.state_dict()
    shared = sorted(set(source.config.labels) & set(target.config.labels))
    for name in theirs.keys() & ours.keys():
        if name.endswith(_BY_LABEL):
            for label in shared:
                column = theirs[name][:, source.config.labels.index(label)]
                ours[name][:, target.config.labels.index(label)] = column
        elif theirs[name].shape == ours[name].shape:
            ours[name].copy_(theirs[name])


def check_model(config: RunConfig, base: Model | None) -> None:
    """Check, before the sounds are read, that the model can be built, can make demos and fits its base.

    Raises:
        RequestError: if it cannot be built or sampled.
        ModelError: when the base has another network.
    """
    try:
        with on_meta_device():
            family = build(_with_data(config.model, base.labels if base else ()))
    except (RuntimeError, ValueError, OverflowError) as error:
        raise RequestError(
            f"The configured model cannot be built ({error}); change the configuration."
        ) from error
    VERBS["generate"].settle(Model("configured", "", family))
    if base:
        _check_base(base.family, family)
