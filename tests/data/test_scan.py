import json

import numpy as np
import pytest
import soundfile

from wavesmith.data import Scan, scan
from wavesmith.errors import DataError
from wavesmith.files import sha256

RATE = 8000


def write(path, seconds=0.1, level=0.5, seed=0, rate=RATE, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-1, 1, (round(seconds * rate), channels))
    if noise.size:
        noise[0] = 1
    # Integers, as libsndfile rounds differently for different formats.
    soundfile.write(path, (level * 32768 * noise).astype(np.int16), rate, subtype="PCM_16")


def test_describes_files_labels_and_licences(tmp_path):
    write(tmp_path / "kick/a.wav", 0.1, seed=1)
    write(tmp_path / "kick/b.wav", 0.3, seed=2, rate=16000, channels=2)
    write(tmp_path / "snare/c.flac", 0.2, level=0.005, seed=3)
    write(tmp_path / "d.wav", 0.4, seed=4)
    lines = [
        {
            "path": "kick/a.wav",
            "licence": "CC0-1.0",
            "licence_basis": "granted",
            "credit": "Ann",
            "sha256": "0",
        },
        {"path": "kick/b.wav", "licence": "CC0-1.0", "licence_basis": "granted", "credit": "Bo"},
        {"path": "gone.wav"},
    ]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    seen = []
    result = scan(tmp_path, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [file.path for file in result.files] == ["d.wav", "kick/a.wav", "kick/b.wav", "snare/c.flac"]
    stereo = result.files[2]
    assert (stereo.label, stereo.rate, stereo.channels, stereo.credit) == ("kick", 16000, 2, "Bo")
    assert stereo.seconds == pytest.approx(0.3)
    assert stereo.peak_db == pytest.approx(-6.0, abs=0.1)
    assert stereo.sha256 == sha256(tmp_path / "kick/b.wav")
    assert [(label.label, label.files) for label in result.labels] == [("kick", 2), ("snare", 1), (None, 1)]
    kick = result.labels[0]
    assert (kick.shortest, kick.median, kick.longest, kick.total) == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert result.rates == {8000: 3, 16000: 1}
    assert result.channels == {1: 3, 2: 1}
    assert result.quiet == ("snare/c.flac",)
    assert result.missing == ("gone.wav",)
    assert result.changed == ("kick/a.wav",)
    assert {(row.licence, row.basis, row.files, row.credits) for row in result.licences} == {
        ("CC0-1.0", "granted", 2, ("Ann", "Bo")),
        (None, None, 2, ()),
    }
    assert result.left_out == ()
    assert Scan.model_validate_json(result.model_dump_json()) == result


def test_every_unusable_file_is_left_out_with_its_reason(tmp_path):
    write(tmp_path / "good.wav", seed=1)
    write(tmp_path / "silent.wav", level=0.0005, seed=2)
    write(tmp_path / "short.wav", 0.004, seed=3)
    write(tmp_path / "no-frames.wav", 0)
    write(tmp_path / "whole.flac", 1.0, seed=5)
    soundfile.write(tmp_path / "nan.wav", np.full((800, 1), np.nan), RATE, subtype="FLOAT")
    (tmp_path / "nothing.wav").touch()
    (tmp_path / "text.wav").write_text("this is a shopping list, not a sound")
    for name in ("good.wav", "whole.flac"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / f"cut-{name}").write_bytes(content[: len(content) // 2])
    result = scan(tmp_path)
    assert [file.path for file in result.files] == ["good.wav", "whole.flac"]
    reasons = dict(result.left_out)
    expected = {
        "silent.wav": "silent",
        "short.wav": "5 ms",
        "no-frames.wav": "no samples",
        "nan.wav": "NaN",
        "nothing.wav": "empty",
        "text.wav": "not a WAV",
        "cut-good.wav": "cut short",
        "cut-whole.flac": "damaged",
    }
    assert reasons.keys() == expected.keys()
    for path, words in expected.items():
        assert words in reasons[path]
        assert str(tmp_path) not in reasons[path]


def test_the_same_audio_is_used_once_whatever_its_format(tmp_path):
    write(tmp_path / "a.wav", seed=1)
    write(tmp_path / "kick/b.flac", seed=1)
    write(tmp_path / "kick/c.wav", seed=1)
    write(tmp_path / "kick/d.wav", seed=1, rate=RATE * 2, seconds=0.05)
    result = scan(tmp_path)
    assert [file.path for file in result.files] == ["a.wav", "kick/d.wav"]
    assert result.duplicates == (("a.wav", "kick/b.flac", "kick/c.wav"),)
    assert [path for path, _ in result.left_out] == ["kick/b.flac", "kick/c.wav"]
    assert all("a.wav" in reason for _, reason in result.left_out)


def test_a_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(DataError, match="no audio"):
        scan(tmp_path)
