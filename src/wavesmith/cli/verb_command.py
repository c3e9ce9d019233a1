"""The command of a verb, built from what the verb says about itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from wavesmith.cli.commands import command_name, command_of
from wavesmith.cli.making import Destined, fill, note_lost_channels
from wavesmith.cli.options import FileOptions, ModelOptions, options_of, taken
from wavesmith.cli.setting_options import option_help, requested, setting_options
from wavesmith.errors import RequestError
from wavesmith.streaming import AudioFile
from wavesmith.verbs import VERBS, Verb, file_recipe, generate_like, make_file, parse_label
from wavesmith.verbs.generate import GENERATE
from wavesmith.verbs.options import fields_of
from wavesmith.verbs.settings import check_count

_LABEL = "label_argument"
_FILES = "files"
_KEPT = (
    "Files are named by label or source, seed and index, as in kick-7-000.wav, and each carries its recipe. "
    "The same seed makes the same sounds; existing ones are not made again. Ctrl-C keeps finished sounds."
)
_WINDOWS = (
    "Sounds of any length are made window by window, in little memory. Ctrl-C keeps finished windows; the "
    "same command with the same seed continues from there."
)


def build(name: str) -> Any:
    """Return the command of a verb."""
    verb = VERBS[name]
    parameters = [
        *_arguments(verb),
        *_counting(verb),
        *(_like() if verb is GENERATE else ()),
        *setting_options(_fields(verb)),
        *options_of(FileOptions),
        *options_of(ModelOptions),
    ]
    text = _KEPT if verb.blocks is None else _WINDOWS
    return command_of(command_name(name), f"{verb.summary}\n\n{text}", parameters, partial(_run, verb))


def _fields(verb: Verb[Any]) -> dict[str, Any]:
    """Return the settings that have options of their own; the count of a morph is the option of all verbs."""
    return {name: field for name, field in fields_of(verb).items() if name != "count"}


def _arguments(verb: Verb[Any]) -> list[inspect.Parameter]:
    """Return the positional arguments: sounds to work on, or of verbs that need none the label."""
    if max(verb.sources):
        several = max(verb.sources) > 1
        metavar, numbers = "FILE..." if several else "FILE", " or ".join(map(str, verb.sources))
        text = f"The sounds, {numbers} of them." if several else "The sound."
        kind = list[Path] if several else Path
        return [_positional(_FILES, kind, typer.Argument(metavar=metavar, help=text))]
    if "label" in verb.settings.model_fields:
        argument = typer.Argument(metavar="[LABEL]", help="The same as --label.")
        return [_positional(_LABEL, str | None, argument, None)]
    return []


def _positional(
    name: str, kind: Any, argument: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    annotation = Annotated[kind, argument]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _counting(verb: Verb[Any]) -> list[inspect.Parameter]:
    field = verb.settings.model_fields.get("count") if verb.total else None
    text = option_help(field) if field else f"How many sounds (1 or more; default {verb.count})."
    drawn = "drawn if left out" if verb.seed is None else f"default {verb.seed}"
    options = {
        "count": typer.Option("--count", "-n", help=text),
        "seed": typer.Option("--seed", help=f"Number that decides everything random ({drawn})."),
        "first": typer.Option("--first", help="Index of the first sound of the seed (default 0)."),
    }
    return [_positional(name, int | None, option, None) for name, option in options.items()]


def _like() -> list[inspect.Parameter]:
    like = typer.Option("--like", help="Generate many sounds and keep those nearest to this one.")
    of = typer.Option("--of", help="Sounds that --like chooses from (default 8 times as many as are kept).")
    return [_positional("like", Path | None, like, None), _positional("of", int | None, of, None)]


def _run(verb: Verb[Any], **given: Any) -> None:
    files, models = taken(FileOptions, given), taken(ModelOptions, given)
    sources = _paths(given.pop(_FILES, None))
    request = requested(_fields(verb), given) | _label(given)
    count, seed, first = given["count"], verb.check_seed(given["seed"]), given["first"] or 0
    count = verb.count if count is None else count
    request |= {"count": count, "first": first}
    note_lost_channels(sources)
    if given.get("like") is not None:
        work = partial(_like_sounds, models, given["like"], given["of"], request)
        sources = [given["like"]]
    elif given.get("of") is not None:
        raise RequestError("--of is the number of sounds that --like chooses from; give --like as well.")
    elif verb.blocks is not None and len(sources) == 1:
        work = partial(_file_by_file, verb, models, sources[0], request)
    else:
        work = partial(_streamed, verb, models, sources, request)
    fill(work, sources, seed, files, in_parts=verb.blocks is not None)


def _paths(given: Path | list[Path] | None) -> list[Path]:
    return [given] if isinstance(given, Path) else given or []


def _label(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the label that was given as an argument."""
    label, option = given.get(_LABEL), given.get("label")
    if label and option and label != option:
        raise RequestError(f"Two labels were given, {label} and {option}; choose one.")
    return {"label": parse_label(label)} if label else {}


def _streamed(
    verb: Verb[Any], models: ModelOptions, sources: Sequence[Path], request: Mapping[str, Any], out: Destined
) -> Iterator[bool]:
    """Make sounds in memory, and write each as soon as it is made."""
    sounds = verb.stream(
        models.load(), *sources, seed=out.seed, progress=out.progress, skip=out.has, **request
    )
    return map(out.write, sounds)


def _like_sounds(
    models: ModelOptions, like: Path, of: int | None, request: Mapping[str, Any], out: Destined
) -> Iterator[bool]:
    """Generate many sounds, and write those that are nearest to a given one."""
    kept = generate_like(models.load(), like, of=of, seed=out.seed, progress=out.progress, **request)
    return map(out.write, [sound for sound in kept if sound.recipe and not out.has(sound.recipe)])


def _file_by_file(
    verb: Verb[Any], models: ModelOptions, path: Path, request: Mapping[str, Any], out: Destined
) -> Iterator[bool]:
    """Make sounds window by window on disk."""
    settings = dict(request)
    count, first = settings.pop("count"), settings.pop("first")
    check_range(count, first)
    model, source = models.load(), AudioFile(path)
    made = {"seed": out.seed, **settings}
    recipes = [file_recipe(verb, model, source, index=index, **made) for index in range(first, first + count)]
    missing = [recipe for recipe in recipes if not out.has(recipe)]
    for number, recipe in enumerate(missing):
        file = make_file(
            verb,
            model,
            source,
            out.destination.path(recipe),
            index=recipe.index,
            bits=out.destination.bits,
            progress=partial(_overall, out, number, len(missing)),
            **made,
        )
        yield out.destination.clips(file.peak)


def check_range(count: int, first: int) -> None:
    """Raise RequestError for less than one sound, or an index before the first."""
    check_count(count)
    if first < 0:
        raise RequestError(f"first cannot be {first}; count from 0.")


def _overall(out: Destined, number: int, count: int, done: int, total: int) -> None:
    """Report the progress over all sounds from that of sound `number` of `count`."""
    out.progress(number * total + done, count * total)
