"""The drums that rights holders granted, by label, kit and family: what models of modes learn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

LABELS = ("clap", "cymbal", "hihat", "kick", "openhat", "percussion", "rim", "snare", "tom")
RATE = 44_100
LENGTH = 66_150
_METAL = {"crash", "ride", "cymbal", "china", "splash"}


@dataclass(frozen=True)
class Item:
    path: Path
    label: str
    kit: str
    family: str
    mono: bool


def label_of(row: dict) -> str:
    """One of `LABELS` for a row of either manifest."""
    if "label" in row:
        return row["label"]
    tags, name, kind = set(row["tags"]), (row.get("instrument") or "").lower(), row["class"]
    if kind == "hihat":
        return "openhat" if tags & {"open", "half-open", "loose"} else "hihat"
    if kind == "percussion":
        if tags & {"tom"}:
            return "tom"
        if tags & _METAL:
            return "cymbal"
        if tags & {"rim", "sidestick", "rimshot"}:
            return "rim"
        if tags & {"clap"} or "clap" in name:
            return "clap"
    return kind


def items(data: Path) -> list[Item]:
    found = []
    for folder in ("drums", "drums2"):
        for line in (data / folder / "manifest.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["licence_basis"] != "granted by the rights holder":
                continue
            found.append(
                Item(
                    data / folder / row["path"],
                    label_of(row),
                    row["kit"],
                    row["split_family"],
                    bool(row.get("dual_mono")),
                )
            )
    return found


def read(item: Item, length: int = LENGTH) -> torch.Tensor:
    """Stereo `[2, length]`, cut with a short fade or filled with silence."""
    wave, rate = soundfile.read(item.path, dtype="float32", always_2d=True)
    assert rate == RATE
    wave = np.repeat(wave, 2, axis=1) if wave.shape[1] == 1 else wave
    out = np.zeros((length, 2), np.float32)
    kept = wave[:length].copy()
    if len(wave) > length:
        kept[-1323:] *= np.linspace(1, 0, 1323, dtype=np.float32)[:, None]
    out[: len(kept)] = kept
    return torch.from_numpy(out.T.copy())
