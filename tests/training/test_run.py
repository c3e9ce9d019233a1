import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import build, read_config
from wavesmith.fitting import Trainer
from wavesmith.models import Model, convert, load, save_folder
from wavesmith.sound import Sound
from wavesmith.training import DataConfig, load_config, train
from wavesmith.training.run_folder import CHECKPOINT, CONFIG, LOG
from wavesmith.verbs import generate


class Killed(Exception):
    """Stands for a power cut."""


class At:
    """A logger that does something once the training loss after so many examples is logged."""

    def __init__(self, examples, action):
        self.examples, self.action = examples, action

    def log_metrics(self, metrics, step=None):
        if step == self.examples and any(name.startswith("train/") for name in metrics):
            self.action()


def kill():
    raise Killed


def interrupt():
    signal.raise_signal(signal.SIGINT)


def log_of(out, name="train/generator"):
    """(examples, value) of every line of the log that has it."""
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return [(line["examples"], line[name]) for line in lines if name in line]


def checkpoint(out):
    return torch.load(out / CHECKPOINT, weights_only=True)


def assert_same_training(one, other):
    """Weights, averages, optimizer states and position are equal bit for bit."""
    one, other = checkpoint(one), checkpoint(other)
    assert one["seen"] == other["seen"]
    assert one["averages"]["steps"] == other["averages"]["steps"]
    for name, tensor in one["weights"].items():
        assert torch.equal(tensor, other["weights"][name]), name
    for width, tensors in one["averages"]["averages"].items():
        assert all(map(torch.equal, tensors, other["averages"]["averages"][width]))
    for ours, theirs in zip(one["optimizers"], other["optimizers"], strict=True):
        for key, state in ours["state"].items():
            assert all(torch.equal(value, theirs["state"][key][name]) for name, value in state.items())


@pytest.fixture(scope="module")
def finished(drums, config, tmp_path_factory):
    """A whole short training, and what it reports."""
    reports = []
    out = tmp_path_factory.mktemp("finished") / "drum"
    model = train(
        drums,
        out,
        config=config(demo_every=80, examples=160, learning_rate=5e-3),
        report=reports.append,
        device="cpu",
    )
    return out, model, reports


def test_the_result_is_a_model_that_makes_sounds(finished):
    out, model, reports = finished
    assert load(out).hash == model.hash
    assert model.labels == ("kick", "snare")
    assert generate(model, label="kick", seed=1)[0].frames == 512
    assert reports[0] == "12 sounds to train on, 4 held out, 0 files left out."


def test_size_device_and_precision_are_said(finished):
    _, model, reports = finished
    millions = sum(p.numel() for p in model.family.parameters()) / 1e6
    assert reports[1] == f"{millions:.1f} million parameters, on 1 x cpu, precision 32."


def test_each_held_out_loss_is_said_with_the_speed(finished):
    out, _, reports = finished
    told = [re.fullmatch(r"(\d+) examples, held-out loss (\S+), (\S+)/s", line) for line in reports[2:]]
    assert [int(line[1]) for line in told] == [32, 64, 96, 128, 160]
    lowest = [
        min(pair) for pair in zip(*(log_of(out, f"held_out/ema_{w}") for w in (0.05, 0.1)), strict=True)
    ]
    assert [float(line[2]) for line in told] == [pytest.approx(loss, abs=6e-4) for _, loss in lowest]
    assert all(float(line[3]) > 0 for line in told)


def test_demos_are_what_generate_makes_with_the_saved_model(finished):
    out, model, _ = finished
    demos = out / "training" / "demos"
    assert sorted(path.name for path in demos.iterdir()) == ["00000080", "00000160"]
    assert (demos / "00000160" / "mel.png").stat().st_size > 0
    for label in ("kick", "snare"):
        for k, sound in enumerate(generate(model, 4, label=label, seed=0)):
            sound.write(out / "here.wav")
            demo = Sound.read(demos / "00000160" / f"{label}-{k}.wav")
            assert np.array_equal(demo.samples, Sound.read(out / "here.wav").samples)
            assert demo.recipe.model_hash == model.hash


def test_everything_is_logged_once(finished):
    out, _, _ = finished
    for name in ("train/generator", "train/critic"):
        assert [examples for examples, _ in log_of(out, name)] == [40, 80, 120, 160]
    assert [examples for examples, _ in log_of(out, "held_out/ema_0.05")] == [32, 64, 96, 128, 160]


def test_the_held_out_loss_falls(finished):
    out, _, _ = finished
    losses = [loss for _, loss in log_of(out, "held_out/ema_0.05")]
    assert losses[-1] < 0.95 * losses[0]
    assert losses == sorted(losses, reverse=True)


def test_the_card_says_what_it_was_trained_on(finished):
    out, model, _ = finished
    assert "Trained on 12 sounds for 160 examples" in model.card
    held_out = min(log_of(out, f"held_out/ema_{width}")[-1][1] for width in (0.05, 0.1))
    assert f"Held-out loss at fixed noise: {held_out:.4f}" in model.card
    rows = [line for line in model.card.splitlines() if line.startswith("| the shed | CC0-1.0")]
    assert len(rows) >= 2
    assert all(row.split(" | ")[3:] for row in rows)
    assert "Ann \\| Bob 0" in model.card
    assert sum(int(row.split("|")[-2]) for row in rows) == 12


def test_the_configuration_is_kept_and_trains_the_same_again(finished, drums, tmp_path):
    out, model, _ = finished
    again = train(
        drums, tmp_path / "again", config=out / CONFIG, device="cpu", demo_every=10_000, validate_every=500
    )
    assert again.hash == model.hash


def test_a_finished_model_folder_is_not_overwritten(drums, config, tmp_path):
    save_folder(tmp_path, load("debug").family, "precious")
    with pytest.raises(RequestError, match="already holds a finished model"):
        train(drums, tmp_path, config=config())
    assert load(tmp_path).card == "precious"


@pytest.mark.parametrize(
    ("family", "stop", "options", "workers"),
    [
        ("toy", interrupt, {"batch": 2, "accumulate": 2}, 0),
        ("toy", interrupt, {}, 1),
        ("toy", kill, {"batch": 2, "accumulate": 3}, 0),
        ("diffusion", kill, {}, 0),
    ],
)
def test_an_interrupted_training_equals_an_unbroken_one(
    drums, config, tmp_path, family, stop, options, workers
):
    """With dropout, augmentation and hidden labels: whatever is random must go on where it was."""
    chosen = config(family, examples=96, validate_every=48, save_every=30, **options)
    train(drums, tmp_path / "whole", config=chosen, device="cpu")
    reports = []
    again = {"config": chosen, "device": "cpu", "workers": workers, "report": reports.append}
    with contextlib.suppress(Killed):
        train(
            drums,
            tmp_path / "parts",
            loggers=[At(10 * chosen.training.batch * chosen.training.accumulate, stop)],
            **again,
        )
    assert 0 < checkpoint(tmp_path / "parts")["seen"] < 96
    assert (stop is interrupt) == ("the same command goes on" in reports[-1])
    train(drums, tmp_path / "parts", **again)
    assert f"Going on with the training in {tmp_path / 'parts'}." in reports
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
    name = "train/generator" if family == "toy" else "train/loss"
    assert log_of(tmp_path / "parts", name) == log_of(tmp_path / "whole", name) != []
    assert load(tmp_path / "parts").hash == load(tmp_path / "whole").hash


def test_an_interruption_gives_ctrl_c_back(drums, config, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    train(drums, tmp_path / "a", config=config(), device="cpu", loggers=[At(40, interrupt)])
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(Killed):
        train(drums, tmp_path / "b", config=config(), device="cpu", loggers=[At(40, kill)])
    assert signal.getsignal(signal.SIGINT) is before


def test_the_model_can_be_used_while_training_goes_on(drums, config, tmp_path):
    heard = []

    def listen():
        heard.append((load(tmp_path / "out"), generate(load(tmp_path / "out"), seed=1)[0]))

    final = train(drums, tmp_path / "out", config=config(), device="cpu", loggers=[At(40, listen)])
    assert heard[0][0].hash != final.hash
    assert "for 32 examples" in heard[0][0].card


def test_demos_do_not_disturb_the_training(drums, config, tmp_path):
    for name, every in {"with": 16, "without": 10_000}.items():
        chosen = config(examples=40, demo_every=every, validate_every=every)
        train(drums, tmp_path / name, config=chosen, device="cpu")
    assert_same_training(tmp_path / "with", tmp_path / "without")


def test_more_examples_are_allowed_and_other_options_refused(drums, config, tmp_path):
    out = tmp_path / "out"
    train(drums, out, config=config(examples=16), device="cpu")
    for change in ({"learning_rate": 1e-5}, {"batch": 8}, {"seed": 1}):
        with pytest.raises(RequestError, match=r"begun with other options.*Choose another folder"):
            train(drums, out, device="cpu", **change)
        with pytest.raises(RequestError, match=r"begun with other options"):
            train(drums, out, config=config(examples=16, **change), device="cpu")
    with pytest.raises(RequestError, match=r"begun with other options"):
        train(drums, out, base="debug", device="cpu")
    assert checkpoint(out)["seen"] == 16
    train(drums, out, examples=24, device="cpu")
    assert checkpoint(out)["seen"] == 24
    train(drums, out, config=config(examples=32), device="cpu")
    assert checkpoint(out)["seen"] == 32
    train(drums, out, config=config(examples=16), device="cpu")  # the file it began with; already longer
    assert checkpoint(out)["seen"] == 32


def test_fewer_examples_than_seen_are_refused_and_nothing_is_rewritten(drums, config, tmp_path):
    out = tmp_path / "out"
    train(drums, out, config=config(examples=16), device="cpu")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(RequestError, match="already seen 16 examples; ask for more"):
        train(drums, out, examples=8, device="cpu")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("examples", [16, 14])  # in steps of 4
def test_a_complete_training_is_left_as_it_is_and_says_so(drums, config, tmp_path, examples):
    out, reports = tmp_path / "out", []
    model = train(drums, out, config=config(examples=examples), device="cpu")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = train(drums, out, examples=examples, device="cpu", report=reports.append)
    assert reports == [f"The training in {out} is complete; ask for more examples to go on."]
    assert again.hash == model.hash
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", ["", "model", "kick/deep/model"])
def test_a_model_inside_its_sounds_is_refused_before_anything_is_written(drums, config, tmp_path, place):
    shutil.copytree(drums, tmp_path / "drums")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RequestError, match="inside the folder of sounds; choose an --out outside it"):
        train(tmp_path / "drums", tmp_path / "kick" / ".." / "drums" / place, config=config(), device="cpu")
    assert sorted(tmp_path.rglob("*")) == before


def test_changed_sounds_are_refused(drums, config, tmp_path):
    shutil.copytree(drums, tmp_path / "drums")
    train(tmp_path / "drums", tmp_path / "out", config=config(examples=8), device="cpu")
    Sound(np.ones((1, 100)) * 0.1, 8000).write(tmp_path / "drums" / "kick" / "a.wav")
    for examples in (16, 8):  # the training with 8 is complete
        with pytest.raises(DataError, match=r"sounds have changed.*put them back"):
            train(tmp_path / "drums", tmp_path / "out", examples=examples, device="cpu")
    shutil.copy(drums / "kick" / "a.wav", tmp_path / "drums" / "kick" / "a.wav")
    train(tmp_path / "drums", tmp_path / "out", examples=16, device="cpu")


def test_only_sounds_of_the_basis_are_used(drums, config, tmp_path):
    granted = config(examples=4).model_copy(update={"data": DataConfig(basis="granted")})
    reports = []
    model = train(drums, tmp_path / "out", config=granted, device="cpu", report=reports.append)
    assert reports[0].startswith("10 sounds to train on, 2 held out")
    assert "| granted |" in model.card
    assert "assumed" not in model.card
    none = granted.model_copy(update={"data": DataConfig(basis="stolen")})
    with pytest.raises(DataError, match="licence basis 'stolen'"):
        train(drums, tmp_path / "none", config=none, device="cpu")


def test_a_folder_without_usable_sounds_is_refused(config, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no audio"):
        train(tmp_path / "empty", tmp_path / "out", config=config())
    Sound(np.zeros((1, 1000)), 8000).write(tmp_path / "silent" / "a.wav")
    for chosen in (config(), None):
        with pytest.raises(DataError, match="None of the 1 audio files"):
            train(tmp_path / "silent", tmp_path / "out", config=chosen)
    with pytest.raises(DataError, match="no folder"):
        train(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sounds_without_labels_make_an_unconditional_model(config, tmp_path):
    for k in range(2):
        Sound(np.random.default_rng(k).standard_normal((1, 400)) * 0.1, 8000).write(
            tmp_path / "in" / f"{k}.wav"
        )
    model = train(tmp_path / "in", tmp_path / "out", config=config(examples=8), device="cpu")
    assert model.labels == ()
    assert "Held-out" not in model.card
    assert (tmp_path / "out/training/demos/00000008/sound-0.wav").is_file()


def test_a_loss_that_is_no_number_is_reported_and_the_checkpoint_kept(drums, config, tmp_path, monkeypatch):
    step = Trainer.step

    def spoilt(self, batches):
        if self.seen >= 40:
            self.module.mean.data.fill_(float("nan"))
        return step(self, batches)

    monkeypatch.setattr(Trainer, "step", spoilt)
    with pytest.raises(ModelError, match=r"diverged: the loss is nan after 40 examples.*lower learning rate"):
        train(drums, tmp_path / "out", config=config(), device="cpu")
    assert checkpoint(tmp_path / "out")["seen"] == 32
    assert generate(load(tmp_path / "out"), seed=1)


def test_weights_that_are_no_numbers_are_never_saved(drums, config, tmp_path, monkeypatch):
    from wavesmith.fitting.ema import PowerAverages

    update = PowerAverages.update

    def spoilt(self, module):
        if self.steps == 15:
            next(module.parameters()).data.fill_(float("inf"))
        update(self, module)

    monkeypatch.setattr(PowerAverages, "update", spoilt)
    with pytest.raises(ModelError, match="weights are no longer finite after 64 examples"):
        train(drums, tmp_path / "out", config=config(), device="cpu")
    assert checkpoint(tmp_path / "out")["seen"] == 32


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_one_sentence(drums, config, tmp_path, content):
    out = tmp_path / "out"
    train(drums, out, config=config(examples=8), device="cpu")
    whole = (out / CHECKPOINT).read_bytes()
    (out / CHECKPOINT).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelError, match=r"last\.ckpt is damaged"):
        train(drums, out, examples=16, device="cpu")


def odd_averages(whole):
    return {"steps": 2, "averages": {width: [torch.zeros(9, 9)] for width in whole["averages"]["averages"]}}


ODD_CHECKPOINTS = {  # what torch reads, and no training wrote
    "a list": lambda whole: [1, 2],
    "a tensor": lambda whole: torch.zeros(3),
    "other keys": lambda whole: {"weights": torch.zeros(3)},
    "a word for a number": lambda whole: whole | {"seen": "many"},
    "no weights": lambda whole: whole | {"weights": {}},
    "a list for weights": lambda whole: whole | {"weights": [7]},
    "no averages": lambda whole: whole | {"averages": {}},
    "averages of others": lambda whole: whole | {"averages": odd_averages(whole)},
    "a list for the optimizer": lambda whole: whole | {"optimizers": [7, 7]},
    "one optimizer": lambda whole: whole | {"optimizers": whole["optimizers"][:1]},
    "no monitor": lambda whole: {name: value for name, value in whole.items() if name != "monitor"},
    "an odd monitor": lambda whole: whole | {"monitor": {"width": 0.1}},
    "another format": lambda whole: whole | {"format": 99},
}


@pytest.fixture(scope="module")
def short(drums, config, tmp_path_factory):
    out = tmp_path_factory.mktemp("short") / "out"
    train(drums, out, config=config(examples=8), device="cpu")
    return out


@pytest.mark.parametrize("kind", ODD_CHECKPOINTS)
def test_an_odd_checkpoint_is_one_sentence(drums, short, tmp_path, kind):
    out = shutil.copytree(short, tmp_path / "out")
    torch.save(ODD_CHECKPOINTS[kind](checkpoint(short)), out / CHECKPOINT)
    with pytest.raises(ModelError, match=r"last\.ckpt is damaged or of another training.*choose another"):
        train(drums, out, examples=16, device="cpu")


@pytest.fixture(scope="module")
def base(drums, config, tmp_path_factory):
    out = tmp_path_factory.mktemp("base") / "base"
    train(drums, out, config=config("diffusion", examples=16, held_out=0.0, seed=5), device="cpu")
    return out


def relabelled(drums, folder, names):
    for label, name in names.items():
        shutil.copytree(drums / label, folder / name)
    return folder


def test_fine_tuning_starts_from_the_base_and_says_so(drums, base, tmp_path):
    reports = []
    folder = relabelled(drums, tmp_path / "in", {"snare": "clap", "kick": "kick"})
    model = train(folder, tmp_path / "out", base=str(base), report=reports.append, device="cpu", examples=8)
    assert "Starts from the model" in reports[0]
    assert model.labels == ("clap", "kick")
    assert f"started from `{base}`, whose card says" in model.card
    assert "Trained on 16 sounds for 16 examples" in model.card
    assert model.card.count("library_name") == 1
    theirs, ours = load(base).family.state_dict(), model.family.state_dict()
    assert torch.equal(ours["transform.scale"], theirs["transform.scale"])
    weight = "network.bottom.0.conv1.weight"
    torch.testing.assert_close(ours[weight], theirs[weight], rtol=0, atol=1e-3)
    label = "network.condition.label.weight"
    torch.testing.assert_close(ours[label][:, 1], theirs[label][:, 0], rtol=0, atol=1e-3)  # kick stays kick
    assert (ours[label][:, :1] - theirs[label]).abs().amax(0).min() > 0.1  # clap is nobody's


def test_a_base_that_was_not_told_of_augmentations_will_do(drums, tmp_path):
    model = train(drums, tmp_path / "out", base="debug", device="cpu", examples=4, batch=2)
    assert model.labels == ("kick", "snare")


@pytest.mark.parametrize("kind", ["dance_diffusion", "attention_unet"])
def test_a_checkpoint_of_another_tool_is_fine_tuned_and_goes_back_to_it(drums, tmp_path, kind):
    networks = {
        "dance_diffusion": {"channels": [32, 32], "attentions": 1},
        "attention_unet": {
            "channels": [8, 8],
            "factors": [1, 4],
            "items": [1, 1],
            "attentions": [0, 1],
            "heads": 1,
            "modulation_features": 16,
        },
    }
    model = {
        "rate": 8000,
        "channels": 1,
        "length": 512,
        "transform": {"kind": "raw"},
        "network": {"kind": kind} | networks[kind],
        "parameterisation": {"kind": "v"},
        "sampling": {"steps": 2},
    }
    convert(Model("theirs", "", build(read_config(model)).eval()), tmp_path / "theirs.ckpt", "ckpt")
    if kind == "attention_unet":  # its checkpoints say their rate and length in a file beside them
        (tmp_path / "theirs.yaml").write_text("sampling_rate: 8000\nlength: 512\n")
    base = load(tmp_path / "theirs.ckpt")
    flat = tmp_path / "sounds"  # no sub-folders, no labels: the old tools know none
    flat.mkdir()
    for path in sorted(drums.rglob("*.wav")):
        shutil.copy(path, flat / f"{path.parent.name}-{path.name}")
    options = {"device": "cpu", "examples": 8, "batch": 4, "demo_every": 10**6}
    tuned = train(flat, tmp_path / "out", base=base.name, **options)
    before, after = base.family.network.state_dict(), tuned.family.network.state_dict()
    moved = [(after[name] - before[name]).abs().max() for name in before]
    assert 0 < max(moved) < 0.01
    convert(tuned, tmp_path / "back.ckpt", "ckpt")
    back = load(tmp_path / "back.ckpt", length=512, **({"rate": 8000} if kind == "attention_unet" else {}))
    assert all(torch.equal(back.family.network.state_dict()[name], after[name]) for name in before)


def test_a_base_of_another_network_is_refused(drums, base, config, tmp_path):
    chosen = config("diffusion")
    other = chosen.model_copy(
        update={"base": str(base), "model": chosen.model.model_copy(update={"channels": 2})}
    )
    with pytest.raises(ModelError, match="another network"):
        train(drums, tmp_path / "out", config=other, device="cpu")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"config": "drmus"}, "did you mean 'drums'"),
        ({"base": "debgu"}, "did you mean 'debug'"),
        ({"config": "drums", "base": "debug"}, "exclude each other"),
        ({"device": "cudaa"}, "'cuda'"),
        ({"devices": 0}, "devices"),
        ({"threads": 0}, "threads"),
        ({"workers": -1}, "workers"),
        ({"examples": 0}, "examples"),
        ({"exampels": 8}, "exampels"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"ema": ()}, "ema"),
        ({"ema": (0.5,)}, "ema"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_written(
    drums, config, tmp_path, options, sentence
):
    given = {"device": "cpu"} | ({} if "base" in options else {"config": config()}) | options
    with pytest.raises((RequestError, ModelError)) as caught:
        train(drums, tmp_path / "out", **given)
    assert sentence in str(caught.value)
    assert not (tmp_path / "out").exists()


def unbuildable(config):
    model = config("diffusion").model
    yield {"device": "cudaa"}
    yield {"batch": 0}
    yield {"exampels": 8}
    yield {"config": config(), "learning_rate": -1.0}
    yield {"config": "drmus"}
    yield {"base": "debgu"}
    for wrong in ({"sampler": "ddmi"}, {"schedule": "karas"}, {"guidance": -1.0}):
        chosen = model.model_copy(update={"sampling": model.sampling.model_copy(update=wrong)})
        yield {"config": config("diffusion").model_copy(update={"model": chosen})}
    yield {"config": config().model_copy(update={"base": "debug"})}


def test_what_cannot_be_trained_is_found_before_the_sounds_are_read(drums, config, tmp_path):
    looked = []
    for wrong in unbuildable(config):
        given = {"device": "cpu"} | wrong
        with pytest.raises((RequestError, ModelError)):
            train(drums, tmp_path / "out", scanning=lambda *counts: looked.append(counts), **given)
    assert not looked
    assert not (tmp_path / "out").exists()
    train(
        drums, tmp_path / "out", config=config(examples=4), scanning=lambda *c: looked.append(c), device="cpu"
    )
    assert looked


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_one_sentence(drums, config, tmp_path):
    with pytest.raises(RequestError, match=r"Cannot train on 1 x cuda here.*use cpu"):
        train(drums, tmp_path / "out", config=config(), device="cuda")


def test_a_label_cannot_lead_demos_out_of_the_folder(config, tmp_path):
    Sound(np.random.default_rng(0).standard_normal((1, 400)) * 0.1, 8000).write(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "manifest.jsonl").write_text('{"path": "a.wav", "class": "../../../../escaped"}')
    train(tmp_path / "in", tmp_path / "out", config=config(examples=4), device="cpu")
    assert not list(tmp_path.rglob("escaped*"))
    assert len(list((tmp_path / "out/training/demos/00000004").glob("*.wav"))) == 4


def test_the_kept_configuration_is_the_requested_one(finished, config):
    out, _, _ = finished
    assert load_config(out / CONFIG) == config(demo_every=80, examples=160, learning_rate=5e-3)


@pytest.mark.parametrize("progress", [False, True])
def test_the_speed_is_logged_with_a_bar_or_without(drums, config, tmp_path, capsys, progress):
    train(drums, tmp_path / "out", config=config(), device="cpu", progress=progress)
    assert ("64/64 examples" in capsys.readouterr().out) == progress
    assert all(speed > 0 for _, speed in log_of(tmp_path / "out", "examples_per_second"))
    assert len(log_of(tmp_path / "out", "examples_per_second")) == len(log_of(tmp_path / "out")) == 1


@pytest.mark.parametrize("terminal", [False, True])
def test_only_where_no_bar_can_move_is_the_course_told_in_lines(
    drums, config, tmp_path, capsys, monkeypatch, terminal
):
    monkeypatch.setattr("rich.console.Console.is_terminal", terminal)
    reports = []
    train(drums, tmp_path / "out", config=config(), device="cpu", progress=True, report=reports.append)
    lines = [line for line in reports if "held-out loss" in line]
    assert len(lines) == (0 if terminal else 2)


def test_without_held_out_sounds_the_speed_is_still_told(drums, config, tmp_path):
    reports = []
    train(drums, tmp_path / "out", config=config(held_out=0.0), device="cpu", report=reports.append)
    assert [line.split(", ")[0] for line in reports[2:]] == ["32 examples", "64 examples"]
    assert all(re.fullmatch(r"\d+ examples, \S+/s", line) for line in reports[2:])


def test_ctrl_c_is_nothing_to_the_processes_that_prepare_sounds(drums, config, tmp_path, monkeypatch):
    from wavesmith.training.examples import Examples

    get = Examples.__getitem__

    def watched(self, position):
        handler = signal.getsignal(signal.SIGINT)
        (tmp_path / f"{handler!r}-{os.getpid() == parent}".replace("/", "")).touch()
        return get(self, position)

    parent = os.getpid()
    monkeypatch.setattr(Examples, "__getitem__", watched)
    if torch.multiprocessing.get_start_method() != "fork":
        pytest.skip("the processes would not see what this test changes")
    train(drums, tmp_path / "out", config=config(examples=8), device="cpu", workers=1)
    assert (tmp_path / f"{signal.SIG_IGN!r}-False").exists()
    assert len([path for path in tmp_path.iterdir() if path.name.endswith("-False")]) == 1


def test_a_kick_is_learned_quickly(config, tmp_path):
    """One sound over and over: an easy set, on which the loss must fall far."""
    time = np.arange(512) / 8000
    wave = 0.5 * np.sin(2 * np.pi * 150 * time) * np.exp(-40 * time)
    for k in range(8):
        Sound(wave[None] * (1 + 1e-3 * k), 8000).write(tmp_path / "in" / "kick" / f"{'abcdefgh'[k]}.wav")
    chosen = config("diffusion", examples=400, learning_rate=1e-2, augmentation=None, validate_every=80)
    train(tmp_path / "in", tmp_path / "out", config=chosen, device="cpu")
    losses = [loss for _, loss in log_of(tmp_path / "out", "held_out/ema_0.05")]
    assert losses[-1] < 0.5 * losses[0]


def test_two_devices_train_like_one(drums, config, tmp_path):
    """Two processes on the CPU: each takes every other example, so that the gradients add up to the same."""
    chosen = config(batch=2, label_dropout=0.0)
    chosen = chosen.model_copy(update={"model": chosen.model.model_copy(update={"dropout": 0.0})})
    (tmp_path / "config.yaml").write_text(chosen.to_yaml())
    script = f"""
        import sys
        sys.path.insert(0, {os.fspath(pathlib.Path(__file__).parent)!r})
        import conftest
        from wavesmith.families import register
        from wavesmith.training import train
        register(conftest.Toy)
        train({str(drums)!r}, "two", config="config.yaml", device="cpu", devices=2, report=print)
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on 2 x cpu") == 1
    train(drums, tmp_path / "one", config=chosen, batch=4, device="cpu")
    one, two = checkpoint(tmp_path / "one"), checkpoint(tmp_path / "two")
    assert one["seen"] == two["seen"] == 64
    for name, tensor in one["weights"].items():
        torch.testing.assert_close(tensor, two["weights"][name], rtol=1e-3, atol=1e-4)
