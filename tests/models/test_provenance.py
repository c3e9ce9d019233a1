from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from wavesmith.data import ScannedFile
from wavesmith.errors import ModelError
from wavesmith.models import (
    ATTRIBUTION,
    Provenance,
    debug_model,
    held_out_of,
    load_folder,
    provenance_of,
    save_folder,
    save_provenance,
    trained_on,
)
from wavesmith.models.provenance import sources_table


def file(sha256: str, **entry: object) -> ScannedFile:
    facts = {"rate": 8000, "channels": 1, "seconds": 1.0, "peak_db": -1.0}
    return ScannedFile.model_validate({"path": f"{sha256}.wav", "sha256": sha256} | facts | entry)


RIMS = {"source": "Rims", "title": "Rims 1", "url": "https://rims.example", "credit": "B. Player"}
FILES = [
    file("c", **RIMS, licence="CC-BY-4.0", licence_basis="opt-in"),
    file("a"),
    file("b", **RIMS, licence="CC-BY-4.0", licence_basis="opt-in"),
]


def test_sounds_are_grouped_by_origin() -> None:
    nobody, rims = provenance_of(FILES, [file("d")]).sources
    assert (nobody.author, nobody.licence, nobody.sha256) == (None, None, ("a",))
    assert (rims.author, rims.title, rims.url) == ("B. Player", "Rims 1", "https://rims.example")
    assert (rims.licence, rims.basis, rims.sounds, rims.sha256) == ("CC-BY-4.0", "opt-in", 2, ("b", "c"))


def test_a_model_folder_keeps_the_record(tmp_path: Path) -> None:
    record = provenance_of(FILES, [file("d")])
    save_folder(tmp_path, debug_model().family, "A card.\n")
    assert load_folder(tmp_path).provenance is None
    save_provenance(tmp_path, record)
    model = load_folder(tmp_path)
    assert model.provenance == record
    assert trained_on(model) == {"a", "b", "c"}
    assert held_out_of(model) == {"d"}


def test_a_fine_tuned_model_remembers_its_base() -> None:
    debug = debug_model()
    base = dataclasses.replace(debug, name="first", provenance=provenance_of(FILES[:1]))
    tuned = dataclasses.replace(debug, provenance=provenance_of(FILES[1:], base=base))
    assert trained_on(tuned) == {"a", "b", "c"}
    assert [source.sha256 for source in tuned.provenance.all_sources()] == [("a",), ("b",), ("c",)]


def test_a_base_that_does_not_say_leaves_it_unknown() -> None:
    debug = debug_model()
    silent = dataclasses.replace(debug, name="silent", provenance=None)
    tuned = dataclasses.replace(debug, provenance=provenance_of(FILES, base=silent))
    assert trained_on(silent) is None
    assert trained_on(tuned) is None
    assert tuned.provenance.unrecorded() == ("silent",)


def test_a_broken_record_is_refused(tmp_path: Path) -> None:
    save_folder(tmp_path, debug_model().family, "A card.\n")
    (tmp_path / ATTRIBUTION).write_text('{"version": 9, "sources": []}')
    with pytest.raises(ModelError, match=r"attribution\.json .*version"):
        load_folder(tmp_path)


def test_a_table_says_what_is_not_stated() -> None:
    rows = sources_table(provenance_of(FILES).sources)
    assert "| - | not stated | not stated | not stated | 1 |" in rows
    assert "| Rims | CC-BY-4.0 | opt-in | B. Player | 2 |" in rows


def test_a_model_that_was_not_trained_has_no_sources() -> None:
    assert debug_model().provenance == Provenance(sources=())
    assert trained_on(debug_model()) == frozenset()
