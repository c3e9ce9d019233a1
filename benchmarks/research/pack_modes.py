"""Pack averaged weights for keeping: `python pack_modes.py RUN OUT DATA`.

OUT/model.safetensors has the network in float16 (statistics of rows in float32), OUT/config.json what is
needed to build it, OUT/log.jsonl the log of the training, OUT/ATTRIBUTION.md whose sounds it learnt from.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def pack(run: Path, out: Path) -> None:
    state = torch.load(run / "ema.pt", weights_only=True)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {f"network.{name}": value.half() for name, value in state.pop("network").items()}
    tensors |= {f"transform.{name}": state.pop(name).float() for name in ("mean", "deviation")}
    gaussian = state.pop("gaussian", None)
    if gaussian:
        state["rest"] = gaussian.pop("rest")
        tensors |= {f"gaussian.{name}": value.half() for name, value in gaussian.items()}
    save_file({name: value.contiguous() for name, value in tensors.items()}, out / "model.safetensors")
    settings = torch.load(run / "state.pt", weights_only=False)["settings"]
    settings = {k: Path(v).name if k in ("codes", "run", "extra") and v else v for k, v in settings.items()}
    (out / "config.json").write_text(json.dumps(state | {"settings": settings}, indent=2) + "\n")
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    for line in lines:
        for key in ("codes", "run", "extra"):
            if line.get(key):
                line[key] = Path(line[key]).name
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def attribution(data: Path, out: Path) -> None:
    """One line for each source, licence and credit among the granted sounds."""
    sources: Counter = Counter()
    for folder in ("drums", "drums2"):
        for line in (data / folder / "manifest.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["licence_basis"] == "granted by the rights holder":
                sources[(row["source_repo"], row["licence"], row["credit"])] += 1
    lines = [
        "# Sounds that these weights learnt from",
        "",
        "| source | licence | credit | sounds |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {source} | {licence} | {credit} | {n} |"
        for (source, licence, credit), n in sorted(sources.items())
    ]
    (out / "ATTRIBUTION.md").write_text("\n".join(lines) + "\n")


def unpacked(folder: Path) -> dict:
    """What `train_modes.py` keeps as ema.pt, read from a packed folder."""
    tensors = load_file(folder / "model.safetensors")
    state = json.loads((folder / "config.json").read_text())
    start = "network."
    state["network"] = {k.removeprefix(start): v.float() for k, v in tensors.items() if k.startswith(start)}
    start = "gaussian."
    gaussian = {k.removeprefix(start): v.float() for k, v in tensors.items() if k.startswith(start)}
    state["gaussian"] = gaussian | {"rest": state["rest"]} if gaussian else None
    return state | {name: tensors[f"transform.{name}"] for name in ("mean", "deviation")}


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
    attribution(Path(sys.argv[3]), Path(sys.argv[2]))
