from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from wavesmith import Sound, load
from wavesmith.families import read_config
from wavesmith.training import RunConfig

MODEL = {
    "rate": 8000,
    "channels": 1,
    "length": 1024,
    "transform": {"kind": "spectral", "hop": 16},
    "network": {
        "kind": "frame_unet",
        "fold": 4,
        "widths": [16, 64],
        "blocks": 1,
        "condition": 16,
        "dropout": 0.0,
    },
    "parameterisation": {"kind": "gated"},
}
CONFIG = RunConfig(
    model=read_config(MODEL),
    training={
        "examples": 300,
        "batch": 2,
        "warmup": 10,
        "validate_every": 150,
        "demo_every": 10_000,
        "save_every": 150,
        "held_out": 0.25,
    },
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.to_yaml())
    return path


def options(out: str, *more: object) -> list[object]:
    return ["train", "drums", "--config", "tiny.yaml", "--device", "cpu", "--threads", 1, "--out", out, *more]


def test_ctrl_c_and_the_same_command_make_the_model_of_an_unbroken_run(
    wavesmith, interrupted, drums, config, tmp_path
):
    assert wavesmith(*options("whole", "--quiet")).code == 0
    log = tmp_path / "broken/training/log.jsonl"
    stopped = interrupted(lambda: log.exists() and log.stat().st_size > 0, *options("broken"))
    assert stopped.code == 130
    assert "of 300 examples; the same command goes on" in stopped.err
    assert "Traceback" not in stopped.err
    weights = tmp_path / "broken/model.safetensors"
    assert weights.read_bytes() != Path("whole/model.safetensors").read_bytes()
    assert wavesmith("generate", "kick", "--model", "broken").code == 0

    resumed = wavesmith(*options("broken"))
    assert resumed.code == 0
    assert "Going on with the training in broken" in resumed.err
    assert weights.read_bytes() == Path("whole/model.safetensors").read_bytes()
    assert load("broken").hash in resumed.out


def test_a_trained_model_makes_sounds(wavesmith, drums, config):
    result = wavesmith(*options("mine", "--examples", 8))
    assert result.code == 0
    assert "sounds to train on" in result.err
    assert "wavesmith generate --model mine" in result.out
    assert wavesmith("generate", "snare", "--seed", 1, "--model", "mine").code == 0
    assert Sound.read("sounds/snare-1-000.wav").recipe.model_hash == load("mine").hash
    assert "drums" not in wavesmith("models", "info", "mine").err


def test_quiet_is_quiet(wavesmith, drums, config):
    result = wavesmith(*options("mine", "--examples", 4, "--quiet"))
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--out", "m"], ["no folder nowhere"]),
        (["drums", "--out", "m", "--config", "drum"], ["'drum'", "'drums'"]),
        (["drums", "--out", "m", "--base", "debgu"], ["'debug'"]),
        (["drums", "--out", "m", "--config", "tiny.yaml", "--base", "debug"], ["base"]),
        (["drums", "--out", "m", "--config", "tiny.yaml", "--batch", "0"], ["batch"]),
        (["drums", "--out", "m", "--config", "tiny.yaml", "--learning-rate", "-1"], ["learning_rate"]),
        (["drums", "--out", "m", "--log", "paper"], ["paper", "tensorboard"]),
        (["nowhere", "--out", "tiny.yaml"], ["tiny.yaml is a file"]),
        (["drums", "--out", "drums/m"], ["inside the folder of sounds", "--out outside"]),
        (["drums"], ["--out"]),
    ],
)
def test_nonsense_is_refused(wavesmith, drums, config, arguments, words):
    assert wavesmith("train", *arguments, "--quiet").refuses(*words)
    assert not Path("m").exists()


def test_without_a_terminal_a_training_says_what_it_chose_and_how_it_goes(wavesmith, drums, config):
    result = wavesmith(*options("mine", "--examples", 160))
    assert re.search("million parameters, on 1 x cpu, precision (32|bf16)", result.err)
    lines = [line for line in result.err.splitlines() if "held-out loss" in line]
    assert [line.split(",")[0] for line in lines] == ["150 examples", "160 examples"]


def test_a_training_that_is_done_says_so_and_fewer_examples_are_refused(wavesmith, drums, config):
    assert wavesmith(*options("mine", "--examples", 8)).code == 0
    before = Path("mine/training/config.yaml").read_bytes()
    again = wavesmith(*options("mine", "--examples", 8))
    assert again.code == 0
    assert "The training in mine is complete" in again.err
    assert wavesmith(*options("mine", "--examples", 4)).refuses("already seen 8 examples", "ask for more")
    assert Path("mine/training/config.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_logger_says_what_to_install(wavesmith, drums, monkeypatch, name):
    def missing(*arguments, **options):
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr("lightning_fabric.loggers.tensorboard.TensorBoardLogger", missing)
    monkeypatch.setitem(sys.modules, "wandb", None)
    result = wavesmith("train", "drums", "--out", "m", "--log", name)
    assert result.refuses(f"pip install 'wavesmith[{name}]'")


def test_a_classifier_is_trained_and_steers(wavesmith, drums):
    result = wavesmith(
        "train", "drums", "--classifier", "--out", "classifier", "--examples", 64, "--batch", 8
    )
    assert result.code == 0
    assert "The classifier is in classifier; it tells kick, snare apart" in result.out
    Path("guides.yaml").write_text("- judge: classifier\n  label: kick\n")
    for folder, guide in (("steered", ("--guide", "guides.yaml")), ("plain", ())):
        assert wavesmith("generate", "--seed", 1, "--model", "debug", "--out", folder, *guide).code == 0
    steered, plain = (Sound.read(f"{folder}/sound-1-000.wav") for folder in ("steered", "plain"))
    assert (steered.samples != plain.samples).any()


def test_a_classifier_of_the_python_api_is_the_same(wavesmith, drums):
    from wavesmith.classifiers import train_folder

    wavesmith("train", "drums", "--classifier", "--out", "a", "--examples", 16, "--seed", 2)
    train_folder("drums", "b", examples=16, seed=2)
    assert Path("a/model.safetensors").read_bytes() == Path("b/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base", "debug"], ["--base"]),
        (["--config", "drums"], ["--config"]),
        (["--learning-rate", "0.1"], ["--learning-rate"]),
        (["--device", "cuda"], ["--device"]),
        (["--log", "wandb"], ["--log"]),
        (["--examples", "0"], ["0 examples"]),
        (["--batch", "1"], ["batches of 1"]),
    ],
)
def test_what_a_classifier_cannot_be_trained_with_is_refused(wavesmith, drums, arguments, words):
    assert wavesmith("train", "drums", "--classifier", "--out", "classifier", *arguments).refuses(*words)
    assert not Path("classifier").exists()


def test_a_classifier_for_other_labels_is_refused_where_it_is_to_steer(wavesmith, drums):
    wavesmith("train", "drums", "--classifier", "--out", "classifier", "--examples", 8, "--batch", 4)
    Path("guides.yaml").write_text("- judge: classifier\n  label: choir\n")
    result = wavesmith("generate", "--model", "debug", "--guide", "guides.yaml")
    assert result.refuses("label of the classifier", "'choir'", "kick, snare")
    assert not Path("sounds").exists()


def test_a_trained_model_can_be_steered_by_percentiles(wavesmith, drums, config):
    wavesmith(*options("mine", "--examples", 8))
    assert load("mine").timbre is not None
    made = wavesmith("generate", "kick", "--model", "mine", "--timbre", "brightness=80", "--seed", 1)
    assert made.code == 0


def test_a_model_is_trained_on_what_licences_and_opt_outs_leave(wavesmith, drums, config):
    lines = [
        f'{{"path": "{label}/{name}.wav", "licence": "{licence}", "author": "{name}"}}'
        for label in ("kick", "snare")
        for name, licence in zip("abcd", ("CC0-1.0", "CC-BY-4.0", "MIT", "CC0-1.0"), strict=True)
    ]
    (drums / "manifest.jsonl").write_text("\n".join(lines))
    (drums.parent / "wishes.txt").write_text("author: d\n")
    asked = "--licences", "cc0,cc-by", "--opt-out", "wishes.txt"
    assert wavesmith(*options("mine", "--examples", 4, *asked)).code == 0
    record = load("mine").provenance
    assert {(source.author, source.sounds) for source in record.sources} <= {("a", 2), ("b", 2), ("a", 1)}
    assert sum(source.sounds for source in record.sources) + len(record.held_out) == 4
    assert "attribution.json" in load("mine").card
    assert wavesmith(*options("mine", "--examples", 8, "--licences", "mit")).refuses("other options")
    assert wavesmith(*options("mine", "--examples", 8, *asked[:2])).refuses("sounds have changed")
    assert wavesmith(*options("other", "--licences", "gpl")).refuses("'gpl'")
