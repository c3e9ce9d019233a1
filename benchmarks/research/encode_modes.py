"""Encode drums as rows of the modes space, once, for training.

`python encode_modes.py DATA OUT`: all drums that rights holders granted.
`python encode_modes.py synthetic:SEED:COUNT OUT`: so many of the procedural drum machine for each label.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from granted import LABELS, LENGTH, RATE, items, read

from wavesmith.data.synthetic_drums import drum
from wavesmith.transforms.modes import ModesConfig, layout

BATCH = 16


def granted(data: Path) -> tuple[list[torch.Tensor], dict]:
    found = items(data)
    return [read(item) for item in found], {
        "labels": [item.label for item in found],
        "kits": [item.kit for item in found],
        "families": [item.family for item in found],
        "mono": [item.mono for item in found],
        "paths": [str(item.path.relative_to(data)) for item in found],
    }


def synthetic(seed: int, count: int) -> tuple[list[torch.Tensor], dict]:
    labels = [label for label in LABELS for _ in range(count)]
    waves = []
    for index, label in enumerate(labels):
        samples = torch.from_numpy(drum(label, seed + index % count).samples)[:, :LENGTH]
        waves.append(F.pad(samples, (0, LENGTH - samples.shape[1])))
    return waves, {"labels": labels}


def main(source: str, out: Path) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    transform = ModesConfig(rate=RATE).build(2)
    kind, *numbers = source.split(":")
    waves, about = synthetic(*map(int, numbers)) if kind == "synthetic" else granted(Path(source))
    ends = [int(wave.abs().amax(0).nonzero().max()) + 1 if wave.any() else 1 for wave in waves]
    order = sorted(range(len(waves)), key=lambda index: ends[index])
    rows = torch.zeros(len(waves), transform.size)
    began, cpu = time.time(), time.process_time()
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        longest = max(ends[index] for index in batch)
        code = transform.encode(torch.stack([waves[index][:, :longest] for index in batch]))
        rows[batch] = layout.packed(code)
        if start // BATCH % 10 == 0:
            print(start, f"{time.time() - began:.0f} s, {time.process_time() - cpu:.0f} CPU-s", flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"rows": rows, "names": LABELS, **about}, out)
    print(f"{len(waves)} sounds, {time.process_time() - cpu:.0f} CPU-s, finite {bool(rows.isfinite().all())}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
