"""Memory that a training takes: measured on this machine, and estimated for a GPU.

    python benchmarks/memory.py [--config tiny-audio-diffusion] [--micro-batches 4]

A real training of a few steps (data, averages, optimizer, checkpoint, demos of one step) runs in a
process of its own, whose peak resident memory is read afterwards (Linux and macOS). On a CUDA device
torch's own peak is read, too. Gradients are summed over two micro-batches instead of all, which changes
no peak. The estimate for a GPU counts what has to be there in float32: weights, gradients, AdamW's two
moments, averages of the weights, and what the network keeps for its gradients; a CUDA context and the
workspace of its libraries, some 0.3 to 0.6 GB, come on top.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wavesmith.families import Batch, build
from wavesmith.sound import Sound
from wavesmith.training import RunConfig, load_config, train

MIB = 2**20


def main() -> None:
    options = arguments()
    config = load_config(options.config)
    if options.folder:
        measure(config, options.folder, options.micro_batches)
        return
    with tempfile.TemporaryDirectory() as folder:
        for k in range(4):
            write_sound(config, Path(folder) / "sounds" / f"{k}.wav", k)
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", folder]
        print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="")
    estimate(config)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the memory of a training.")
    parser.add_argument("--config", default="tiny-audio-diffusion", help="configuration by name or file")
    parser.add_argument("--micro-batches", type=int, default=4, help="how many to train on; two a step")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_sound(config: RunConfig, path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=(config.model.channels, config.model.length))
    Sound(0.1 * noise, config.model.rate).write(path)


def measure(config: RunConfig, folder: Path, micro_batches: int) -> None:
    examples = config.training.batch * micro_batches
    quick = config.model.sampling.model_copy(update={"steps": 1})
    config = config.model_copy(update={"model": config.model.model_copy(update={"sampling": quick})})
    config = config.model_copy(update={"data": config.data.model_copy(update={"basis": None})})
    chosen = config.with_training(examples=examples, accumulate=2, held_out=0.0)
    train(folder / "sounds", folder / "model", config=chosen, threads=1)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    print(f"peak resident memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB:,.0f} MiB")
    if torch.cuda.is_available():
        print(f"peak memory on the GPU: {torch.cuda.max_memory_allocated() / MIB:,.0f} MiB")


def estimate(config: RunConfig) -> None:
    """Count the tensors that a step has to keep, on the meta device."""
    training, model = config.training, config.model
    with torch.device("meta"):
        family = build(model).to("meta")
        batch = Batch(
            torch.empty(training.batch, model.channels, model.length),
            torch.empty(training.batch, 0),
            torch.empty(training.batch, 0),
            torch.arange(training.batch, device="cpu"),
        )
        (objective,) = family.objectives(config.objective, 0)
    weights = sum(parameter.nbytes for parameter in family.parameters())
    owned = {parameter.untyped_storage()._cdata for parameter in family.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in owned:
            kept[storage] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        objective.loss(batch)
    activations = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    fixed = weights * (4 + len(training.ema))
    print(f"estimate for a GPU: {(fixed + activations) / MIB:,.0f} MiB, of which")
    print(f"  weights, gradients, moments, averages: {fixed / MIB:,.0f} MiB")
    print(f"  kept for the gradients of {training.batch} sound(s): {activations / MIB:,.0f} MiB")


if __name__ == "__main__":
    main()
