from __future__ import annotations

import pytest

from wavesmith.data.licences import NON_COMMERCIAL, SHARE_ALIKE, admitted, check_known, terms
from wavesmith.errors import RequestError


@pytest.mark.parametrize(
    ("licence", "family", "name", "attribution"),
    [
        ("CC0-1.0", "cc0", "CC0 1.0", False),
        ("Creative Commons Zero", "cc0", "CC0 1.0", False),
        ("LicenseRef-PublicDomain", "public-domain", "public domain", False),
        ("The Unlicense", "unlicense", "The Unlicense", False),
        ("CC-BY-4.0", "cc-by", "CC BY 4.0", True),
        ("cc by 3.0", "cc-by", "CC BY 3.0", True),
        ("Creative Commons Attribution 3.0", "cc-by", "CC BY 3.0", True),
        ("CC-BY-SA-4.0", "cc-by-sa", "CC BY-SA 4.0", True),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd", "CC BY-NC-ND 4.0", True),
        ("MIT", "mit", "MIT", True),
        ("Apache-2.0", "apache", "Apache 2.0", True),
        ("BSD-3-Clause", "bsd", "BSD", True),
        ("Our own terms", "our-own-terms", "Our own terms", None),
        (None, "not-stated", "licence not stated", None),
    ],
)
def test_licences_are_known_by_many_names(licence, family, name, attribution):
    found = terms(licence)
    assert (found.family, found.name, found.attribution) == (family, name, attribution)


def test_the_text_is_linked_only_if_the_version_is_known():
    assert terms("CC-BY-3.0").url == "https://creativecommons.org/licenses/by/3.0/"
    vague = terms("CC-BY (Attribution, 3.0 or 4.0 per sound)")
    assert (vague.family, vague.url, vague.name) == (
        "cc-by",
        None,
        "CC-BY (Attribution, 3.0 or 4.0 per sound)",
    )


def test_conditions_beside_the_credit_are_named():
    assert terms("CC-BY-NC-SA-4.0").conditions == (NON_COMMERCIAL, SHARE_ALIKE)
    assert terms("CC-BY-4.0").conditions == ()


def test_a_family_admits_every_version_and_nothing_else():
    assert admitted("CC-BY-3.0", ["cc0", "CC-BY"])
    assert admitted("CC-BY-3.0", ["cc-by-3.0"])
    assert not admitted("CC-BY-4.0", ["cc-by-3.0"])
    assert not admitted("CC-BY-SA-4.0", ["cc-by"])
    assert not admitted("CC-BY-NC-4.0", ["cc-by"])
    assert not admitted(None, ["cc0"])


def test_a_misspelt_licence_is_refused_with_a_hint():
    check_known(["cc-by", "house rules"], ["House rules", None])
    with pytest.raises(RequestError, match="licence called 'cc-bye'; did you mean 'cc-by'"):
        check_known(["cc-bye"], ["CC0-1.0"])
