import math

import pytest

from wavesmith.errors import RequestError, WavesmithError
from wavesmith.export import Hit, read_midi, write_midi

HITS = [
    Hit(0.0, 36, 127, 0.1),
    Hit(0.0, 42, 1, 0.25),
    Hit(0.5, 38, 64, 0.05),
    Hit(0.75, 42, 100, 3.0),
    Hit(200.0, 127, 90, 0.0),
]


def close(one, other, seconds):
    assert [(hit.key, hit.velocity) for hit in one] == [(hit.key, hit.velocity) for hit in other]
    for a, b in zip(one, other, strict=True):
        assert a.seconds == pytest.approx(b.seconds, abs=seconds)
        assert a.length == pytest.approx(b.length, abs=2 * seconds)


@pytest.mark.parametrize("bpm", [4.0, 93.7, 120.0, 1000.0])
def test_round_trip(tmp_path, bpm):
    write_midi(HITS[::-1], tmp_path / "a.mid", bpm=bpm)
    close(read_midi(tmp_path / "a.mid"), HITS, 60 / bpm / 960 + 200 * 1e-6)
    assert read_midi(tmp_path / "a.mid", channel=None) == read_midi(tmp_path / "a.mid", channel=10)
    assert read_midi(tmp_path / "a.mid", channel=1) == []


def test_a_key_is_released_before_it_is_struck_again(tmp_path):
    write_midi([Hit(0, 36, 90, 1.0), Hit(0.25, 36, 91, 1.0), Hit(0.25, 36, 92, 1.0)], tmp_path / "a.mid")
    close(read_midi(tmp_path / "a.mid"), [Hit(0, 36, 90, 0.25), Hit(0.25, 36, 92, 1.0)], 1e-3)


def track(*events: bytes) -> bytes:
    content = b"".join(events) + b"\x00\xff\x2f\x00"
    return b"MTrk" + len(content).to_bytes(4, "big") + content


def file(division: int, *tracks: bytes, form: int = 1) -> bytes:
    numbers = (form, len(tracks), division)
    return b"MThd\x00\x00\x00\x06" + b"".join(n.to_bytes(2, "big") for n in numbers) + b"".join(tracks)


def test_files_of_other_programs(tmp_path):
    tempi = track(b"\x00\xff\x51\x03\x07\xa1\x20", b"\x60\xff\x51\x03\x0f\x42\x40")  # 120, then 60 BPM
    notes = track(
        b"\x00\xff\x03\x04Beat",
        b"\x00\xf0\x03\x7e\x7f\xf7",
        b"\x00\xc9\x10",
        b"\x00\x99\x24\x64",
        b"\x30\x24\x00",  # running status, and velocity 0 for off
        b"\x30\x99\x26\x50",
        b"\x81\x40\x89\x26\x40",
        b"\x00\x99\x2a\x30",
        b"\x60\xb9\x07\x7f",
    )
    (tmp_path / "a.mid").write_bytes(file(96, tempi, notes) + b"XFIH\x00\x00\x00\x02ab")
    assert read_midi(tmp_path / "a.mid") == [
        Hit(0.0, 36, 100, 0.25),
        Hit(0.5, 38, 80, 2.0),
        Hit(2.5, 42, 48, 1.0),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"MThd",
        file(0x8000 | 25),
        file(96, track(b"\x00\x24")),
        file(96, track(b"\x00\x99\x24")),
        file(96, track(b"\x00\xff\x59\x02\x40\x00")),
        file(96, track(), form=2),
    ],
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.mid").write_bytes(content[:-4] if content.endswith(b"\xff\x2f\x00") else content)
    with pytest.raises(RequestError, match=r"a\.mid"):
        read_midi(tmp_path / "a.mid")


def test_a_missing_file(tmp_path):
    with pytest.raises(RequestError, match="No such file"):
        read_midi(tmp_path / "a.mid")


@pytest.mark.parametrize(
    "hit",
    [
        Hit(-1, 36),
        Hit(math.nan, 36),
        Hit(0, 128),
        Hit(0, -1),
        Hit(0, 36, 0),
        Hit(0, 36, 128),
        Hit(0, 36, 9, -1),
    ],
)
def test_impossible_hits(tmp_path, hit):
    with pytest.raises(RequestError):
        write_midi([hit], tmp_path / "a.mid")
    assert not list(tmp_path.iterdir())


def test_impossible_files(tmp_path):
    for bpm in (0, -1, math.nan, 2000):
        with pytest.raises(RequestError, match="BPM"):
            write_midi(HITS, tmp_path / "a.mid", bpm=bpm)
    with pytest.raises(RequestError, match="too late"):
        write_midi([Hit(1e6, 36)], tmp_path / "a.mid")
    with pytest.raises(RequestError, match=r"\.mid"):
        write_midi(HITS, tmp_path / "a.wav")
    (tmp_path / "b").touch()
    with pytest.raises(WavesmithError, match="Cannot write"):
        write_midi(HITS, tmp_path / "b" / "a.mid")
