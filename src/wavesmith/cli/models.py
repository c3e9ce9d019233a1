"""`wavesmith models`: the models and training recipes that come with wavesmith, and the cards of models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.console import progress, show, tell

app = typer.Typer(help="List models and training recipes, and show model cards.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List models and training recipes, and show model cards."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models() -> None:
    """List the bundled models and training recipes."""
    from wavesmith.models import bundled_names, load
    from wavesmith.training import read_recipe, recipe_names

    rows = []
    for model in map(load, bundled_names()):
        labels = ", ".join(model.labels) or "no labels"
        rows.append(
            (model.name, f"{model.seconds:.2f} s at {model.rate} Hz, {model.channels} channel(s); {labels}")
        )
    show("Models (wavesmith generate --model NAME)", rows)
    rows = []
    for name in recipe_names():
        recipe = read_recipe(name)
        built = recipe.model
        sound = f"{built.length / built.rate:.2f} s at {built.rate} Hz, {built.channels} channel(s)"
        network = f"{built.network.kind} on {built.transform.kind}"
        rows.append((name, f"{sound}; {network}; {recipe.training.examples} examples"))
    show("\nTraining recipes (wavesmith train FOLDER --out MODEL --recipe NAME)", rows)


@app.command()
def info(name: Annotated[str, typer.Argument(help="Bundled model, model folder or hub repository.")]) -> None:
    """Show what a model costs, and its card."""
    from wavesmith.models import load
    from wavesmith.networks import parameters

    model = load(name)
    size, work = parameters(model.family) / 1e6, model.family.multiply_adds() / 1e6
    tell(f"{model.name} {model.hash}")
    tell(f"{size:.1f} M parameters; {work:.0f} M multiply-adds in each pass over a second of sound\n")
    tell(model.card or "This model has no card.")


@app.command()
def timbre(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    sounds: Annotated[Path, typer.Argument(help="Sounds such as it was trained on; sub-folders are labels.")],
) -> None:
    """Measure what timbres sounds have, so that a model can be steered by percentiles of them."""
    from wavesmith.models import write_timbres

    with progress("reading files") as scanning, progress("measuring") as measuring:
        write_timbres(model, sounds, scanning=scanning, progress=measuring)
    tell(f"The timbres of {sounds} are in {model}; steer with --timbre brightness=80 and the like.")
