"""Other tools' networks in their own code and in wavesmith: the same weights, noise and steps, in one run.

    python benchmarks/same_weights.py [--tool dance-diffusion] [--repeats 5] [--steps 3] [--threads 1]

The tool's own network gets random weights and is written to a file as the tool writes it: diffusers'
`UNet1DModel` at the official configuration of Dance Diffusion, and audio-diffusion-pytorch's `UNetV0` at
that of Tiny Audio Diffusion. Wavesmith loads that file. Then both are run in turn, so that other work on
the machine hits both alike: single forward passes, and a few steps of the tool's usual sampler from the
same noise. Times are medians, CPU seconds and wall clock; differences are relative to the peer's root
mean square. Peak memory is that of one forward pass in a process of its own, weights included (Linux
only).
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peers import peer_model
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.models import Model, load

Forward = Callable[[Tensor, Tensor], Tensor]


class Tool(NamedTuple):
    """Another tool.

    Attributes:
        length: samples of its sounds.
        build: makes its network, with random weights.
        save: writes the network into a folder; returns what wavesmith loads.
        sampler: name of its usual sampler.
        schedule: of its usual schedule.
    """

    length: int
    build: Callable[[], nn.Module]
    save: Callable[[nn.Module, Path], Path]
    sampler: str
    schedule: str


def dance_diffusion() -> nn.Module:
    import diffusers

    network: nn.Module = diffusers.UNet1DModel(
        sample_size=65536,
        sample_rate=16000,
        in_channels=2,
        out_channels=2,
        extra_in_channels=16,
        time_embedding_type="fourier",
        time_embedding_dim=16,
        use_timestep_embedding=False,
        flip_sin_to_cos=True,
        freq_shift=0.0,
        down_block_types=["DownBlock1DNoSkip"] + ["DownBlock1D"] * 7 + ["AttnDownBlock1D"] * 5,
        up_block_types=["AttnUpBlock1D"] * 5 + ["UpBlock1D"] * 7 + ["UpBlock1DNoSkip"],
        mid_block_type="UNetMidBlock1D",
        block_out_channels=[128, 128, 256, 256, *[512] * 9],
    )
    return network


def save_diffusers(network: Any, folder: Path) -> Path:
    network.save_pretrained(folder / "unet")
    return folder


def save_lightning(network: nn.Module, folder: Path) -> Path:
    state = {f"model.net.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state}, folder / "tiny.ckpt")
    return folder / "tiny.ckpt"


TOOLS = {
    "dance-diffusion": Tool(65536, dance_diffusion, save_diffusers, "iplms", "crash"),
    "tiny-audio-diffusion": Tool(32768, lambda: peer_model()[0].net, save_lightning, "ddim", "linear"),
}


@dataclass(frozen=True)
class Result:
    """Measurements of one tool; times in seconds, memory in MiB."""

    tool: str
    peer_cpu: float
    ours_cpu: float
    peer_wall: float
    ours_wall: float
    forward_difference: float
    steps: int
    peer_steps_cpu: float
    ours_steps_cpu: float
    sampling_difference: float
    peer_peak: float
    ours_peak: float


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    if options.memory:
        print(peak_mib(TOOLS[options.tool[0]], options.memory, options.folder))
        return
    results = []
    for name in options.tool or TOOLS:
        with tempfile.TemporaryDirectory() as folder:
            results.append(compare(name, Path(folder), options))
    report(results, options.threads)
    if options.out:
        options.out.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run other tools' networks in their code and in wavesmith.")
    parser.add_argument("--tool", choices=TOOLS, action="append", help="all if left out; repeatable")
    parser.add_argument("--repeats", type=int, default=5, help="forward passes that medians are taken of")
    parser.add_argument("--steps", type=int, default=3, help="sampler steps from noise to sound")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--out", type=Path, help="also write the results to this JSON file")
    parser.add_argument("--memory", choices=("peer", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(name: str, folder: Path, options: argparse.Namespace) -> Result:
    tool = TOOLS[name]
    torch.manual_seed(0)
    peer = tool.build().eval()
    path = tool.save(peer, folder)
    peaks = {side: measured_alone(name, side, path, options.threads) for side in ("peer", "ours")}
    model = load(path)
    theirs, ours = forward_of(peer), forward_of(model.family.network)
    noise = torch.randn(1, 2, tool.length)
    both: dict[str, list[Timed]] = {"peer": [], "ours": []}
    for turn in range(1 + options.repeats):  # the first is a warm-up
        level = torch.full((1,), 1 - turn / (1 + options.repeats))
        both["peer"].append(timed(lambda level=level: theirs(noise, level)))
        both["ours"].append(timed(lambda level=level: ours(noise, level)))
        print(f"{name}, round {turn} of {options.repeats}", file=sys.stderr, flush=True)
    levels = schedule(tool.schedule, options.steps, 0.0, math.inf)
    samplings = {
        "peer": timed(lambda: peer_sampling(tool, theirs, noise, levels)),
        "ours": timed(lambda: our_sampling(tool, model, noise, levels)),
    }
    medians = {
        f"{side}_{clock}": statistics.median(getattr(one, clock) for one in both[side][1:])
        for side in both
        for clock in ("cpu", "wall")
    }
    return Result(
        tool=name,
        **medians,
        forward_difference=max(
            difference(b.result, a.result) for a, b in zip(both["peer"], both["ours"], strict=True)
        ),
        steps=options.steps,
        peer_steps_cpu=samplings["peer"].cpu,
        ours_steps_cpu=samplings["ours"].cpu,
        sampling_difference=difference(samplings["ours"].result, samplings["peer"].result),
        peer_peak=peaks["peer"],
        ours_peak=peaks["ours"],
    )


def forward_of(network: nn.Module) -> Forward:
    """A network as a function of noisy sound and level; diffusers wraps its answer."""

    def forward(x: Tensor, level: Tensor) -> Tensor:
        answer = network(x, level)
        found: Tensor = getattr(answer, "sample", answer)
        return found

    return forward


def our_sampling(tool: Tool, model: Model, noise: Tensor, levels: Tensor) -> Tensor:
    start = float(levels[0]) * noise
    found: Tensor = SAMPLERS[tool.sampler](model.family.denoiser, start, levels)
    return found


def peer_sampling(tool: Tool, forward: Forward, noise: Tensor, levels: Tensor) -> Tensor:
    """v-diffusion's DDIM and iPLMS in their own coordinates, from their formulas."""
    weights = ((1,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
    angles, x, past = torch.atan(levels).tolist(), noise, []
    for index, (angle, following) in enumerate(pairwise(angles)):
        v = forward(x, torch.full((len(x),), 2 / math.pi * angle))
        clean, eps = math.cos(angle) * x - math.sin(angle) * v, math.sin(angle) * x + math.cos(angle) * v
        past = [eps, *past[:3]] if tool.sampler == "iplms" else [eps]
        eps = sum(weight * one for weight, one in zip(weights[len(past) - 1], past, strict=True))
        if index:  # at the very first level alpha is 0, and all is noise
            clean = (x - math.sin(angle) * eps) / math.cos(angle)
        x = math.cos(following) * clean + math.sin(following) * eps
    return x


class Timed(NamedTuple):
    result: Tensor
    cpu: float
    wall: float


def timed(work: Callable[[], Tensor]) -> Timed:
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return Timed(result, time.process_time() - cpu, time.perf_counter() - wall)


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def measured_alone(name: str, side: str, path: Path, threads: int) -> float:
    command = [sys.executable, __file__, "--tool", name, "--memory", side, "--folder", str(path)]
    done = subprocess.run(
        [*command, "--threads", str(threads)], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


def peak_mib(tool: Tool, side: str, path: Path) -> float:
    """Peak resident memory of this process during one forward pass."""
    network = tool.build().eval() if side == "peer" else load(path).family.network
    forward = forward_of(network)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of building and loading
    forward(torch.randn(1, 2, tool.length), torch.full((1,), 0.5))
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def report(results: list[Result], threads: int) -> None:
    columns = ("the tool's own code", "wavesmith", "ratio")
    for result in results:
        table = Table(f"{result.tool}, {threads} thread(s)", *columns, box=MARKDOWN)
        rows = {
            "CPU seconds per pass": (result.peer_cpu, result.ours_cpu),
            "wall seconds per pass": (result.peer_wall, result.ours_wall),
            f"CPU seconds for {result.steps} steps": (result.peer_steps_cpu, result.ours_steps_cpu),
            "peak memory of a pass, MiB": (result.peer_peak, result.ours_peak),
        }
        for row, (theirs, ours) in rows.items():
            table.add_row(row, f"{theirs:,.2f}", f"{ours:,.2f}", f"{theirs / ours:.2f}")
        table.add_row("difference of a pass", "", f"{result.forward_difference:.1e}", "")
        table.add_row("difference after all steps", "", f"{result.sampling_difference:.1e}", "")
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
