from __future__ import annotations

from pathlib import Path

import pytest

from wavesmith import models
from wavesmith.models import Provenance, bundled_names, load, save_folder, save_provenance
from wavesmith.training import config_names


@pytest.mark.parametrize("arguments", [("models",), ("models", "list")])
def test_list_names_models_and_recipes(wavesmith, arguments):
    result = wavesmith(*arguments)
    assert result.code == 0
    starts = {line.split()[0] for line in result.out.splitlines() if line.strip()}
    assert {*bundled_names(), *config_names()} <= starts


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
    assert wavesmith(*steered).refuses("timbres", "wavesmith models timbre")
    result = wavesmith("models", "timbre", "mine", "drums")
    assert (result.code, result.err) == (0, "")
    table = load("mine").timbre
    assert table.rows.keys() == {"", "kick", "snare"}
    assert table.value("brightness", 50, {"snare": 1}) > table.value("brightness", 50, {"kick": 1})
    assert wavesmith(*steered).code == 0


def test_percentiles_need_a_model_folder_and_sounds(wavesmith, drums):
    save_folder("mine", load("debug").family, "")
    assert wavesmith("models", "timbre", "debug", "drums").refuses("debug")
    assert wavesmith("models", "timbre", "mine", "nowhere").refuses("nowhere")
    assert not Path("mine/timbre.json").exists()


def test_info_tells_what_a_model_makes_and_how(wavesmith):
    out = wavesmith("models", "info", "debug").out
    assert "0.26 s at 8000 Hz, stereo; hihat, kick, percussion, snare" in out
    assert "generate, vary" in out
    assert "clean" in out
    assert all(text in out for text in load("debug").family.describe().values())


def test_card_prints_nothing_else(wavesmith):
    assert wavesmith("models", "card", "debug").out.strip() == load("debug").card.strip()


def test_convert_there_and_back(wavesmith, dance_checkpoint, tmp_path):
    result = wavesmith("models", "convert", dance_checkpoint, "mine")
    assert result.out.startswith(f"{dance_checkpoint} is in mine (folder, ")
    assert wavesmith("models", "convert", "mine", "again.ckpt").code == 0
    assert wavesmith("models", "convert", "mine", "pipeline", "--form", "diffusers").code == 0
    hashes = {load(tmp_path / name).hash for name in ("mine", "again.ckpt", "pipeline")}
    assert hashes == {load(dance_checkpoint).hash}
    assert wavesmith("models", "convert", "mine", "pipeline").refuses("pipeline")
    assert wavesmith("models", "convert", "mine", "back.safetensors").refuses(".ckpt")
    assert not Path("back.safetensors").exists()


def test_convert_says_when_the_record_of_the_training_stays_behind(wavesmith, dance_checkpoint):
    wavesmith("models", "convert", dance_checkpoint, "mine")
    save_provenance("mine", Provenance(sources=()))
    assert "keep mine" not in wavesmith("models", "convert", "mine", "copy").out
    said = wavesmith("models", "convert", "copy", "back.ckpt").out
    assert "keep copy, whose attribution.json" in said


def test_rate_and_length_are_given_as_options(wavesmith, dance_checkpoint, silent_checkpoint):
    assert wavesmith("models", "info", silent_checkpoint).refuses("silent.ckpt", "rate")
    out = wavesmith("models", "info", silent_checkpoint, "--rate", 16000, "--length", 512).out
    assert "0.03 s at 16000 Hz" in out
    refused = wavesmith("models", "info", dance_checkpoint, "--rate", 44100)
    assert refused.refuses("16000", "44100")
    assert wavesmith("models", "info", silent_checkpoint, "--rate", 3, "--length", 512).refuses("rate")


def test_pull_and_push_call_the_hub(wavesmith, monkeypatch, dance_checkpoint):
    monkeypatch.setattr(models, "download", lambda name: dance_checkpoint.parent)
    monkeypatch.setattr(models, "load", lambda name: load("debug"))
    pulled = wavesmith("models", "pull", "some/body")
    assert pulled.out.startswith(f"some/body ({load('debug').hash}) is in {dance_checkpoint.parent}")
    monkeypatch.setattr(models, "push", lambda folder, name, private: f"{name}, {private}")
    assert wavesmith("models", "push", "mine", "me/mine").out == "mine is at me/mine, True\n"
    assert wavesmith("models", "push", "mine", "me/mine", "--public").out == "mine is at me/mine, False\n"
