"""Every setting that a verb offers changes its sound, from the first possible amount on."""

import numpy as np
import pytest

from wavesmith.verbs import VERBS
from wavesmith.verbs.options import fields_of

REQUIRED = {
    "inpaint": {"regions": [(0.05, 0.2)]},
    "extend": {"after": 0.1},
    "morph": {"count": 4, "first": 1},
    "morph_labels": {"label": "kick", "to": "hihat", "count": 4, "first": 1},
    "upscale": {"cutoff": 1000.0},
}
CHANGES = {
    "label": "snare",
    "avoid": "kick",
    "guide": [{"width": 0.0}],
    "peak_db": -20.0,
    "seconds": 0.1,
    "amount": 0.65,
    "method": "inversion",
    "envelope": 1.0,
    "regions": [(0.1, 0.22)],
    "before": 0.05,
    "after": 0.2,
    "bars": 1.0,
    "bpm": 300.0,
    "beats": 2,
    "joint": 0.05,
    "cutoff": 700.0,
    "strength": 2.0,
    "count": 6,
    "to": "percussion",
    "sampler": "euler",
    "schedule": "linear",
    "steps": 7,
    "sigma_min": 0.5,
    "sigma_max": 0.3,
    "guidance": 5.0,
    "guidance_interval": (0.0, 1e-4),
    "eta": 1.0,
}
NEEDS = {
    "eta": {"sampler": "ddim", "steps": 12},
    "sampler": {"steps": 12},  # with one step left all samplers are alike
    "schedule": {"steps": 12},
    "avoid": {"guidance": 3.0},
    "guidance": {"label": "kick"},
    "guidance_interval": {"label": "kick", "guidance": 3.0},
    "bars": {"bpm": 240.0},
    "bpm": {"bars": 1.0},
    "beats": {"bars": 1.0, "bpm": 240.0},
}
BASES = {"bars": {}, "bpm": {"bars": 1.0, "bpm": 240.0}, "beats": {"bars": 1.0, "bpm": 240.0}}


def sounding(debug, texture, verb, **request):
    sources = [texture(1800, seed, rate=8000) for seed in range(VERBS[verb].sources[0])]
    return next(iter(VERBS[verb].stream(debug, *sources, seed=3, **request))).samples


@pytest.mark.parametrize(
    ("verb", "setting"), [(verb, setting) for verb in VERBS for setting in fields_of(VERBS[verb])]
)
def test_each_setting_of_each_verb_changes_the_sound(debug, texture, verb, setting):
    base = REQUIRED.get(verb, {}) | BASES.get(setting, NEEDS.get(setting, {}))
    changed = base | NEEDS.get(setting, {}) | {setting: CHANGES[setting]}
    before, after = (sounding(debug, texture, verb, **request) for request in (base, changed))
    assert before.shape != after.shape or np.abs(before - after).max() > 1e-4


@pytest.mark.parametrize("verb", ["vary", "restyle"])
@pytest.mark.parametrize("method", ["noise", "inversion"])
@pytest.mark.parametrize("condition", [{"label": "kick"}, {"avoid": "kick"}])
def test_labels_reach_small_amounts_in_models_guided_at_high_noise_only(
    high_guidance, texture, verb, method, condition
):
    """Guidance above sigma 4 was never reached by variations that start below it."""
    request = {"amount": 0.3, "method": method, "guidance": 4.0}
    plain = sounding(high_guidance, texture, verb, **request)
    guided = sounding(high_guidance, texture, verb, **request | condition)
    assert np.abs(plain - guided).max() > 1e-4


@pytest.fixture(scope="module")
def high_guidance(debug):
    from wavesmith.families.diffusion import DiffusionModel
    from wavesmith.models import Model

    own = debug.family.config.sampling.model_copy(update={"guidance_interval": (4.0, 20.0)})
    family = DiffusionModel(debug.family.config.model_copy(update={"sampling": own})).eval()
    family.load_state_dict(debug.family.state_dict())
    return Model("high", "0" * 16, family)
