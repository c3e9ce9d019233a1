"""`wavesmith evaluate`: measure a model's sounds and write a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavesmith.cli.console import note, show, stages, tell

if TYPE_CHECKING:
    from wavesmith.evaluation import Report


def evaluate(
    model: Annotated[
        str, typer.Argument(help="Bundled model, model folder or hub repository; or a folder of sounds.")
    ],
    reference: Annotated[Path, typer.Option(help="A folder of real sounds; its sub-folders are labels.")],
    count: Annotated[int, typer.Option("--count", "-n", help="Number of sounds to generate.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    embedding: Annotated[
        str, typer.Option(help="Embedding of the distances: multires, mel_cnn, statistics, ...")
    ] = "multires",
    classifier: Annotated[
        Path | None,
        typer.Option(
            "--classifier", "--judge", help="Classifier of labels; trained on the real sounds if left out."
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Another model or folder of sounds, side by side.")
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of the real sounds that training held out.")] = 0.1,
    split_seed: Annotated[int, typer.Option(help="Seed of that split.")] = 0,
    basis: Annotated[
        str | None, typer.Option(help="Use only real sounds whose manifest gives this licence basis.")
    ] = None,
    memorisation: Annotated[
        bool, typer.Option(help="Search for training sounds among the generated ones.")
    ] = True,
    out: Annotated[
        Path, typer.Option(help="Folder of all results, from which an interrupted run continues.")
    ] = Path("evaluation"),
    html: Annotated[Path | None, typer.Option(help="Also write the page to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers to this file.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that read sounds; all cores if left out.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps from noise to sound.")] = None,
    sampler: Annotated[str | None, typer.Option(help="Sampler, such as dpmpp_2m.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Weight of the label; 1 disables guidance.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each sound.")] = None,
    device: Annotated[str, typer.Option(help="Device of the models: cpu, cuda or mps.")] = "cpu",
) -> None:
    """Measure a model's sounds beside real ones.

    Generate sounds and compare them with real ones: distances, label accuracy, spectra, faults, memorisation.
    The results are written to one page, which needs no network, and to JSON. After Ctrl-C the same command
    continues.
    """
    from wavesmith.evaluation import evaluate
    from wavesmith.evaluation.run import HTML, JSON
    from wavesmith.evaluation.subjects import load_subject

    generation: dict[str, Any] = {
        "steps": steps,
        "sampler": sampler,
        "guidance": guidance,
        "seconds": seconds,
    }
    try:
        with stages() as progress:
            report = evaluate(
                load_subject(model, device),
                reference,
                count=count,
                seed=seed,
                embedding=embedding,
                classifier=classifier,
                against=None if against is None else load_subject(against, device),
                held_out=held_out,
                split_seed=split_seed,
                basis=basis,
                memorisation=memorisation,
                out=out,
                html=html,
                json=json,
                workers=workers,
                progress=progress,
                **{name: value for name, value in generation.items() if value is not None},
            )
    except KeyboardInterrupt:
        note(f"Kept the results so far in {out}; the same command continues.")
        raise typer.Exit(130) from None
    _print(report)
    tell(f"\nThe report is in {html or out / HTML}, its numbers in {json or out / JSON}.")


def _print(report: Report) -> None:
    from wavesmith.evaluation.card import rows

    sides = [report, *([report.against] if report.against else [])]
    show(
        f"{report.model.sounds} sounds, compared with {report.reference.sounds} real ones",
        rows(sides),
        ("", *(Path(side.model.name).name for side in sides), "held-out real"),
    )
    shown: set[str] = set()
    for side in sides:
        for line in side.notes:
            if line not in shown:
                note(line if side is report else f"{Path(side.model.name).name}: {line}")
        shown.update(side.notes)
