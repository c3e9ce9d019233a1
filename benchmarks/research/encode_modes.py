"""Encode all granted drums as rows of the modes space, once: `python encode_modes.py DATA OUT`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from granted import LABELS, RATE, items, read

from wavesmith.transforms.modes import ModesConfig, layout

BATCH = 16


def main(data: Path, out: Path) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    transform = ModesConfig(rate=RATE).build(2)
    found = items(data)
    waves = [read(item) for item in found]
    ends = [int(wave.abs().amax(0).nonzero().max()) + 1 if wave.any() else 1 for wave in waves]
    order = sorted(range(len(found)), key=lambda index: ends[index])
    rows = torch.zeros(len(found), transform.size)
    began, cpu = time.time(), time.process_time()
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        longest = max(ends[index] for index in batch)
        code = transform.encode(torch.stack([waves[index][:, :longest] for index in batch]))
        rows[batch] = layout.packed(code)
        if start // BATCH % 10 == 0:
            print(start, f"{time.time() - began:.0f} s, {time.process_time() - cpu:.0f} CPU-s", flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "rows": rows,
            "labels": [item.label for item in found],
            "kits": [item.kit for item in found],
            "families": [item.family for item in found],
            "mono": [item.mono for item in found],
            "paths": [str(item.path.relative_to(data)) for item in found],
            "names": LABELS,
        },
        out,
    )
    print(f"{len(found)} sounds, {time.process_time() - cpu:.0f} CPU-s, finite {bool(rows.isfinite().all())}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
