from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from wavesmith import Sound
from wavesmith.export import read_midi, read_sfz

OPTIONS = ("kit", "--model", "debug", "--steps", 2, "--seed", 3)


def test_a_kit_with_all_that_samplers_read_a_picture_and_a_bar(wavesmith):
    result = wavesmith(*OPTIONS, "--pieces", "kick=1,hihat=2", "--name", "My kit", "--bits", 16)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("3 pieces, 12 sounds, in kit (seed 3, ")
    there = {path.name for path in Path("kit").iterdir()}
    assert there >= {
        "My kit.sfz",
        "My kit.dspreset",
        "drumkit.xml",
        "kit.json",
        "kit.png",
        "bar.mid",
        "bar.wav",
    }
    samples = sorted(Path("kit/samples").iterdir())
    assert len(samples) == 12
    assert {soundfile.info(path).subtype for path in samples} == {"PCM_16"}
    assert len(read_sfz(Path("kit/My kit.sfz")).regions) == 12
    assert {hit.key for hit in read_midi(Path("kit/bar.mid"))} == {36, 42, 44}
    bar = Sound.read("kit/bar.wav")
    assert abs(bar.levels().peak_db + 1) < 0.1
    assert json.loads(Path("kit/kit.json").read_text())["about"]["seed"] == 3


def test_only_the_formats_asked_for(wavesmith):
    arguments = ("--pieces", "kick=1", "--layers", 1, "--turns", 1, "--formats", "decentsampler")
    assert wavesmith(*OPTIONS, *arguments).out.startswith("1 piece, 1 sound, in kit")
    assert not list(Path("kit").glob("*.sfz"))
    assert list(Path("kit").glob("*.dspreset"))


def test_a_folder_that_will_not_do_is_refused_before_anything_is_made(wavesmith, monkeypatch):
    monkeypatch.setattr("wavesmith.cli.kit.make_kit", None)
    Path("kit").mkdir()
    Path("kit/song.als").write_text("mine")
    assert wavesmith(*OPTIONS, "--pieces", "kick=1").refuses("kit is not empty", "--overwrite")


def test_another_kit_is_replaced_only_if_asked(wavesmith):
    small = ("--pieces", "kick=1", "--layers", 1, "--turns", 1)
    assert wavesmith(*OPTIONS, *small).code == 0
    before = {path: path.read_bytes() for path in Path("kit").rglob("*") if path.is_file()}
    assert wavesmith(*OPTIONS, *small, "--amount", 0.3, "--seed", 4).refuses("kit")
    assert {path: path.read_bytes() for path in Path("kit").rglob("*") if path.is_file()} == before
    assert wavesmith(*OPTIONS, *small, "--seed", 4, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pieces", "kick"], ["kick=4,snare=4"]),
        (["--pieces", "kick=many"], ["kick=4,snare=4"]),
        (["--pieces", "kick=0"], ["at least one piece"]),
        (["--pieces", "choir=1"], ["'choir'"]),
        (["--layers", "0"], ["0 layers"]),
        (["--turns", "99"], ["99 turns"]),
        (["--amount", "2"], ["amount"]),
        (["--bpm", "0"], ["tempo of 0"]),
        (["--formats", "sfz,battery"], ["'battery'"]),
        (["--label", "kick"], ["--label"]),
        (["--steps", "0"], ["steps"]),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(wavesmith, arguments, words):
    assert wavesmith("kit", "--model", "debug", *arguments).refuses(*words)
    assert not Path("kit").exists()
