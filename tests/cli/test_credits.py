from __future__ import annotations

import json

from wavesmith.models import TrainingSource, debug_model, save_folder, save_provenance
from wavesmith.models.provenance import Provenance

RIMS = TrainingSource(author="B. Player", title="Rims 1", licence="CC-BY-4.0", sounds=1, sha256=("b",))


def test_credits_of_files_and_models(wavesmith, tmp_path):
    save_folder(tmp_path / "mine", debug_model().family, "A card.\n")
    save_provenance(tmp_path / "mine", Provenance(sources=(RIMS,)))
    assert wavesmith("generate", "kick", "--model", "mine", "--seed", 1).code == 0
    told = wavesmith("credits", "sounds/kick-1-000.wav")
    assert told.code == 0
    assert '"Rims 1" by B. Player, CC BY 4.0' in told.out
    assert "B. Player" in wavesmith("credits", "mine").out
    assert "B. Player" in wavesmith("credits", "sounds").out
    plain = json.loads(wavesmith("credits", "sounds/kick-1-000.wav", "debug", "--json").out)
    assert [credit["author"] for credit in plain["owed"]] == ["B. Player"]
    assert len(plain["models"]) == 2

    (tmp_path / "mine").rename(tmp_path / "moved")
    assert wavesmith("credits", "sounds/kick-1-000.wav").refuses("not on this machine", "--model")
    assert "B. Player" in wavesmith("credits", "sounds/kick-1-000.wav", "--model", "moved").out


def test_what_cannot_be_credited_is_refused(wavesmith, drums):
    assert wavesmith("credits", "drums/kick/a.wav").refuses("a.wav", "no recipe")
    assert wavesmith("credits", "nowhere.wav").refuses("nowhere.wav")
    assert wavesmith("credits", "drmus").refuses("no model called 'drmus'")
