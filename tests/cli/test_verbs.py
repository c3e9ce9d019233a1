"""What all commands that make sounds of sounds have in common: files, names, recipes, defaults, refusals."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer.main

from wavesmith import Sound, load
from wavesmith.cli.main import app
from wavesmith.verbs import VERBS, clean, extend, inpaint, loop, make_kit, morph, restyle, upscale, vary
from wavesmith.verbs.settings import settle

FUNCTIONS = {
    "vary": vary,
    "restyle": restyle,
    "morph": morph,
    "inpaint": inpaint,
    "extend": extend,
    "loop": loop,
    "upscale": upscale,
    "clean": clean,
    "kit": make_kit,
}
COMMANDS = {
    "vary": ["vary", "a.wav"],
    "restyle": ["restyle", "a.wav"],
    "morph": ["morph", "a.wav", "b.wav", "--steps", 3],
    "grid": ["morph", "a.wav", "b.wav", "b.wav", "a.wav", "--steps", 2],
    "morph_labels": ["morph", "--label", "kick", "--to", "snare=1,hihat=1", "--steps", 2],
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


def test_every_verb_has_a_command():
    assert {"generate", *COMMANDS} == VERBS.keys()


@pytest.mark.parametrize("verb", COMMANDS)
def test_files_are_named_by_their_source_carry_recipes_and_come_again(making, wavesmith, verb):
    assert making(*COMMANDS[verb]).code == 0
    made = [path for path in files() if path.suffix == ".wav"]
    assert made
    first = made[-1]
    recipe = Sound.read(first).recipe
    assert (recipe.verb, recipe.seed) == (verb, 1)
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
    changed = making(*COMMANDS[verb], "--guidance", 5)
    assert changed.refuses("already there", "--overwrite")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files()} == before


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sampler", "eulr"], ["'eulr'", "'euler'"]),
        (["--timbre", "brightness=80"], []),
        (["--timbre", "brightness"], ["brightness=80,attack=20"]),
        (["--peak", "9"], ["peak of 9"]),
        (["--model", "debgu"], ["'debug'"]),
        (["--bits", "12"], ["12"]),
        (["--guide", "nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(wavesmith, sounds, verb, arguments, words):
    given = [*COMMANDS[verb], *([] if "--model" in arguments else ["--model", "debug"]), *arguments]
    assert wavesmith(*given).refuses(*words)
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


def parameters(command: str) -> dict[str, object]:
    """Defaults of a command's options by the names that Python has for them."""
    click = typer.main.get_command(app).commands[command]
    names = {"count": "n", "region": "regions", "peak": "peak_db"}
    return {names.get(option.name, option.name): option.default for option in click.params}


@pytest.mark.parametrize("command", FUNCTIONS)
def test_defaults_are_those_of_python(command):
    options = parameters(command)
    if command == "morph":  # also does what morph_labels does, whose seed is drawn
        del options["seed"]
    for name, parameter in inspect.signature(FUNCTIONS[command]).parameters.items():
        if name in options and parameter.default is not inspect.Parameter.empty and name != "sounds":
            assert options[name] == parameter.default, name


@pytest.mark.parametrize("command", [command for command in FUNCTIONS if command not in ("kit", "morph")])
def test_defaults_are_those_of_the_settings(command):
    model, options = load("debug"), parameters(command)
    needed = {"inpaint": {"regions": ((0, 1),)}, "extend": {"after": 1.0}}
    settings = settle(VERBS[command].settings, model, **needed.get(command, {}))
    own = set(VERBS[command].settings.model_fields) - set(VERBS["vary"].settings.model_fields) | {
        "amount",
        "method",
    }
    compared = 0
    for name in own & set(VERBS[command].settings.model_fields) & options.keys():
        if name not in needed.get(command, {}):
            assert options[name] == getattr(settings, name), name
            compared += 1
    assert compared


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_picture_shows_source_and_results(making, verb):
    assert making(*COMMANDS[verb], "--picture").code == 0
    (picture,) = [path for path in files() if path.suffix == ".png"]
    assert picture.read_bytes().startswith(b"\x89PNG")
