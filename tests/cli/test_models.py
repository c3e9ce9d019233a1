from __future__ import annotations

import pytest

from wavesmith.models import bundled_names, load
from wavesmith.training import recipe_names


@pytest.mark.parametrize("arguments", [("models",), ("models", "list")])
def test_list_names_models_and_recipes(wavesmith, arguments):
    result = wavesmith(*arguments)
    assert result.code == 0
    starts = {line.split()[0] for line in result.out.splitlines() if line.strip()}
    assert {*bundled_names(), *recipe_names()} <= starts


def test_info_prints_the_card(wavesmith):
    result = wavesmith("models", "info", "debug")
    assert result.code == 0
    assert "A tiny random model for tests." in result.out


def test_info_tells_what_a_model_costs(wavesmith):
    parameters = sum(parameter.numel() for parameter in load("debug").family.parameters())
    work = load("debug").family.multiply_adds()
    out = wavesmith("models", "info", "debug").out
    assert f"{parameters / 1e6:.1f} M parameters" in out
    assert f"{work / 1e6:.0f} M multiply-adds in each pass over a second" in out
    assert round(work / 1e6) > 0


def test_info_on_an_unknown_model(wavesmith):
    assert wavesmith("models", "info", "debgu").refuses("'debug'")
