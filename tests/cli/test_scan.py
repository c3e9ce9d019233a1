from __future__ import annotations

import json
import shutil
from pathlib import Path

from wavesmith import scan
from wavesmith.data import Scan


def test_the_report_names_everything(wavesmith, drums):
    shutil.copy(drums / "kick/a.wav", drums / "kick/twin.wav")
    (drums / "snare/broken.wav").write_text("no sound")
    lines = [
        {"path": "kick/b.wav", "licence": "CC-BY", "licence_basis": "granted", "credit": "Ann"},
        {"path": "kick/gone.wav"},
        {"path": "kick/c.wav", "sha256": "0" * 64},
    ]
    (drums / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = wavesmith("scan", "drums")
    assert result.code == 0
    words = " ".join(result.out.split())
    assert "8 usable sounds" in words
    assert "8000 Hz 8" in words
    assert "CC-BY granted 1 1" in words
    assert "Left out: 2" in words
    assert "kick/twin.wav: is the same sound as kick/a.wav" in words
    assert "snare/broken.wav: cannot be read as audio" in words
    assert "In the manifest but not there: 1 kick/gone.wav" in words
    assert "Changed since the manifest was written: 1 kick/c.wav" in words


def test_json_is_the_scan_of_the_api(wavesmith, drums):
    result = wavesmith("scan", "drums", "--json", "--out", "reports/scan.json")
    assert result.code == 0
    assert Scan.model_validate_json(result.out) == scan("drums")
    assert Scan.model_validate_json(Path("reports/scan.json").read_text()) == scan("drums")


def test_nothing_usable_is_an_error_after_the_report(wavesmith):
    Path("set").mkdir()
    Path("set/a.wav").write_text("no sound")
    result = wavesmith("scan", "set")
    assert result.refuses("None of the 1 audio files")
    assert "a.wav: cannot be read as audio" in result.out


def test_no_folder(wavesmith):
    assert wavesmith("scan", "nowhere").refuses("no folder nowhere")


def test_licences_and_opt_outs_leave_sounds_out(wavesmith, drums):
    (drums / "manifest.jsonl").write_text(
        '{"path": "kick/a.wav", "licence": "CC0-1.0"}\n{"path": "kick/b.wav", "licence": "MIT"}\n'
    )
    (drums.parent / "wishes.txt").write_text("path: kick/a.wav\n")
    told = wavesmith("scan", "drums", "--licences", "cc0")
    assert "1 usable sounds" in told.out
    assert "kick/b.wav: is under MIT, not under cc0" in told.out
    told = wavesmith("scan", "drums", "--opt-out", "wishes.txt")
    assert "kick/a.wav: is opted out of training" in told.out
    assert wavesmith("scan", "drums", "--licences", "ccby").refuses("'ccby'", "cc-by")
    assert wavesmith("scan", "drums", "--licences", ",").refuses("empty")
