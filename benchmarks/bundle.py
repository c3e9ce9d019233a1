"""Put a trained model into the package, with half-precision weights and a full card.

    python benchmarks/bundle.py runs/drums --recipe drums --out src/wavesmith/models/bundled/drums
    wavesmith evaluate drums --reference DRUMS --out runs/evaluation
    python benchmarks/bundle.py runs/drums --recipe drums --out src/wavesmith/models/bundled/drums \\
        --evaluation runs/evaluation/report.json

Twice, because what is measured is what is shipped: the sounds of half-precision weights with the recipe's
sampling defaults. The card says in plain words what is in `--about` (known weaknesses, credits asked for).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from wavesmith.evaluation import Report, card_table
from wavesmith.families import DiffusionConfig, DiffusionModel
from wavesmith.models import load_folder, save_folder, save_provenance
from wavesmith.training import read_recipe

SOURCES = "\n## Sounds it was trained on"
ABOUT = Path(__file__).parent / "drums-about.md"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder that wavesmith train wrote")
    parser.add_argument("--recipe", default="drums", help="its recipe, whose sampling defaults are shipped")
    parser.add_argument("--evaluation", type=Path, help="report.json that wavesmith evaluate wrote")
    parser.add_argument("--about", type=Path, default=ABOUT, help="Markdown with what is known of the model")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    trained = load_folder(options.run)
    sampling = read_recipe(options.recipe).model.sampling
    config: DiffusionConfig = trained.family.config.model_copy(update={"sampling": sampling})
    family = DiffusionModel(config)
    family.load_state_dict(trained.family.state_dict())
    card = trained.card.replace(SOURCES, "\n" + measured(options) + SOURCES)
    save_folder(options.out, family, card, dtype=torch.float16)
    if trained.provenance:
        save_provenance(options.out, trained.provenance)


def measured(options: argparse.Namespace) -> str:
    about = options.about.read_text(encoding="utf-8") + "\n"
    if options.evaluation is None:
        return about
    return about + "## Measured\n\n" + card_table(Report.read(options.evaluation))


if __name__ == "__main__":
    main()
