"""`wavesmith evaluate`: how good a model's sounds are, as a report to read and to listen to."""

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
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds to make.")] = 400,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    embedding: Annotated[
        str, typer.Option(help="Embedding of the distances: mel_cnn, statistics, vggish, ...")
    ] = "mel_cnn",
    classifier: Annotated[
        Path | None,
        typer.Option(
            "--classifier", "--judge", help="Classifier of labels; trained on the real sounds if left out."
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Another model or folder of sounds, side by side.")
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of the real sounds that training kept away.")] = 0.1,
    split_seed: Annotated[int, typer.Option(help="Seed by which it chose them.")] = 0,
    basis: Annotated[
        str | None, typer.Option(help="Use only real sounds whose manifest gives this licence basis.")
    ] = None,
    memorisation: Annotated[
        bool, typer.Option(help="Look for training sounds among the generated ones, too.")
    ] = True,
    out: Annotated[
        Path, typer.Option(help="Folder for sounds and measurements, from which a stopped run goes on.")
    ] = Path("evaluation"),
    html: Annotated[Path | None, typer.Option(help="Write the page there, too.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the numbers there, too.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that read sounds; all cores if left out.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the walk from noise to sound.")] = None,
    sampler: Annotated[str | None, typer.Option(help="How the walk is done, such as dpmpp_2m.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How strongly the label counts; 1 is plain.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each sound.")] = None,
    device: Annotated[str, typer.Option(help="Where models compute: cpu, cuda or mps.")] = "cpu",
) -> None:
    """Measure how good a model is.

    It makes sounds and compares them with real ones: distances, labels, spectra, faults. Everything goes into
    one page, which needs no network, and into JSON. Ctrl-C keeps what is done; the same command goes on.
    """
    from wavesmith.evaluation import evaluate
    from wavesmith.evaluation.run import HTML, JSON
    from wavesmith.evaluation.subjects import load_subject

    choices: dict[str, Any] = {
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
                **{name: value for name, value in choices.items() if value is not None},
            )
    except KeyboardInterrupt:
        note(f"Kept what is done in {out}; the same command goes on.")
        raise typer.Exit(130) from None
    _print(report)
    tell(f"\nThe report is in {html or out / HTML}, its numbers in {json or out / JSON}.")


def _print(report: Report) -> None:
    from wavesmith.evaluation.card import rows

    sides = [report, *([report.against] if report.against else [])]
    show(
        f"{report.model.sounds} sounds beside {report.reference.sounds} real ones",
        rows(sides),
        ("", *(Path(side.model.name).name for side in sides), "held-out real"),
    )
    told: set[str] = set()
    for side in sides:
        for line in side.notes:
            if line not in told:
                note(line if side is report else f"{Path(side.model.name).name}: {line}")
        told.update(side.notes)
