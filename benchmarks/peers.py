"""Wavesmith beside Tiny Audio Diffusion, measured by one command on this machine.

    python benchmarks/peers.py [--model drums] [--repeats 5] [--full] [--out peers.json]

Both make sounds and take training steps in turn, on one thread, so that other work on the machine hits both
alike; times are CPU seconds, medians over the repeats. Peak memory is that of two training steps in a process
of their own (Linux and macOS). Running averages of the weights are left out of both, and so is reading data.

The peer is its network and sampler as audio-diffusion-pytorch builds them (see `tests/peers.txt`),
with random weights, which cost what trained ones cost. Without that package our own network of the same
arithmetic stands in (kinder to the peer, since it stores no attention maps), and a note says so. One sound
takes about a minute, so a few of its equal steps are timed and multiplied unless `--full` is given.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.families import Batch, Family
from wavesmith.files import replacing
from wavesmith.fitting import Trainer
from wavesmith.models import load
from wavesmith.networks import AttentionUNetConfig, multiply_adds, parameters
from wavesmith.training.config import TrainingConfig
from wavesmith.verbs import generate

WAVESMITH, PEER = "wavesmith", "Tiny Audio Diffusion"
PEER_STEPS, PEER_QUICK_STEPS = 50, 3
PEER_LENGTH, PEER_RATE = 32768, 44100
PEER_BATCH, PEER_ACCUMULATE = 1, 32


@dataclass(frozen=True)
class Training:
    """`gradients()` works through `batch` examples; after `accumulate` times, `step()` moves the weights."""

    batch: int
    accumulate: int
    gradients: Callable[[], None]
    step: Callable[[], None]


@dataclass(frozen=True)
class System:
    """Something that makes sounds; `make()` does `share` of the work that one sound of `seconds` takes."""

    network: nn.Module
    seconds: float
    make: Callable[[], object]
    share: float
    training: Training
    note: str


class Times(NamedTuple):
    """CPU seconds of a system's three pieces of work, done once."""

    make: float
    gradients: float
    step: float


@dataclass(frozen=True)
class Result:
    """The rows of the table."""

    seconds_of_audio: float
    parameters: int
    passes_per_sound: float
    multiply_adds_per_pass: int
    cpu_seconds_per_sound: float
    cpu_seconds_per_second_of_audio: float
    cpu_seconds_per_training_example: float
    training_batch: int
    training_peak_mib: float


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if options.memory:
        print(peak_mib(build(options.memory, options).training))
        return
    # A child's peak starts at its parent's on Linux, so memory comes first, while this process is small.
    memory = {name: measured_alone(name) for name in (WAVESMITH, PEER)}
    systems = {name: build(name, options) for name in memory}
    results = measure(systems, memory, options.repeats)
    report(results, [f"{name}: {system.note}." for name, system in systems.items()])
    if options.out:
        save(options.out, results, {name: system.note for name, system in systems.items()})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the cost of wavesmith and Tiny Audio Diffusion.")
    parser.add_argument("--model", default="drums", help="wavesmith model to measure")
    parser.add_argument("--repeats", type=int, default=5, help="measurements that medians are taken of")
    parser.add_argument("--full", action="store_true", help="time all of the peer's steps for every sound")
    parser.add_argument("--out", type=Path, help="also write the results to this JSON file")
    parser.add_argument("--memory", choices=[WAVESMITH, PEER], help=argparse.SUPPRESS)
    return parser.parse_args()


def build(name: str, options: argparse.Namespace) -> System:
    return wavesmith(options.model) if name == WAVESMITH else tiny_audio_diffusion(options.full)


# --- wavesmith ---------------------------------------------------------------------------------------------


def wavesmith(name: str) -> System:
    model = load(name)
    label = model.labels[0] if model.labels else None
    seeds = count()
    return System(
        network=model.family.network,
        seconds=PEER_LENGTH / PEER_RATE,
        make=lambda: generate(model, 1, label=label, seed=next(seeds), seconds=PEER_LENGTH / PEER_RATE),
        share=1.0,
        training=wavesmith_training(copy.deepcopy(model.family)),
        note=f"model '{name}', sounds as long as the peer's, every step timed",
    )


def wavesmith_training(family: Family) -> Training:
    """One training step as `wavesmith.training` takes it."""
    model, config = family.config, TrainingConfig()
    family.train().requires_grad_(True)
    trainer = Trainer(Fabric(accelerator="cpu"), family, family.objectives(family.OBJECTIVE(), 0), config)
    label = torch.zeros(config.batch, len(model.labels))
    label[:, :1] = 1
    batch = Batch(
        0.1
        * torch.randn(config.batch, model.channels, model.length, generator=torch.Generator().manual_seed(0)),
        label,
        torch.zeros(config.batch, model.augments),
        torch.arange(config.batch),
    )
    return Training(config.batch, config.accumulate, lambda: None, lambda: trainer.step([batch]))


# --- Tiny Audio Diffusion ----------------------------------------------------------------------------------


def tiny_audio_diffusion(full: bool) -> System:
    model, source = peer_model()
    steps = PEER_STEPS if full else PEER_QUICK_STEPS
    return System(
        network=model.net,
        seconds=PEER_LENGTH / PEER_RATE,
        make=lambda: model.sample(torch.randn(1, 2, PEER_LENGTH), num_steps=steps),
        share=steps / PEER_STEPS,
        training=peer_training(model),
        note=f"{source}, {steps} of {PEER_STEPS} steps timed" + ("" if full else " and multiplied"),
    )


def peer_model() -> tuple[Any, str]:
    """Return the peer's own model, or ours in its place, and its name."""
    if importlib.util.find_spec("audio_diffusion_pytorch") is None:
        return StandIn(), "our own network of the same arithmetic (audio-diffusion-pytorch is not installed)"
    if importlib.util.find_spec("torchaudio") is None:
        # The package imports it for a mel spectrogram that is not used here.
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")
        sys.modules["torchaudio"].transforms = types.ModuleType("transforms")  # type: ignore[attr-defined]
    import audio_diffusion_pytorch as adp

    unet = AttentionUNetConfig()
    model = adp.DiffusionModel(
        net_t=adp.UNetV0,
        diffusion_t=adp.VDiffusion,
        sampler_t=adp.VSampler,
        in_channels=2,
        channels=list(unet.channels),
        factors=list(unet.factors),
        items=list(unet.items),
        attentions=[int(attends) for attends in unet.attentions],
        attention_heads=unet.heads,
        attention_features=unet.head_features,
    )
    return model, "audio-diffusion-pytorch"


class StandIn(nn.Module):
    """Velocity diffusion (Salimans & Ho 2022) with evenly spaced angles, over our own network."""

    def __init__(self) -> None:
        super().__init__()
        self.net = AttentionUNetConfig().build(features=2)

    def forward(self, x: Tensor) -> Tensor:
        level = torch.rand(len(x))
        noise = torch.randn_like(x)
        cos, sin = _circle(level[:, None, None])
        return F.mse_loss(self.net(cos * x + sin * noise, level), cos * noise - sin * x)

    @torch.no_grad()
    def sample(self, x: Tensor, num_steps: int) -> Tensor:
        levels = torch.linspace(1, 0, num_steps + 1)
        for level, following in pairwise(levels):
            velocity = self.net(x, level.expand(len(x)))
            cos, sin = _circle(following - level)
            x = cos * x + sin * velocity
        return x


def _circle(level: Tensor) -> tuple[Tensor, Tensor]:
    angle = level * math.pi / 2
    return angle.cos(), angle.sin()


def peer_training(model: Any) -> Training:
    """Micro-batches of one, their gradients summed over 32, AdamW: its published configuration."""
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, (0.95, 0.999), 1e-6, 1e-3)
    waves = 0.1 * torch.randn(PEER_BATCH, 2, PEER_LENGTH)

    def gradients() -> None:
        (model(waves) / PEER_ACCUMULATE).backward()

    def step() -> None:
        optimiser.step()
        optimiser.zero_grad()

    return Training(PEER_BATCH, PEER_ACCUMULATE, gradients, step)


# --- measuring ---------------------------------------------------------------------------------------------


def measured_alone(name: str) -> float:
    """Peak memory of training `name`, in MiB, in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--memory", name]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def peak_mib(training: Training) -> float:
    """Peak resident memory of this process after two training steps, the second with a full optimizer."""
    for _ in range(2):
        training.gradients()
        training.step()
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(systems: dict[str, System], memory: dict[str, float], repeats: int) -> dict[str, Result]:
    calls = {name: network_calls(system) for name, system in systems.items()}  # also warms up
    times: dict[str, list[Times]] = {name: [] for name in systems}
    for turn in range(repeats):
        for name, system in systems.items():
            print(f"round {turn + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
            times[name].append(once(system))
    return {name: result(system, calls[name], times[name], memory[name]) for name, system in systems.items()}


def result(
    system: System,
    calls: list[tuple[Any, dict[str, Any]]],
    times: list[Times],
    memory: float,
) -> Result:
    make, gradients, step = map(statistics.median, zip(*times, strict=True))
    args, keywords = calls[0]
    items = len(args[0])
    training = system.training
    return Result(
        seconds_of_audio=system.seconds,
        parameters=parameters(system.network),
        passes_per_sound=sum(len(args[0]) for args, _ in calls) / system.share,
        multiply_adds_per_pass=multiply_adds(system.network, *args, **keywords) // items,
        cpu_seconds_per_sound=make / system.share,
        cpu_seconds_per_second_of_audio=make / system.share / system.seconds,
        cpu_seconds_per_training_example=(gradients + step / training.accumulate) / training.batch,
        training_batch=training.batch,
        training_peak_mib=memory,
    )


def network_calls(system: System) -> list[tuple[Any, dict[str, Any]]]:
    """Return the network's arguments, call by call, while one sound is made."""
    calls: list[tuple[Any, dict[str, Any]]] = []
    watch = system.network.register_forward_pre_hook(
        lambda _, args, keywords: calls.append((args, keywords)), with_kwargs=True
    )
    system.make()
    watch.remove()
    return calls


def once(system: System) -> Times:
    training = system.training
    return Times(cpu_seconds(system.make), cpu_seconds(training.gradients), cpu_seconds(training.step))


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


# --- reporting ---------------------------------------------------------------------------------------------


def report(results: dict[str, Result], notes: list[str]) -> None:
    ours, theirs = (asdict(results[name]) for name in (WAVESMITH, PEER))
    table = Table("one thread, medians", WAVESMITH, PEER, "peer / wavesmith", box=MARKDOWN)
    for row, value in ours.items():
        ratio = theirs[row] / value
        table.add_row(row.replace("_", " "), *map(readable, (value, theirs[row], ratio)))
    console = Console(width=110)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)


def readable(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def save(path: Path, results: dict[str, Result], notes: dict[str, str]) -> None:
    machine = {"system": platform.system(), "machine": platform.machine(), "torch": torch.__version__}
    systems = {name: asdict(result) | {"note": notes[name]} for name, result in results.items()}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"machine": machine, "systems": systems}, indent=2) + "\n")


if __name__ == "__main__":
    main()
