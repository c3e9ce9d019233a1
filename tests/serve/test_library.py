"""The library: nothing is lost, whatever becomes of its database."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from wavesmith import Sound, WavesmithError, generate, load, vary
from wavesmith.serve.database import Database
from wavesmith.serve.library import Library, NotFound, Search, SoundRecord

JOB = "0123456789ab"
Wave = Callable[..., Sound]


@contextmanager
def opened(folder: Path) -> Iterator[Library]:
    database = Database(folder)
    try:
        yield Library(folder, database)
    finally:
        database.close()


def made(library: Library, job: str = JOB, label: str = "kick", count: int = 1) -> list[SoundRecord]:
    """What a worker writes, entered."""
    records = []
    for k, sound in enumerate(generate(load("debug"), count, label=label, seed=7)):
        path = library.folder / "sounds" / f"{job}-{k:03d}.wav"
        sound.write(path)
        records.append(library.adopt(path))
    return records


def found(library: Library, **search: object) -> list[str]:
    return [record.id for record in library.search(Search.model_validate(search), 100, 0)[0]]


def test_a_sound_is_known_by_its_recipe(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        (record,) = made(library)
    assert (record.label, record.model, record.verb, record.seed) == ("kick", "debug", "generate", 7)
    assert (record.rate, record.channels, record.job) == (8000, 2, JOB)
    assert record.name == "kick-7-000"
    assert (record.source, record.trash, record.kept, record.favourite) == (False,) * 4


def test_it_is_searched_by_all_that_is_known(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        (kick,) = made(library)
        (snare,) = made(library, "ba9876543210", "snare")
        library.change(kick.id, {"favourite": True, "name": "Boom"})
        library.change(snare.id, {"kept": True})
        assert found(library, label="kick") == [kick.id]
        assert found(library, text="bOO") == [kick.id]
        assert found(library, text="%") == []
        assert found(library, favourite=True) == [kick.id]
        assert found(library, kept=True) == [snare.id]
        assert set(found(library, model="debug", verb="generate")) == {kick.id, snare.id}
        now = datetime.now(timezone.utc)
        assert found(library, since=now + timedelta(hours=1)) == []
        assert len(found(library, until=now + timedelta(hours=1))) == 2
        assert library.search(Search(), 1, 1)[1] == 2


def test_a_mix_is_found_by_each_of_its_labels(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        path = tmp_path / "sounds" / f"{JOB}-000.wav"
        (sound,) = generate(load("debug"), label={"kick": 0.75, "snare": 0.25}, seed=1)
        sound.write(path)
        record = library.adopt(path)
        assert record.label == "kick=0.75,snare=0.25"
        assert found(library, label="kick") == found(library, label="snare") == [record.id]
        assert found(library, label="hihat") == []


def test_likeness_is_heard(tmp_path: Path, tone: Wave) -> None:
    with opened(tmp_path) as library:
        low, near, high = (
            library.bring(file_of(tone(hertz)), "x", seconds=9).id for hertz in (100, 108, 2500)
        )
        assert found(library, like=low) == [low, near, high]
        assert found(library, like=high)[0] == high
        with pytest.raises(NotFound):
            found(library, like="0123456789ab")


def file_of(sound: Sound) -> io.BytesIO:
    return io.BytesIO(sound.encode(".wav"))


def test_trash_is_a_place_that_sounds_come_back_from(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        (record,) = made(library)
        library.change(record.id, {"trash": True})
        assert found(library) == []
        assert found(library, trash=True) == [record.id]
        assert (tmp_path / "trash" / f"{record.id}.wav").is_file()
        assert library.read(record.id).recipe
        library.change(record.id, {"trash": False})
        assert found(library) == [record.id]


def test_a_lost_database_is_made_again(tmp_path: Path, tone: Wave) -> None:
    with opened(tmp_path) as library:
        first, second = made(library, count=2)
        (varied,) = (
            vary(load("debug"), library.path(first.id).relative_to(tmp_path).as_posix(), seed=1)
            if (False)
            else vary(load("debug"), library.path(first.id), seed=1)
        )
        varied.write(tmp_path / "sounds" / "ba9876543210-000.wav")
        child = library.adopt(tmp_path / "sounds" / "ba9876543210-000.wav")
        brought = library.bring(file_of(tone()), "mine.wav", seconds=9)
        library.change(second.id, {"trash": True})
        before = {r.id: r for r in (library.get(s) for s in (first.id, second.id, child.id, brought.id))}
    for file in tmp_path.glob("library.db*"):
        file.unlink()
    with opened(tmp_path) as library:
        for id, record in before.items():
            assert library.get(id).model_copy(update={"name": record.name}) == record
        assert library.made_by(JOB) == [(0, first.id), (1, second.id)]


def test_a_damaged_database_is_set_aside_and_made_again(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        (record,) = made(library)
    (tmp_path / "library.db").write_bytes(b"SQLite format 3\0" + b"damage" * 1000)
    for rest in ("library.db-wal", "library.db-shm"):
        (tmp_path / rest).unlink(missing_ok=True)
    with opened(tmp_path) as library:
        assert library.get(record.id).label == "kick"
    assert list(tmp_path.glob("library-damaged-*.db"))


def test_the_folder_decides_after_a_crash(tmp_path: Path) -> None:
    with opened(tmp_path) as library:
        written, thrown, gone = made(library, count=3)
    # As if cut off: written but not entered, moved but not noted; and deleted by hand.
    (tmp_path / "sounds" / f"{written.id}.wav").rename(tmp_path / "sounds" / "ba9876543210-004.wav")
    (tmp_path / "sounds" / f"{thrown.id}.wav").rename(tmp_path / "trash" / f"{thrown.id}.wav")
    (tmp_path / "sounds" / f"{gone.id}.wav").unlink()
    (tmp_path / "sounds" / "0123456789cd.wav").write_bytes(b"half a file")
    (tmp_path / "sounds" / "my own.wav").write_bytes(b"not ours")
    with opened(tmp_path) as library:
        assert found(library) == ["ba9876543210-004"]
        assert found(library, trash=True) == [thrown.id]
        with pytest.raises(NotFound):
            library.get(gone.id)
    assert (tmp_path / "sounds" / "0123456789cd.wav").is_file()


def test_one_library_has_one_owner(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(WavesmithError, match="in use by another"):
        Database(tmp_path)
    with opened(tmp_path):
        pass


def test_paths_are_not_names(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(b"")
    with opened(tmp_path / "library") as library:
        for name in ("../secret", "..%2Fsecret", "/etc/passwd", "", ".", "a" * 5000, "0123456789ab\0"):
            with pytest.raises(NotFound):
                library.path(name)
