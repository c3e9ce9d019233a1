from __future__ import annotations

import pytest

from wavesmith.data.licences import FAMILIES, NON_COMMERCIAL, SHARE_ALIKE, Terms, admitted, check_known, terms
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
        ("CC BY Non-Commercial 4.0", "cc-by-nc", "CC BY-NC 4.0", True),
        ("Creative Commons Attribution-Share Alike 3.0", "cc-by-sa", "CC BY-SA 3.0", True),
        ("Creative Commons Attribution-No Derivative Works 3.0", "cc-by-nd", "CC BY-ND 3.0", True),
        ("Creative Commons Attribution Non-Commercial 3.0", "cc-by-nc", "CC BY-NC 3.0", True),
        ("CC BY 4.0 (non-commercial, no derivatives)", "cc-by-nc-nd", "CC BY-NC-ND 4.0", True),
        ("Attribution-NonCommercial-ShareAlike 4.0 International", "cc-by-nc-sa", "CC BY-NC-SA 4.0", True),
        ("Attribution 4.0 International (CC BY 4.0)", "cc-by", "CC BY 4.0", True),
        ("CC BY 3.0 US", "cc-by", "CC BY 3.0", True),
        ("cc_by_nc_v3.0", "cc-by-nc", "CC BY-NC 3.0", True),
        ("CC-BY-3.0 AND CC-BY-NC-3.0", "cc-by-nc", "CC BY-NC 3.0", True),
        ("http://creativecommons.org/licenses/by/3.0/", "cc-by", "CC BY 3.0", True),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "cc-by-nc-sa", "CC BY-NC-SA 4.0", True),
        ("https://creativecommons.org/licenses/by-nd/4.0/deed.en", "cc-by-nd", "CC BY-ND 4.0", True),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0", "CC0 1.0", False),
        ("http://creativecommons.org/publicdomain/mark/1.0/", "public-domain", "public domain", False),
        ("Creative Commons 0", "cc0", "CC0 1.0", False),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "cc0", "CC0 1.0", False),
        ("MIT-0", "mit-0", "MIT-0", False),
        ("MIT No Attribution", "mit-0", "MIT-0", False),
        ("The MIT License (MIT)", "mit", "MIT", True),
        ("Apache License, Version 2.0", "apache", "Apache 2.0", True),
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
    licence = 'CC-BY (freesound "Attribution", 3.0 or 4.0 per sound page)'
    assert terms(licence) == Terms("cc-by", licence, None, True)


@pytest.mark.parametrize(
    "licence",
    [
        "CC0-1.0 AND CC-BY-NC-4.0",
        "CC0 for code, all rights reserved for sounds",
        "CC0 or CC BY 4.0",
        "CC0?",
        "CC0 (不可商用)",
        "MIT AND CC-BY-NC-4.0",
        "Apache-2.0 WITH LLVM-exception",
        "not public domain",
        "public domain in the US only",
        "CC BY 4.0, but no use in training",
        "CC BY-SA-ND",
        "CC Sampling Plus 1.0",
        "Attribution required",
        "https://example.org/mit",
    ],
)
def test_a_text_that_is_not_understood_in_full_is_unclear_and_in_no_family(licence):
    assert (terms(licence).name, terms(licence).attribution) == (licence, None)
    assert not admitted(licence, FAMILIES)


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
