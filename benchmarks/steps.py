"""How many steps does a model need? Distance to the converged solution, from the same noise.

    python benchmarks/steps.py --model MODEL [--sounds 4] [--reference 1000] [--out steps.json]

The probability flow maps each noise to one sound. The reference is computed with 1000 iPLMS steps on Dance
Diffusion's crash schedule; as many DPM-Solver++ 2M steps show how far it can be trusted. All other samplings
start from the same noise; their distance is the root mean square of the difference, in dB relative to the
sound. The target is the distance of the field's old default, 100 iPLMS steps; the last column has the
smallest number of steps with which each other choice reaches it.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from torch import Tensor

from wavesmith.families import Condition
from wavesmith.models import Model, load
from wavesmith.noise import ItemNoise
from wavesmith.verbs import VERBS

STEPS = (8, 10, 12, 15, 20, 25, 30, 40, 50, 54)


@dataclass(frozen=True)
class Choice:
    """A sampler on a schedule between two noise levels."""

    sampler: str
    schedule: str
    sigma_min: float
    sigma_max: float

    def __str__(self) -> str:
        span = "" if self.sigma_min == 0 else f" {self.sigma_min:g} to {self.sigma_max:g}"
        return f"{self.sampler} on {self.schedule}{span}"


OLD = Choice("iplms", "crash", 0.0, 1e9)  # 1e9: starts from pure noise
CHOICES = (
    Choice("dpmpp_2m", "crash", 0.0, 1e9),
    Choice("dpmpp_2m", "karras", 0.002, 80.0),
    Choice("dpmpp_2m", "exponential", 0.002, 80.0),
    Choice("dpmpp_3m", "crash", 0.0, 1e9),
    Choice("dpmpp_3m", "exponential", 0.002, 80.0),
    Choice("dpmpp_3m", "exponential", 0.002, 600.0),
    Choice("iplms", "crash", 0.0, 1e9),
)


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    model = load(options.model, rate=options.rate, length=options.length)
    exact = sampled(model, OLD, options.reference, options.sounds)
    floor = distance(sampled(model, CHOICES[0], options.reference, options.sounds), exact)
    target = distance(sampled(model, OLD, 100, options.sounds), exact)
    distances = {
        choice: {steps: distance(sampled(model, choice, steps, options.sounds), exact) for steps in STEPS}
        for choice in CHOICES
    }
    report(distances, target, floor, options.reference)
    if options.out:
        rows = [asdict(choice) | {"distances_db": by_steps} for choice, by_steps in distances.items()]
        text = json.dumps({"iplms_100_db": target, "floor_db": floor, "choices": rows}, indent=2)
        options.out.write_text(text + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how many steps a model needs.")
    parser.add_argument("--model", default="drums", help="any model that wavesmith loads")
    parser.add_argument("--rate", type=int, help="of another tool's checkpoint that does not say it")
    parser.add_argument("--length", type=int, help="likewise")
    parser.add_argument("--sounds", type=int, default=4, help="sounds that distances are averaged over")
    parser.add_argument("--reference", type=int, default=1000, help="steps of the converged solution")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    return parser.parse_args()


@torch.inference_mode()
def sampled(model: Model, choice: Choice, steps: int, sounds: int) -> Tensor:
    """Return sounds `[B, C, N]` of the same noise, sampled in a given way and unfinished."""
    _, sampling = VERBS["generate"].settle(model, steps=steps, **asdict(choice))
    condition, noise = Condition(model.family.label_weights(None)), ItemNoise(0, range(sounds), model.device)
    return model.family.generate(condition, model.family.config.length, sampling, noise)


def distance(waves: Tensor, exact: Tensor) -> float:
    """Return the difference in dB relative to the sound, averaged over sounds."""
    power = (waves - exact).square().flatten(1).mean(1) / exact.square().flatten(1).mean(1)
    return float((10 * power.clamp(min=1e-20).log10()).mean())


def report(distances: dict[Choice, dict[int, float]], target: float, floor: float, reference: int) -> None:
    table = Table("distance in dB, by steps", *map(str, STEPS), "reaches the target with", box=MARKDOWN)
    for choice, by_steps in distances.items():
        enough = min((steps for steps, apart in by_steps.items() if apart <= target), default=math.inf)
        cells = [f"{apart:.0f}" for apart in by_steps.values()]
        table.add_row(str(choice), *cells, f"more than {STEPS[-1]}" if enough == math.inf else str(enough))
    console = Console(width=140)
    console.print(table)
    console.print(
        f"The target, 100 steps of {OLD}: {target:.1f} dB. {reference} steps of {CHOICES[0]}: {floor:.1f} dB."
    )


if __name__ == "__main__":
    main()
