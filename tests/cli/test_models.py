from __future__ import annotations

from pathlib import Path

import pytest

from wavesmith.models import bundled_names, load, save_folder
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


def test_a_model_without_percentiles_gets_them(wavesmith, drums):
    save_folder("mine", load("debug").family, "")
    steered = ("generate", "kick", "--model", "mine", "--seed", 1, "--timbre", "brightness=90")
    assert wavesmith(*steered).refuses("no table of timbres", "wavesmith models timbre MODEL SOUNDS")
    result = wavesmith("models", "timbre", "mine", "drums")
    assert (result.code, result.err) == (0, "")
    table = load("mine").timbre
    assert table.rows.keys() == {"", "kick", "snare"}
    assert table.value("brightness", 50, {"snare": 1}) > table.value("brightness", 50, {"kick": 1})
    assert wavesmith(*steered).code == 0


def test_percentiles_need_a_model_folder_and_sounds(wavesmith, drums):
    save_folder("mine", load("debug").family, "")
    assert wavesmith("models", "timbre", "debug", "drums").refuses("debug", "no model folder")
    assert wavesmith("models", "timbre", "mine", "nowhere").refuses("nowhere")
    assert not Path("mine/timbre.json").exists()
