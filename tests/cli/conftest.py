from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from wavesmith import Sound
from wavesmith.cli.main import run
from wavesmith.families.diffusion import DiffusionConfig, DiffusionModel, ParameterisationConfig
from wavesmith.models import Model, convert
from wavesmith.networks import DanceDiffusionConfig, NetworkConfig
from wavesmith.transforms import RawConfig


class Result(NamedTuple):
    code: int
    out: str
    err: str

    def refuses(self, *words: str) -> bool:
        """One sentence on standard error with these words, nothing else, and the code of a user's error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in self.err
        assert all(word in lines[0] for word in words), lines[0]
        return self.code == 2


@pytest.fixture
def wavesmith(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return command


@pytest.fixture
def interrupted(tmp_path: Path) -> Callable[..., Result]:
    """Run a command line in a process of its own; press Ctrl-C once `ready` is true."""

    def command(ready: Callable[[], bool], *arguments: object) -> Result:
        process = subprocess.Popen(
            [sys.executable, "-m", "wavesmith", *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            while not ready() and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        return Result(process.returncode, out, err)

    return command


@pytest.fixture
def dance_checkpoint(tmp_path: Path) -> Path:
    """A tiny Dance Diffusion checkpoint with random weights that says its rate and length."""
    return checkpoint(DanceDiffusionConfig(channels=(32, 32, 32), attentions=1), tmp_path / "dance.ckpt")


@pytest.fixture
def silent_checkpoint(dance_checkpoint: Path, tmp_path: Path) -> Path:
    """The same as Dance Diffusion's own training writes it, which says neither."""
    content = torch.load(dance_checkpoint, weights_only=True)
    del content["model_config"]
    torch.save(content, tmp_path / "silent.ckpt")
    return tmp_path / "silent.ckpt"


def checkpoint(network: NetworkConfig, path: Path, channels: int = 2) -> Path:
    """A `.ckpt` of the tool that the network comes from, with random weights."""
    config = DiffusionConfig(
        rate=16000,
        channels=channels,
        length=256,
        transform=RawConfig(),
        network=network,
        parameterisation=ParameterisationConfig(kind="epsilon" if network.kind == "crash_unet" else "v"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        family = DiffusionModel(config).eval()
    convert(Model("made", "", family), path, "ckpt")
    return path


def tone(hertz: float, seconds: float = 0.25, rate: int = 8000) -> Sound:
    """A decaying stereo tone."""
    time = np.arange(round(seconds * rate)) / rate
    return Sound(np.tile(0.5 * np.sin(2 * np.pi * hertz * time) * np.exp(-8 * time), (2, 1)), rate)


@pytest.fixture
def drums(tmp_path: Path) -> Path:
    """A data set of eight sounds under two labels."""
    for k in range(4):
        tone(60 + 7 * k).write(tmp_path / f"drums/kick/{'abcd'[k]}.wav")
        tone(900 + 90 * k).write(tmp_path / f"drums/snare/{'abcd'[k]}.wav")
    return tmp_path / "drums"
