"""What the usual licences of sounds ask for. wavesmith keeps the account; it gives no legal advice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from wavesmith.errors import RequestError, unknown

SHARE_ALIKE = "what is made of it must be under the same licence"
NON_COMMERCIAL = "it must not be used commercially"
NO_DERIVATIVES = "changed versions must not be passed on"


class Terms(NamedTuple):
    """What a licence asks for.

    Attributes:
        family: its name without a version, as in `--licences`: `cc-by`, `cc0`, `mit`, ...
        name: its name as credits write it.
        url: its text, if the version is known.
        attribution: whether the author must be named; None if nobody here knows.
        conditions: what else it asks for.
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
"""Families of licences whose terms are known here."""


def terms(licence: str | None) -> Terms:
    """Terms of a licence as manifests name it: an SPDX name, or near enough."""
    if not licence:
        return Terms("not-stated", "licence not stated")
    slug = _slug(licence).removeprefix("the-")
    words = set(slug.split("-"))
    if re.match(r"(cc-?0|cc-?zero|creative-commons-(?:0|zero))\b", slug):
        return _FREE["cc0"]
    if re.search(r"public-?domain|^cc-pdm", slug):
        return _FREE["public-domain"]
    if re.match(r"(cc|creative-commons)-(by|attribution)\b", slug):
        return _creative_commons(licence, words)
    if slug in _FREE:
        return _FREE[slug]
    if match := re.match(r"(mit|bsd|apache)\b", slug):
        return _NOTICE[match[1]]
    return Terms(slug, licence)


def admitted(licence: str | None, wanted: Iterable[str]) -> bool:
    """Whether a licence is among those wanted, by family (`cc-by`) or by its own name (`CC-BY-4.0`)."""
    return bool(licence) and not {terms(licence).family, _slug(licence or "")}.isdisjoint(map(_slug, wanted))


def check_known(wanted: Iterable[str], licences: Iterable[str | None]) -> None:
    """Refuse names that are no family known here and no licence found in the data.

    Raises:
        RequestError: naming the first of them.
    """
    found = {name for licence in licences if licence for name in (_slug(licence), terms(licence).family)}
    for name in wanted:
        if _slug(name) not in found | set(FAMILIES):
            raise RequestError(unknown("licence", name, found | set(FAMILIES)))


def _creative_commons(licence: str, words: set[str]) -> Terms:
    parts = ["cc-by"]
    for part, names in (
        ("nc", {"nc", "noncommercial"}),
        ("sa", {"sa", "sharealike"}),
        ("nd", {"nd", "noderivatives", "noderivs"}),
    ):
        if words & names:
            parts.append(part)
    family = "-".join(parts)
    versions = set(re.findall(r"\b[1-4]\.\d\b", licence))
    version = versions.pop() if len(versions) == 1 else None
    name = family.upper().replace("-", " ", 1)
    code = family.removeprefix("cc-")
    return Terms(
        family,
        f"{name} {version}" if version else licence,
        f"https://creativecommons.org/licenses/{code}/{version}/" if version else None,
        True,
        _CREATIVE_COMMONS.get(family, (NON_COMMERCIAL, SHARE_ALIKE)),
    )


def _slug(text: str) -> str:
    """Lower case, everything but letters, digits and dots replaced by single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.strip().lower()).strip("-")
