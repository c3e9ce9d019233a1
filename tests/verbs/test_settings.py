import math

import pytest

from wavesmith.errors import RequestError
from wavesmith.verbs import VERBS
from wavesmith.verbs.settings import SEED_LIMIT, check_count, check_seed, label_text, parse_label

GENERATE = VERBS["generate"]


def test_what_is_left_out_comes_from_the_model(debug):
    settings, sampling = GENERATE.settle(debug)
    for name, value in debug.family.config.sampling:
        assert getattr(sampling, name) == value
    assert (settings.label, settings.seconds, settings.peak_db) == (None, debug.seconds, -1.0)


def test_given_values_are_kept(debug):
    given = {
        "label": "kick",
        "seconds": 0.1,
        "sampler": "euler",
        "schedule": "linear",
        "steps": 3,
        "sigma_min": 0.1,
        "sigma_max": 5.0,
        "guidance": 1.0,
        "guidance_interval": (0.5, 2.0),
        "peak_db": None,
    }
    settings, sampling = GENERATE.settle(debug, **given)
    values = dict(sampling) | dict(settings)
    assert {name: values[name] for name in given} == given


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"label": "snair"}, "'snare'"),
        ({"sampler": "eular"}, "'euler'"),
        ({"schedule": "karas"}, "'karras'"),
        ({"steps": 0}, "steps cannot be 0; choose 1 to 10000"),
        ({"steps": -5}, "steps"),
        ({"steps": 10_001}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"steps": "many"}, "steps"),
        ({"eta": 0.5}, "eta"),
        ({"eta": 1.5, "sampler": "ddim"}, "eta cannot be 1.5"),
        ({"eta": math.nan, "sampler": "ddim"}, "eta"),
        ({"sigma_min": 30.0}, "noise range"),
        ({"sigma_min": -1.0}, "sigma_min"),
        ({"sigma_min": math.nan}, "sigma_min"),
        ({"sigma_max": math.inf}, "sigma_max"),
        ({"sigma_max": math.nan}, "sigma_max"),
        ({"guidance_interval": (8.0, 0.4)}, "guidance_interval"),
        ({"guidance_interval": (0.0, math.inf)}, "guidance_interval"),
        ({"guidance_interval": 3}, "guidance_interval"),
        ({"seconds": 0}, "seconds cannot be 0; choose 0.01 to 60"),
        ({"seconds": 1e9}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"guidance": -1}, "guidance"),
        ({"guidance": math.inf}, "guidance"),
        ({"peak_db": 3}, "peak_db"),
        ({"peak_db": math.nan}, "peak_db"),
        ({"stepps": 3}, "'steps'"),
        ({"amount": 0.5}, "'amount'"),
    ],
)
def test_invalid_requests_are_refused_by_name(debug, given, named):
    with pytest.raises(RequestError) as caught:
        GENERATE.settle(debug, **given)
    assert named in str(caught.value)


def test_settings_that_change_nothing_are_refused(debug):
    for verb, given in [
        ("vary", {"method": "inversion", "sampler": "ddim"}),
        ("vary", {"method": "inversion", "eta": 0.5}),
        ("clean", {"schedule": "linear"}),
        ("morph", {"guidance": 3.0}),
    ]:
        sources = VERBS[verb].sources[0]
        with pytest.raises(RequestError, match="would change nothing"):
            VERBS[verb].settle(debug, sources, **given)


def test_counts_and_seeds_are_checked():
    for count in (0, -1):
        with pytest.raises(RequestError):
            check_count(count)
    for seed in (-1, SEED_LIMIT):
        with pytest.raises(RequestError):
            check_seed(seed)
    assert check_seed(SEED_LIMIT - 1) == SEED_LIMIT - 1


def test_a_seed_is_drawn_if_none_is_given():
    seeds = {check_seed(None) for _ in range(10)}
    assert len(seeds) > 1
    assert all(0 <= seed < SEED_LIMIT for seed in seeds)


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("kick", "kick", "kick"),
        (" kick ", "kick", "kick"),
        ("kick=0.7,snare=0.3", {"kick": 0.7, "snare": 0.3}, "kick0.7+snare0.3"),
        ("kick=1, snare=0", {"kick": 1.0, "snare": 0.0}, "kick1"),
    ],
)
def test_labels_are_read_and_named(text, label, name):
    assert parse_label(text) == label
    assert label_text(label) == name
