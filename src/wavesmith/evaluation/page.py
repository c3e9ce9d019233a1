"""Bricks of a report: one HTML file with its style, pictures and sounds inside, which needs no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from importlib import resources
from typing import Literal

from wavesmith.picture import thumbnail
from wavesmith.recipe import VERSION
from wavesmith.sound import Sound

_LONGEST_AUDIO = 2.0
_FADE_SECONDS = 0.05
_TILE = (96, 64)  # pixels


class Html(str):
    """Text that is HTML already; any other is escaped."""

    __slots__ = ()


def markup(text: object) -> Html:
    """Text as HTML: escaped, unless it is HTML."""
    return text if isinstance(text, Html) else Html(html.escape(str(text)))


def document(title: str, *sections: str) -> str:
    """A whole page."""
    style, script = (
        resources.files("wavesmith.evaluation").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js")
    )
    body = "\n".join(sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n<footer>Made by wavesmith {VERSION}.</footer>\n</main>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def section(title: str, *parts: str, lead: str = "") -> Html:
    """A part of the page under a heading, which `lead` explains in a sentence or two."""
    explained = f'<p class="lead">{markup(lead)}</p>' if lead else ""
    return Html(
        f"<section>\n<h2>{markup(title)}</h2>\n{explained}\n{''.join(map(markup, parts))}\n</section>"
    )


def heading(title: str) -> Html:
    """A heading within a section."""
    return Html(f"<h3>{markup(title)}</h3>")


def text(paragraph: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{markup(paragraph)}</p>")


def listed(lines: Sequence[str]) -> Html:
    """A list with a point for each line."""
    return Html("<ul>" + "".join(f"<li>{markup(line)}</li>" for line in lines) + "</ul>")


def table(columns: Sequence[object], rows: Sequence[Sequence[object]], numeric: bool = True) -> Html:
    """A table; with `numeric`, all columns but the first hold numbers, which line up at the right."""
    kind = ' class="numeric"' if numeric else ""
    head = "".join(f'<th scope="col">{markup(cell)}</th>' for cell in columns)
    body = "".join(
        f'<tr><th scope="row">{markup(row[0])}</th>'
        + "".join(f"<td>{markup(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return Html(
        f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def figure(content: str, caption: str) -> Html:
    """A picture or plot with words below it."""
    return Html(f"<figure>{markup(content)}<figcaption>{markup(caption)}</figcaption></figure>")


def details(summary: str, *parts: str) -> Html:
    """Parts that show when somebody asks for them."""
    return Html(f"<details><summary>{markup(summary)}</summary>{''.join(map(markup, parts))}</details>")


def badge(words: str, kind: Literal["good", "warn", "bad", "plain"] = "plain") -> Html:
    """A few words on a coloured ground."""
    return Html(f'<span class="badge {kind}">{markup(words)}</span>')


def tiles(numbers: Sequence[tuple[str, object, object]]) -> Html:
    """The main figures at a glance: for each its name, its value, and what to compare it with."""
    return _box(
        "glances",
        *(
            _box(
                "glance", _box("name", markup(name)), _box("value", markup(value)), _box("note", markup(note))
            )
            for name, value, note in numbers
        ),
    )


def spectrogram(sound: Sound, seconds: float | None = None, top_hz: float | None = None) -> Html:
    """A small mel spectrogram; `seconds` and `top_hz` set the scales, for several side by side."""
    png = thumbnail(sound, *_TILE, seconds, top_hz)
    return Html(
        f'<img class="mel" width="{_TILE[0]}" height="{_TILE[1]}" alt="mel spectrogram" '
        f'src="data:image/png;base64,{_base64(png)}">'
    )


def audio(sound: Sound) -> Html:
    """A player of the first two seconds."""
    return Html(f'<audio controls preload="none" src="{_flac(sound)}"></audio>')


def playable(sound: Sound, label: str, seconds: float | None = None, top_hz: float | None = None) -> Html:
    """A spectrogram that plays its sound when it is clicked."""
    return Html(
        f'<button class="play" type="button" aria-label="play {markup(label)}" title="{markup(label)}" '
        f'data-sound="{_flac(sound)}">{spectrogram(sound, seconds, top_hz)}</button>'
    )


def sheet(groups: Sequence[tuple[str, Sequence[str]]]) -> Html:
    """Groups of small pictures side by side, each under its title; for real and generated sounds."""
    return _box(
        "sheet",
        *(_box("group", _title(title), _box("mels", *map(markup, pictures))) for title, pictures in groups),
    )


def pairs(rows: Sequence[tuple[str, Sound, str, Sound, str]]) -> Html:
    """Two sounds side by side, each with a title, picture and player, and a caption for both."""
    cards = []
    for first_title, first, second_title, second, caption in rows:
        seconds = max(first.seconds, second.seconds)
        top_hz = max(first.rate, second.rate) / 2
        sides = [
            _box("side", _title(title), spectrogram(sound, seconds, top_hz), audio(sound))
            for title, sound in ((first_title, first), (second_title, second))
        ]
        cards.append(_box("pair", figure(_box("sides", *sides), caption)))
    return _box("pairs", *cards)


def _box(kind: str, *parts: str) -> Html:
    return Html(f'<div class="{kind}">{"".join(parts)}</div>')


def _title(words: str) -> Html:
    return Html(f"<h4>{markup(words)}</h4>")


def _flac(sound: Sound) -> str:
    """The beginning of a sound as a data URI: 16-bit FLAC, without the recipe."""
    frames = round(_LONGEST_AUDIO * sound.rate)
    part = sound.channels_as(min(sound.channels, 2)).trim()
    if part.frames > frames:
        part = part.crop(frames).fade(out_seconds=_FADE_SECONDS)
    return f"data:audio/flac;base64,{_base64(part.with_recipe(None).encode('.flac', bits=16))}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
