"""`wavesmith models`: list, look into, convert, get and share models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wavesmith.cli.console import progress, show, tell
from wavesmith.cli.options import Length, Rate, WeightsChoice

if TYPE_CHECKING:
    from wavesmith.models import Model

Name = Annotated[
    str, typer.Argument(help="Bundled model, model folder, another tool's checkpoint, or hub repository.")
]

app = typer.Typer(help="List, look into, convert, get and share models.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List, look into, convert, get and share models."""
    if context.invoked_subcommand is None:
        list_models()


def _form(model: Model) -> str:
    """Return length, rate, channels and labels of a model's sounds in words."""
    return f"{model.family.config.form()}; {', '.join(model.labels) or 'no labels'}"


def _abilities(model: Model) -> str:
    """Return the verbs that a model can do, as in `generate, vary and morph labels`."""
    from wavesmith.verbs import VERBS

    able = [verb.name.replace("_", " ") for verb in VERBS.values() if verb.works_with(model.family)]
    return " and ".join(filter(None, (", ".join(able[:-1]), able[-1]))) if able else "do nothing"


@app.command("list")
def list_models() -> None:
    """List the bundled models and training configurations."""
    from wavesmith.models import bundled_names, load
    from wavesmith.training import config_names, load_config

    rows = [(model.name, f"{_form(model)}; {_abilities(model)}") for model in map(load, bundled_names())]
    show("Models (wavesmith generate --model NAME)", rows)
    rows = []
    for name in config_names():
        config = load_config(name)
        facts = config.model.form(), config.model.summary(), f"{config.training.examples} examples"
        rows.append((name, "; ".join(facts)))
    show("\nTraining configurations (wavesmith train FOLDER --out MODEL --config NAME)", rows)


@app.command()
def info(name: Name, rate: Rate = None, length: Length = None, weights: WeightsChoice = None) -> None:
    """Show the sounds of a model, what it can do, what it costs, and its card."""
    from wavesmith.models import load
    from wavesmith.networks import parameters

    model = load(name, rate=rate, length=length, weights=weights)
    size, work = parameters(model.family) / 1e6, model.family.multiply_adds() / 1e6
    tell(f"{model.name} {model.hash}")
    tell(_form(model))
    tell(f"It can {_abilities(model)}.")
    for fact, text in model.family.describe().items():
        tell(f"{fact}: {text}")
    tell(f"{size:.1f} M parameters; {work:.0f} M multiply-adds in each pass over a second of sound\n")
    tell(model.card or "This model has no card.")


@app.command()
def timbre(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    sounds: Annotated[Path, typer.Argument(help="Sounds like its training sounds; sub-folders are labels.")],
) -> None:
    """Measure the timbres of sounds, so that a model can be steered by percentiles of them."""
    from wavesmith.models import write_timbres

    with progress("reading files") as scanning, progress("measuring") as measuring:
        write_timbres(model, sounds, scanning=scanning, progress=measuring)
    tell(f"The timbres of {sounds} are in {model}; steer with --timbre brightness=80 and the like.")


@app.command()
def card(name: Name) -> None:
    """Print a model's card and nothing else."""
    from wavesmith.models import load

    tell(load(name).card or "This model has no card.")


@app.command()
def convert(
    name: Name,
    out: Annotated[Path, typer.Argument(help="The new folder, or file for ckpt.")],
    form: Annotated[
        Literal["folder", "ckpt", "diffusers"] | None,
        typer.Option(help="ckpt if OUT ends so, folder (wavesmith's own) if it has no ending."),
    ] = None,
    rate: Rate = None,
    length: Length = None,
    weights: WeightsChoice = None,
) -> None:
    """Write a model in another form: our folder, a .ckpt of the tool it comes from, or for diffusers."""
    from wavesmith.models import ATTRIBUTION, convert, format_of, load

    form = form or format_of(out)
    model = load(name, rate=rate, length=length, weights=weights)
    convert(model, out, form)
    tell(f"{name} is in {out} ({form}, {model.hash}).")
    if form != "folder" and model.provenance is not None:
        tell(f"The record of its training sounds is not included: keep {name}, whose {ATTRIBUTION} has it.")


@app.command()
def pull(
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Repository of the Hugging Face Hub.")
    ],
) -> None:
    """Download a model from the Hugging Face Hub into its cache, from which it also loads offline."""
    from wavesmith.models import download, load

    folder = download(repository)
    model = load(repository)
    tell(f"{repository} ({model.hash}) is in {folder}; 'wavesmith generate --model {repository}' uses it.")


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="A model folder of wavesmith's own.")],
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Repository of the Hugging Face Hub.")
    ],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
) -> None:
    """Upload a model folder to the Hugging Face Hub; a new repository is private unless --public is given."""
    from wavesmith.models import push

    tell(f"{folder} is at {push(folder, repository, private=not public)}")
