"""What scanning, embedding and nearest-neighbour search cost for many sounds, in time and memory.

    python benchmarks/scale.py 5000

Makes so many short sounds in a temporary folder (a tenth of a second of decaying noise each, 16-bit mono
at 44.1 kHz), then scans them, builds a library of them, and finds the nearest other sound of each. Prints
seconds of wall clock and of CPU (all processes), and the highest memory of the main process so far;
`--vectors` adds a search among so many random vectors, which need no sounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wavesmith.data import scan
from wavesmith.embeddings import load_embedding
from wavesmith.evaluation.embedding_library import build_library
from wavesmith.evaluation.search import nearest
from wavesmith.sound import Sound

RATE, FRAMES = 44_100, 4_410


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, help="sounds")
    parser.add_argument("--embedding", default="statistics")
    parser.add_argument("--workers", type=int, help="processes; all cores if left out")
    parser.add_argument("--vectors", type=int, default=0, help="random vectors to search among, too")
    options = parser.parse_args()
    embedding = load_embedding(options.embedding)
    report("start", lambda: None)
    with tempfile.TemporaryDirectory() as place:
        sounds, out = Path(place, "sounds"), Path(place, "library")
        report("make", lambda: fill(sounds, options.count))
        report("scan", lambda: scan(sounds, workers=options.workers))
        library = report(
            "library", lambda: build_library(sounds, out, embedding, seconds=0.1, workers=options.workers)
        )
        report("again", lambda: build_library(sounds, out, embedding, seconds=0.1, workers=options.workers))
        report("nearest", lambda: library.nearest(library.vectors, 2))
        size = sum(path.stat().st_size for path in out.iterdir())
        print(json.dumps({"bytes per sound on disk": round(size / len(library))}))
    if options.vectors:
        table = (
            np.random.default_rng(0)
            .standard_normal((options.vectors, embedding.dimensions))
            .astype(np.float32)
        )
        report(f"nearest of {options.vectors} vectors", lambda: nearest(table, table, 2))


def fill(folder: Path, count: int) -> None:
    """Write the sounds, a thousand to a folder."""
    fade = np.exp(-np.arange(FRAMES) / 800)
    for k in range(count):
        noise = np.random.default_rng(k).standard_normal(FRAMES)
        wave = np.convolve(noise, np.ones(1 + k % 32) / (1 + k % 32), "same") * fade
        Sound((0.8 * wave / np.abs(wave).max())[None], RATE).write(
            folder / f"{k // 1000:03d}/{k}.wav", bits=16
        )


def report(stage: str, work: Callable[[], Any]) -> Any:
    """Do a stage and print what it took."""
    wall, cpu = time.monotonic(), spent()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = {
        "stage": stage,
        "seconds": round(time.monotonic() - wall, 1),
        "cpu": round(spent() - cpu, 1),
        "highest MB": round(peak),
        "cores": len(os.sched_getaffinity(0)),
    }
    print(json.dumps(line), flush=True)
    return result


def spent() -> float:
    """CPU seconds of this process and those that it has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
