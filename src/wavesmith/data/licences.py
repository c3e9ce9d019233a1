"""Terms of the usual licences of sounds. This is bookkeeping, not legal advice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from wavesmith.errors import RequestError, unknown

SHARE_ALIKE = "derived works must be under the same licence"
NON_COMMERCIAL = "it must not be used commercially"
NO_DERIVATIVES = "changed versions must not be passed on"


class Terms(NamedTuple):
    """Terms of a licence.

    Attributes:
        family: name without a version, as in `--licences`: `cc-by`, `cc0`, `mit`, ...
        name: name to print in credits.
        url: address of its text, if the version is known.
        attribution: whether the author must be credited; None if unknown.
        conditions: its other conditions.
    """

    family: str
    name: str
    url: str | None = None
    attribution: bool | None = None
    conditions: tuple[str, ...] = ()


_FREE = {
    "cc0": Terms("cc0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/", False),
    "public-domain": Terms("public-domain", "public domain", None, False),
    "unlicense": Terms("unlicense", "The Unlicense", "https://unlicense.org/", False),
    "mit-0": Terms("mit-0", "MIT-0", "https://spdx.org/licenses/MIT-0.html", False),
    "0bsd": Terms("0bsd", "0BSD", "https://spdx.org/licenses/0BSD.html", False),
}
_NOTICE = {
    "mit": Terms("mit", "MIT", "https://spdx.org/licenses/MIT.html", True),
    "apache": Terms("apache", "Apache 2.0", "https://www.apache.org/licenses/LICENSE-2.0", True),
    "bsd": Terms("bsd", "BSD", "https://spdx.org/licenses/BSD-3-Clause.html", True),
}
_CREATIVE_COMMONS = {
    "cc-by": (),
    "cc-by-sa": (SHARE_ALIKE,),
    "cc-by-nd": (NO_DERIVATIVES,),
    "cc-by-nc": (NON_COMMERCIAL,),
    "cc-by-nc-sa": (NON_COMMERCIAL, SHARE_ALIKE),
    "cc-by-nc-nd": (NON_COMMERCIAL, NO_DERIVATIVES),
}
FAMILIES = (*_FREE, *_NOTICE, *_CREATIVE_COMMONS)
"""Families of licences with known terms."""

_SPELLINGS = {  # common spellings of the parts of licence names, replaced in this order
    r"creative-?commons(-org)?": "cc",
    r"public-?domain": "publicdomain",
    r"\bcc-?(publicdomain-)?(0|zero)\b": "cc0",
    r"\bpdm?\b|\bpublicdomain-mark\b": "publicdomain",
    r"non-?commercial": "nc",
    r"share-?alike": "sa",
    r"no-?deriv(ative)?s?(-works?)?\b": "nd",
    r"\bmit-(0|no-attribution)\b": "mit0",
    r"attribution": "by",
}
_FILLER = re.compile(  # versions, and words that do not change the terms
    r"v?\d|version|or|later|the|a|and|under|licen[sc]e[sd]?|licenseref|legalcode|deed|en|https?|www|"
    r"universal|international|unported|generic|dedication|at|au|de|fr|igo|jp|nl|uk|us|"
    r"clause|simplified|new|revised|software|freesound|per|sound|page"
)
_ONE_WORD = {family.replace("-", ""): known for family, known in (_FREE | _NOTICE).items()}


def terms(licence: str | None) -> Terms:
    """Return the terms of a licence: an SPDX name, a link to Creative Commons, or a spelling of these.

    A text with any unknown word, or with licences of several families, is a family of its own whose terms are
    unclear: `CC0 for code, all rights reserved for sounds` is not CC0.
    """
    if not licence:
        return Terms("not-stated", "licence not stated")
    words = _words(licence)
    if "by" in words and words <= {"cc", "by", "nc", "sa", "nd"}:
        family = "-".join(("cc-by", *(part for part in ("nc", "sa", "nd") if part in words)))
        if family in _CREATIVE_COMMONS:
            return _creative_commons(licence, family)
    if "cc0" in words:
        words -= {"cc", "publicdomain"}
    elif "publicdomain" in words:
        words -= {"cc"}
    known = _ONE_WORD.get(" ".join(words))
    return known or Terms(_slug(licence), licence)


def admitted(licence: str | None, allowed: Iterable[str]) -> bool:
    """Return whether a licence is allowed, by family (`cc-by`) or by its own name (`CC-BY-4.0`)."""
    return bool(licence) and not {terms(licence).family, _slug(licence or "")}.isdisjoint(map(_slug, allowed))


def check_known(allowed: Iterable[str], licences: Iterable[str | None]) -> None:
    """Check that names are known families, or licences that occur in the data.

    Raises:
        RequestError: naming the first that is neither.
    """
    present = {name for licence in licences if licence for name in (_slug(licence), terms(licence).family)}
    for name in allowed:
        if _slug(name) not in present | set(FAMILIES):
            raise RequestError(unknown("licence", name, present | set(FAMILIES)))


def _creative_commons(licence: str, family: str) -> Terms:
    versions = set(re.findall(r"\bv?([1-4]-\d)\b", _slug(licence)))
    version = versions.pop().replace("-", ".") if len(versions) == 1 else None
    name = family.upper().replace("-", " ", 1)
    code = family.removeprefix("cc-")
    return Terms(
        family,
        f"{name} {version}" if version else licence,
        f"https://creativecommons.org/licenses/{code}/{version}/" if version else None,
        True,
        _CREATIVE_COMMONS[family],
    )


def _words(licence: str) -> set[str]:
    """Return the meaningful words of a licence name in one spelling."""
    slug = _slug(licence)
    for spelling, code in _SPELLINGS.items():
        slug = re.sub(spelling, code, slug)
    return {word for word in slug.split("-") if not _FILLER.fullmatch(word)}


def _slug(text: str) -> str:
    """Convert to lower case; all but letters, digits and question marks becomes single dashes."""
    return re.sub(r"[^\w?]+|_+", "-", text.strip().lower()).strip("-")
