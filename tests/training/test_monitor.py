"""Which model a training keeps, and when it ends early."""

import contextlib
import json
import signal

import numpy as np
import pytest
import torch

from wavesmith.data import SoundDataset, scan
from wavesmith.errors import ModelError
from wavesmith.fitting import Trainer
from wavesmith.models import load
from wavesmith.sound import Sound
from wavesmith.training import train
from wavesmith.training.demo_distance import DemoDistance
from wavesmith.training.run_folder import CHECKPOINT, CURVES, LOG
from wavesmith.training.validation import HeldOut


def checkpoint(out):
    return torch.load(out / CHECKPOINT, weights_only=True)


def scripted(monkeypatch, *losses):
    """Let the held-out losses be these, one after the other, whatever is trained; the last stays."""
    measured = []

    def next_losses(self, family):
        measured.append(losses[min(len(measured) // 2, len(losses) - 1)])  # there are two averages
        return {"error": measured[-1]}

    monkeypatch.setattr(HeldOut, "losses", next_losses)


class Killed(Exception):
    """Stands for a power cut."""


def before_step(monkeypatch, seen, action):
    """Do something before the step that begins with `seen` examples."""
    step = Trainer.step

    def watched(self, batches):
        if self.seen == seen:
            action(self)
        return step(self, batches)

    monkeypatch.setattr(Trainer, "step", watched)


def kill(trainer):
    raise Killed


def interrupt(trainer):
    signal.raise_signal(signal.SIGINT)


def model_hash_after(drums, config, folder, examples):
    """The model that a run of 96 examples has after so many of them: it is killed there."""
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        before_step(patch, examples, kill)
        train(drums, folder, config=config(examples=96, keep="last", save_every=examples), device="cpu")
    return load(folder).hash


def test_the_model_of_the_lowest_held_out_loss_is_kept(drums, config, tmp_path, monkeypatch):
    reports = []
    with monkeypatch.context() as patch:
        scripted(patch, 0.5, 0.3, 0.4)
        model = train(
            drums, tmp_path / "out", config=config(examples=96), device="cpu", report=reports.append
        )
    assert "for 64 examples" in model.card
    assert "Held-out loss at fixed noise: 0.3000" in model.card
    assert "96 examples, held-out loss 0.400 (lowest 0.300 at 64), " in reports[-1]
    assert model.hash == model_hash_after(drums, config, tmp_path / "until", 64)
    assert checkpoint(tmp_path / "out")["seen"] == 96


def test_the_last_model_is_kept_on_request(drums, config, tmp_path, monkeypatch):
    scripted(monkeypatch, 0.5, 0.3, 0.4)
    model = train(drums, tmp_path / "out", config=config(examples=96, keep="last"), device="cpu")
    assert "for 96 examples" in model.card
    assert "Held-out loss at fixed noise: 0.4000" in model.card


def test_a_loss_that_is_not_finite_is_never_the_lowest(drums, config, tmp_path, monkeypatch):
    scripted(monkeypatch, float("nan"), 0.3, float("-inf"))
    assert "for 64 examples" in train(drums, tmp_path / "out", config=config(examples=96), device="cpu").card


def test_training_stops_when_the_held_out_loss_no_longer_falls(drums, config, tmp_path, monkeypatch):
    scripted(monkeypatch, 0.3, 0.4)
    out, reports, interruptions = tmp_path / "out", [], []
    train(
        drums,
        out,
        config=config(examples=320, patience=60),
        device="cpu",
        report=reports.append,
        on_interrupt=lambda: interruptions.append(1),
    )
    assert "done after 96 of 320" in reports[-1]
    assert not interruptions
    assert checkpoint(out)["seen"] == 96
    assert "for 32 examples" in load(out).card
    assert list((out / "training" / "demos").iterdir()) == [out / "training" / "demos" / "00000096"]

    train(drums, out, device="cpu", report=reports.append)
    assert "is complete" in reports[-1]
    train(drums, out, device="cpu", examples=480)
    assert checkpoint(out)["seen"] == 96 + 64  # as much patience again
    train(drums, out, device="cpu", examples=480, patience=0)
    assert checkpoint(out)["seen"] == 480


def test_an_interruption_decides_nothing(drums, config, tmp_path, monkeypatch):
    """What is measured because of it is lower than ever, but an unbroken run would not know it."""
    scripted(monkeypatch, 0.5, 0.1, 0.4, 0.4)
    with monkeypatch.context() as patch:
        before_step(patch, 40, interrupt)
        train(drums, tmp_path / "parts", config=config(examples=96), device="cpu")
    assert checkpoint(tmp_path / "parts")["seen"] == 44
    assert "for 32 examples" in load(tmp_path / "parts").card
    model = train(drums, tmp_path / "parts", config=config(examples=96), device="cpu")
    assert "for 64 examples" in model.card


def test_without_held_out_sounds_the_last_model_is_kept(drums, config, tmp_path):
    chosen = config(held_out=0.0, patience=10)
    assert "for 64 examples" in train(drums, tmp_path / "out", config=chosen, device="cpu").card


def test_a_checkpoint_of_version_0_1_is_refused_and_its_model_still_loads(drums, config, tmp_path):
    out = tmp_path / "out"
    train(drums, out, config=config(examples=8), device="cpu")
    (out / "training/config.yaml").rename(out / "training/recipe.yaml")
    old = {"pytorch-lightning_version": "2.6.6", "seen": 8, "state_dict": {}, "loops": {}, "callbacks": {}}
    torch.save(old, out / CHECKPOINT)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for examples in (8, 16):
        with pytest.raises(ModelError, match=r"begun by version 0\.1"):
            train(drums, out, device="cpu", examples=examples)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert load(out).labels == ("kick", "snare")


@pytest.mark.pictures
def test_curves_and_the_distance_of_demos_lie_beside_the_log(drums, config, tmp_path):
    out = tmp_path / "out"
    train(drums, out, config=config(demo_every=32), device="cpu")
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    distances = [line for line in lines if "demo/distance" in line]
    assert [line["examples"] for line in distances] == [32, 64]
    assert len({line["demo/distance_of_training_sounds"] for line in distances}) == 1
    assert distances[-1]["demo/distance"] > distances[-1]["demo/distance_of_training_sounds"]
    assert (out / CURVES).read_bytes().startswith(b"\x89PNG")


def test_real_sounds_are_nearer_than_noise(drums):
    sounds = SoundDataset(drums, scan(drums).files, rate=8000, channels=1, length=512)
    distance = DemoDistance(sounds, sounds, 8000)
    real = [Sound.from_tensor(sounds[index].wave, 8000) for index in range(0, 16, 2)]
    noise = [Sound(np.random.default_rng(k).standard_normal((1, 512)) * 0.1, 8000) for k in range(8)]
    away = distance.measure(noise)["demo/distance"]
    assert distance.measure(real)["demo/distance"] < 0.5 * away
    assert distance.of_training_sounds < 0.5 * away
