"""Commands of all verbs: options, files, names, recipes, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavesmith import Sound
from wavesmith.cli import verb_command
from wavesmith.cli.commands import command_name
from wavesmith.cli.summaries import SUMMARIES
from wavesmith.verbs import VERBS
from wavesmith.verbs.options import fields_of

COMMANDS = {
    "vary": ["vary", "a.wav"],
    "restyle": ["restyle", "a.wav"],
    "morph": ["morph", "a.wav", "b.wav", "--count", 3],
    "square": ["morph", "a.wav", "b.wav", "b.wav", "a.wav", "-n", 2],
    "morph_labels": ["morph-labels", "kick", "--to", "snare=1,hihat=1", "-n", 2],
    "inpaint": ["inpaint", "a.wav", "--region", "0.02-0.05", "--region", "0.1-0.15"],
    "extend": ["extend", "a.wav", "--after", 0.1],
    "loop": ["loop", "a.wav", "--bars", 0.5, "--bpm", 240],
    "upscale": ["upscale", "a.wav", "--cutoff", 1500],
    "clean": ["clean", "a.wav"],
}


@pytest.fixture
def sounds(tmp_path: Path) -> None:
    """Two sounds of half a second: more than one window."""
    random = np.random.default_rng(0)
    for name, hertz in (("a", 300), ("b", 900)):
        wave = np.sin(2 * np.pi * hertz * np.arange(4000) / 8000) + 0.1 * random.standard_normal((2, 4000))
        Sound(0.4 * wave, 8000).write(tmp_path / f"{name}.wav")


@pytest.fixture
def making(wavesmith, sounds):
    def run(*arguments):
        return wavesmith(*arguments, "--model", "debug", "--seed", 1)

    return run


def files(folder: str = "sounds") -> list[Path]:
    return sorted(Path(folder).iterdir())


def test_every_verb_has_a_command_with_all_its_settings():
    assert {name: verb.summary for name, verb in VERBS.items()} == SUMMARIES
    for name, verb in VERBS.items():
        options = {option.name for option in verb_command.build(name).params}
        assert fields_of(verb).keys() <= options
        assert {"count", "seed", "first", "model", "out"} <= options


@pytest.mark.parametrize("verb", COMMANDS)
def test_files_are_named_by_their_source_carry_recipes_and_come_again(making, wavesmith, verb):
    assert making(*COMMANDS[verb]).code == 0
    made = [path for path in files() if path.suffix == ".wav"]
    assert made
    first = made[-1]
    recipe = Sound.read(first).recipe
    assert (command_name(recipe.verb), recipe.seed) == (COMMANDS[verb][0], 1)
    if verb != "morph_labels":
        assert first.name.startswith("a-")
        assert [source.path for source in recipe.sources] == [
            str(arg) for arg in COMMANDS[verb] if str(arg).endswith(".wav")
        ]
    again = wavesmith("again", first)
    assert (again.code, again.err) == (0, "")
    assert "identical" in again.out


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_is_there_is_not_made_again_and_another_is_not_overwritten(making, verb):
    making(*COMMANDS[verb])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files()}
    result = making(*COMMANDS[verb])
    assert f"0 sounds made, {len(before)} already there" in result.out
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files()} == before
    changed = making(*COMMANDS[verb], "--steps", 3)
    assert changed.refuses("already there", "--overwrite")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files()} == before


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sampler", "eulr"], ["'eulr'", "'euler'"]),
        (["--timbre", "brightness=80"], []),
        (["--timbre", "brightness"], ["brightness=80,attack=20"]),
        (["--peak-db", "9"], ["peak_db"]),
        (["--model", "debgu"], ["'debug'"]),
        (["--bits", "12"], ["12"]),
        (["--guide", "nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(wavesmith, sounds, verb, arguments, words):
    given = [*COMMANDS[verb], *([] if "--model" in arguments else ["--model", "debug"]), *arguments]
    result = wavesmith(*given)
    assert result.refuses(*([arguments[0]] if "No such option" in result.err else words))
    assert not Path("sounds").exists() or not files()


@pytest.mark.parametrize("verb", [verb for verb in COMMANDS if verb != "morph_labels"])
def test_bad_sources_are_one_sentence_with_their_name_and_leave_nothing(making, verb):
    Sound(np.zeros((1, 4000)), 8000).write("silent.wav")
    Path("empty.wav").write_bytes(b"")
    soundfile.write("nothing.wav", np.zeros((0, 1)), 8000)
    Path("notes.wav").write_text("my notes")
    for name in ("silent.wav", "empty.wav", "nothing.wav", "notes.wav", "nowhere.wav"):
        arguments = [name if argument == "a.wav" else argument for argument in COMMANDS[verb]]
        assert making(*arguments).refuses(name)
        assert not Path("sounds").exists() or not files()


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_picture_shows_source_and_results(making, verb):
    assert making(*COMMANDS[verb], "--picture").code == 0
    (picture,) = [path for path in files() if path.suffix == ".png"]
    assert picture.read_bytes().startswith(b"\x89PNG")
