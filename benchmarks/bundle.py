"""Put a trained model into the package, with half-precision weights and a full card.

    python benchmarks/bundle.py runs/drums --config drums --data DRUMS \\
        --out src/wavesmith/models/bundled/drums
    wavesmith evaluate drums --reference DRUMS --out runs/evaluation
    python benchmarks/bundle.py runs/drums --config drums --data DRUMS \\
        --out src/wavesmith/models/bundled/drums --evaluation runs/evaluation/report.json

Twice, because what is measured is what is shipped: the sounds of half-precision weights with the sampling
defaults of the configuration. The card says in plain words what is in `--about` (known weaknesses, credits
asked for). `attribution.json` is the run's own; where the run is older than that file, it is made from
`--data`, the sounds of the training, which is checked by its hash. Where the manifest gives no link, `--url`
makes one of the source, which credits ask for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from wavesmith.data import scan, split
from wavesmith.evaluation import Report, card_table
from wavesmith.families import build
from wavesmith.models import Provenance, load_folder, provenance_of, save_folder, save_provenance
from wavesmith.models.model_folder import save_timbre
from wavesmith.training import load_config
from wavesmith.training.run import usable
from wavesmith.training.run_folder import RunFolder

SOURCES = "\n## Sounds it was trained on"
ABOUT = Path(__file__).parent / "drums-about.md"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder that wavesmith train wrote")
    parser.add_argument(
        "--config", default="drums", help="its configuration, whose sampling defaults are shipped"
    )
    parser.add_argument("--evaluation", type=Path, help="report.json that wavesmith evaluate wrote")
    parser.add_argument("--about", type=Path, default=ABOUT, help="Markdown with what is known of the model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="the sounds that it was trained on")
    parser.add_argument("--url", default="https://github.com/{source}", help="of a source; '' for none")
    options = parser.parse_args()
    trained = load_folder(options.run)
    sampling = load_config(options.config).model.sampling
    family = build(trained.family.config.model_copy(update={"sampling": sampling}))
    family.load_state_dict(trained.family.state_dict())
    card = trained.card.replace(SOURCES, "\n" + measured(options) + SOURCES)
    save_folder(options.out, family, card, dtype=torch.float16)
    if trained.timbre:
        save_timbre(options.out, trained.timbre)
    save_provenance(options.out, linked(trained.provenance or recorded(options), options.url))


def recorded(options: argparse.Namespace) -> Provenance:
    """Return the provenance of a run without `attribution.json`."""
    if options.data is None:
        raise SystemExit(f"{options.run} has no attribution.json; give the sounds by --data.")
    run = RunFolder(options.run)
    config = run.load_config()
    files = usable(scan(options.data, licences=config.data.licences), config)
    run.check_sounds(files)
    return provenance_of(*split(files, config.training.held_out, config.training.seed))


def linked(provenance: Provenance, url: str) -> Provenance:
    """Add a link to every source that has none."""
    sources = [
        source.model_copy(update={"url": source.url or (source.source and url.format(source=source.source))})
        for source in provenance.sources
    ]
    return provenance.model_copy(update={"sources": tuple(sources)})


def measured(options: argparse.Namespace) -> str:
    about = options.about.read_text(encoding="utf-8") + "\n"
    if options.evaluation is None:
        return about
    return about + "## Measured\n\n" + card_table(Report.read(options.evaluation))


if __name__ == "__main__":
    main()
