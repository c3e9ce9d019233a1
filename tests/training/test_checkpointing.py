"""Which model a training keeps, and when it ends early."""

import contextlib
import json
import signal

import numpy as np
import pytest
import torch

from wavesmith.errors import ModelError
from wavesmith.models import load
from wavesmith.sound import Sound
from wavesmith.training import train
from wavesmith.training.callbacks import StopOnInterrupt
from wavesmith.training.checkpointing import Keeper
from wavesmith.training.demo_distance import Likeness
from wavesmith.training.held_out import HeldOut
from wavesmith.training.module import DiffusionTraining
from wavesmith.training.run_folder import CURVES, LAST, LOG, RECIPE


def checkpoint(out):
    return torch.load(out / LAST, weights_only=True)


def scripted(monkeypatch, *losses):
    """Let the held-out losses be these, one after the other, whatever is trained; the last stays."""
    told = []

    def next_losses(self, family):
        told.append(losses[min(len(told) // 2, len(losses) - 1)])  # there are two averages
        return {1.0: told[-1]}

    monkeypatch.setattr(HeldOut, "losses", next_losses)


def weights_at(drums, recipe, folder, examples):
    """The weights that a run of 96 examples has after so many of them: it is killed there."""

    class Killed(Exception):
        """Stands for a power cut."""

    def kill(self, trainer, module, *rest):
        if module.seen == examples:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(StopOnInterrupt, "on_train_batch_end", kill)
        train(drums, folder, recipe=recipe(examples=96, keep="last", save_every=examples), device="cpu")
    return load(folder).hash


def test_the_model_of_the_lowest_held_out_loss_is_kept(drums, recipe, tmp_path, monkeypatch):
    said = []
    with monkeypatch.context() as patch:
        scripted(patch, 0.5, 0.3, 0.4)
        model = train(drums, tmp_path / "out", recipe=recipe(examples=96), device="cpu", say=said.append)
    assert "for 64 examples" in model.card
    assert "Held-out loss at fixed noise: 0.3000" in model.card
    assert "96 examples, held-out loss 0.400 (lowest 0.300 at 64), " in said[-1]
    assert model.hash == weights_at(drums, recipe, tmp_path / "until", 64)
    assert checkpoint(tmp_path / "out")["seen"] == 96


def test_the_last_model_is_kept_where_that_is_asked_for(drums, recipe, tmp_path, monkeypatch):
    scripted(monkeypatch, 0.5, 0.3, 0.4)
    model = train(drums, tmp_path / "out", recipe=recipe(examples=96, keep="last"), device="cpu")
    assert "for 96 examples" in model.card
    assert "Held-out loss at fixed noise: 0.4000" in model.card


def test_a_loss_that_is_no_number_is_never_the_lowest(drums, recipe, tmp_path, monkeypatch):
    scripted(monkeypatch, float("nan"), 0.3, float("-inf"))
    assert "for 64 examples" in train(drums, tmp_path / "out", recipe=recipe(examples=96), device="cpu").card


def test_training_stops_when_the_held_out_loss_no_longer_falls(drums, recipe, tmp_path, monkeypatch):
    scripted(monkeypatch, 0.3, 0.4)
    out, said, interruptions = tmp_path / "out", [], []
    asked = recipe(examples=320, patience=60)
    train(
        drums,
        out,
        recipe=asked,
        device="cpu",
        say=said.append,
        interrupted=lambda: interruptions.append(1),
    )
    assert said[-1] == "The held-out loss has not fallen for 64 examples: done after 96 of 320."
    assert not interruptions
    assert checkpoint(out)["seen"] == 96
    assert "for 32 examples" in load(out).card
    assert list((out / "training" / "demos").iterdir()) == [out / "training" / "demos" / "00000096"]

    train(drums, out, device="cpu", say=said.append)
    assert said[-1] == f"The training in {out} is complete; ask for more examples to go on."
    train(drums, out, device="cpu", examples=480)
    assert checkpoint(out)["seen"] == 96 + 64  # as much patience again
    train(drums, out, device="cpu", examples=480, patience=0)
    assert checkpoint(out)["seen"] == 480


def test_an_interruption_decides_nothing(drums, recipe, tmp_path, monkeypatch):
    """What is measured because of it is lower than ever, and is told; but the whole run would not know it."""
    step = DiffusionTraining.training_step

    def interrupted(self, batch, index):
        if self.seen == 40:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, index)

    scripted(monkeypatch, 0.5, 0.1, 0.4, 0.4)
    with monkeypatch.context() as patch:
        patch.setattr(DiffusionTraining, "training_step", interrupted)
        train(drums, tmp_path / "parts", recipe=recipe(examples=96), device="cpu")
    assert checkpoint(tmp_path / "parts")["seen"] == 44
    assert "for 32 examples" in load(tmp_path / "parts").card
    model = train(drums, tmp_path / "parts", recipe=recipe(examples=96), device="cpu")
    assert "for 64 examples" in model.card


def test_without_held_out_sounds_the_last_model_is_kept(drums, recipe, tmp_path):
    asked = recipe(held_out=0.0, patience=10)
    assert "for 64 examples" in train(drums, tmp_path / "out", recipe=asked, device="cpu").card


def test_checkpoints_of_earlier_versions_go_on(drums, recipe, tmp_path):
    out = tmp_path / "out"
    train(drums, out, recipe=recipe(examples=32), device="cpu")
    old = checkpoint(out)
    state = old["callbacks"][Keeper.__qualname__]
    old["callbacks"][Keeper.__qualname__] = {name: state[name] for name in ("width", "loss", "measured")}
    torch.save(old, out / LAST)
    text = (out / RECIPE).read_text().splitlines(keepends=True)
    (out / RECIPE).write_text(
        "".join(line for line in text if "patience" not in line and "keep:" not in line)
    )
    assert "for 64 examples" in train(drums, out, device="cpu", examples=64).card


def test_a_checkpoint_with_an_odd_memory_is_one_sentence(drums, recipe, tmp_path):
    out = tmp_path / "out"
    train(drums, out, recipe=recipe(examples=8), device="cpu")
    odd = checkpoint(out)
    odd["callbacks"][Keeper.__qualname__] = {"width": 0.1}
    torch.save(odd, out / LAST)
    with pytest.raises(ModelError, match="damaged or of another training"):
        train(drums, out, device="cpu", examples=16)


def test_curves_and_the_likeness_of_demos_lie_beside_the_log(drums, recipe, tmp_path):
    out = tmp_path / "out"
    train(drums, out, recipe=recipe(demo_every=32), device="cpu")
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    told = [line for line in lines if "demo/distance" in line]
    assert [line["step"] for line in told] == [8, 16]
    assert len({line["demo/distance_of_training_sounds"] for line in told}) == 1
    assert told[-1]["demo/distance"] > told[-1]["demo/distance_of_training_sounds"]  # after 64 examples
    assert (out / CURVES).read_bytes().startswith(b"\x89PNG")


def test_likeness_is_better_for_real_sounds_than_for_noise(drums):
    from wavesmith.data import SoundDataset, scan

    files = scan(drums).files
    sounds = SoundDataset(drums, files, rate=8000, channels=1, length=512)
    likeness = Likeness(sounds, sounds, 8000)
    real = [Sound.from_tensor(sounds[index].wave, 8000) for index in range(0, 16, 2)]
    noise = [Sound(np.random.default_rng(k).standard_normal((1, 512)) * 0.1, 8000) for k in range(8)]
    assert likeness.of(real)["demo/distance"] < 5 < likeness.of(noise)["demo/distance"]
    assert abs(likeness.usual) < 5
