"""A folder of sounds as points of an embedding: measured once, kept on disk, however many there are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from wavesmith.data import Entry, LeftOut, read_folder
from wavesmith.data.scan import Gate
from wavesmith.embeddings import Embedding
from wavesmith.errors import WavesmithError
from wavesmith.evaluation.faults import Checkup
from wavesmith.evaluation.file_measures import CHECKS, COLUMNS, SOUND_MEASURES, Facts, Reader, Reading, stamp
from wavesmith.evaluation.search import Neighbours, nearest
from wavesmith.files import remedy, replacing
from wavesmith.parallel import each
from wavesmith.sound import Sound

_HEADER, _FACTS, _VECTORS, _MEASURES = "library.json", "facts.jsonl", "embeddings.f32", "measures.f32"
_BATCH = 64
_PROBE_SEED = 5

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


class LibraryFile(NamedTuple):
    """A sound of a library: where it is, what its folder or manifest says of it, and its format."""

    path: str
    label: str | None
    group: str
    basis: str | None
    rate: int
    channels: int
    seconds: float
    sha256: str
    row: int


@dataclass(frozen=True)
class Library:
    """Sounds of a folder and what was measured of each; a `select`ion is a library, too.

    Attributes:
        root: the folder of the sounds.
        out: the folder of the measurements.
        embedding: name of the embedding.
        dimensions: of its vectors.
        seconds: how much of each sound was embedded.
        files: the sounds.
        left_out: files that are not among them, and why.
    """

    root: Path
    out: Path
    embedding: str
    dimensions: int
    seconds: float
    files: tuple[LibraryFile, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def vectors(self) -> Floats:
        """Embeddings `[N, D]`; memory-mapped where all sounds of the folder are meant, else in memory."""
        return self._rows(_VECTORS, self.dimensions)

    @cached_property
    def checks(self) -> dict[str, Floats]:
        """Fields of `Checkup`, one value `[N]` of each sound as its file is."""
        return dict(zip(CHECKS, self._measures[:, : len(CHECKS)].T, strict=True))

    @property
    def profiles(self) -> Floats:
        """What `spectra.profile` measured of each sound, `[N, spectra.WIDTH]`."""
        return self._measures[:, len(CHECKS) : -SOUND_MEASURES]

    @property
    def sound_measures(self) -> Floats:
        """Rows of `wavesmith.measures`, of the part of each sound that is compared, `[N, len(MEASURES)]`."""
        return self._measures[:, -SOUND_MEASURES:]

    def checkup(self, index: int) -> Checkup:
        """The checkup of one sound."""
        values = {name: float(column[index]) for name, column in self.checks.items()}
        return Checkup.model_validate(values)

    def sound(self, index: int) -> Sound:
        """Read one sound as it is in its file.

        Raises:
            AudioError: when the file has gone or been damaged since.
        """
        return Sound.read(self.root / self.files[index].path)

    def waves(self, rate: int, workers: int | None = None) -> Iterator[Floats]:
        """Each sound's wave `[frames]` at another rate: mono, of the same length, with a peak of -1 dBFS."""
        reader = Reader(self.root, rate, self.seconds)
        return each(reader.wave, [file.path for file in self.files], workers)

    def select(self, indices: Sequence[int]) -> Library:
        """Some of the sounds, in the order given."""
        chosen = tuple(self.files[index] for index in indices)
        return Library(self.root, self.out, self.embedding, self.dimensions, self.seconds, chosen)

    def nearest(self, queries: Floats, k: int = 1, *, progress: Progress | None = None) -> Neighbours:
        """The `k` sounds nearest to each embedding `[Q, D]`; see `search.nearest`."""
        return nearest(queries, self.vectors, k, progress=progress)

    @cached_property
    def _measures(self) -> Floats:
        return self._rows(_MEASURES, COLUMNS)

    def _rows(self, name: str, width: int) -> Floats:
        if not self.files:
            return np.empty((0, width), np.float32)
        table: Floats = np.memmap(self.out / name, np.float32, "r").reshape(-1, width)
        rows = np.array([file.row for file in self.files])
        return table if np.array_equal(rows, np.arange(len(table))) else table[rows]


def build(
    folder: str | Path,
    out: str | Path,
    embedding: Embedding,
    *,
    seconds: float,
    as_training: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Library:
    """Measure and embed every sound below a folder, on all cores and in bounded memory.

    What is in `out` already is not measured again as long as a file keeps its size and time: an interrupted
    run goes on where it stopped. A file that cannot be read is left out, with the reason.

    Args:
        folder: the sounds; sub-folders are labels, and a manifest counts, as everywhere.
        out: where the measurements go.
        embedding: what makes vectors of sounds.
        seconds: how much of each sound is embedded: longer ones are cut, shorter ones filled up.
        as_training: leave out silence, crumbs, copies and what is opted out, too, as `scan` does.
        workers: processes that read; all cores if None.
        progress: called with (files done, files in all).

    Raises:
        DataError: when the folder is missing or holds no audio, or its manifest is broken.
        WavesmithError: when `out` cannot be written.
    """
    root = Path(folder)
    store = _Store(Path(out), root, embedding, seconds)
    entries = read_folder(root).entries
    known = store.known()
    stamps = {entry.path: stamp(root / entry.path) for entry in entries}
    missing = [
        entry.path
        for entry in entries
        if entry.path not in known or known[entry.path][0][1:3] != stamps[entry.path]
    ]
    done = len(entries) - len(missing)
    readings = each(Reader(root, embedding.rate, seconds), missing, workers)
    for batch in _batches(readings, _BATCH):
        known |= store.add(batch, embedding)
        done += len(batch)
        if progress:
            progress(done, len(entries))
    files, left_out = _sorted_out(entries, known, Gate(root) if as_training else None)
    return Library(
        root, store.out, embedding.name, embedding.dimensions, seconds, tuple(files), tuple(left_out)
    )


def _sorted_out(
    entries: Sequence[Entry], known: dict[str, tuple[Facts, int]], gate: Gate | None
) -> tuple[list[LibraryFile], list[LeftOut]]:
    files, left_out = [], []
    originals: dict[str, str] = {}
    refused = {entry.path: gate.refuses(entry) for entry in entries} if gate else {}
    for entry in entries:
        facts, row = known[entry.path]
        why = facts.unreadable
        if gate:
            why = why or refused[entry.path] or facts.useless or gate.refuses_audio(facts.audio)
            if not why and (original := originals.setdefault(facts.audio, entry.path)) != entry.path:
                why = f"is the same sound as {original}"
        if why:
            left_out.append(LeftOut(entry.path, why))
        else:
            files.append(
                LibraryFile(
                    entry.path,
                    entry.label,
                    entry.group,
                    entry.licence_basis,
                    facts.rate,
                    facts.channels,
                    facts.seconds,
                    facts.sha256,
                    row,
                )
            )
    return files, left_out


class _Store:
    """The files of a library: facts as lines, vectors and measures as rows, appended batch by batch."""

    def __init__(self, out: Path, root: Path, embedding: Embedding, seconds: float) -> None:
        self.out, self._width = out, embedding.dimensions
        self._rows = 0
        header = {
            "folder": str(root.resolve()),
            "embedding": embedding.name,
            "seconds": seconds,
            "measures": COLUMNS,
            "probe": _probe(embedding, seconds),
        }
        if self._header() != header:
            for name in (_FACTS, _VECTORS, _MEASURES):
                (out / name).unlink(missing_ok=True)
            with replacing(out / _HEADER) as temporary:
                temporary.write_text(json.dumps(header) + "\n")

    def known(self) -> dict[str, tuple[Facts, int]]:
        """Facts and row (-1 for none) of each file that was read; what was left half is cut off."""
        rows = min(self._length(_VECTORS, self._width), self._length(_MEASURES, COLUMNS))
        found: dict[str, tuple[Facts, int]] = {}
        kept = 0
        for line in self._lines():
            try:
                facts = Facts(**json.loads(line))
            except (ValueError, TypeError):
                break
            readable = not facts.unreadable
            if not line.endswith(b"\n") or self._rows + readable > rows:
                break
            found[facts.path] = facts, self._rows if readable else -1
            self._rows += readable
            kept += len(line)
        self._cut(_FACTS, kept)
        self._cut(_VECTORS, 4 * self._width * self._rows)
        self._cut(_MEASURES, 4 * COLUMNS * self._rows)
        return found

    def add(self, readings: Sequence[Reading], embedding: Embedding) -> dict[str, tuple[Facts, int]]:
        """Embed what was read and keep it; rows count from the moment that the facts are there."""
        waves = [reading.wave for reading in readings if reading.wave is not None]
        measures = [reading.measures for reading in readings if reading.measures is not None]
        if waves:
            with torch.inference_mode():
                vectors = embedding(torch.from_numpy(np.stack(waves))[:, None]).float().numpy()
            self._append(_VECTORS, vectors.tobytes())
            self._append(_MEASURES, np.stack(measures).tobytes())
        added = {}
        for facts, _, wave in readings:
            added[facts.path] = facts, self._rows if wave is not None else -1
            self._rows += wave is not None
        lines = "".join(json.dumps(reading.facts._asdict()) + "\n" for reading in readings)
        self._append(_FACTS, lines.encode())
        return added

    def _header(self) -> object:
        try:
            return json.loads((self.out / _HEADER).read_text())
        except (OSError, ValueError):
            return None

    def _lines(self) -> Iterator[bytes]:
        if (self.out / _FACTS).is_file():
            with open(self.out / _FACTS, "rb") as file:
                yield from file

    def _length(self, name: str, width: int) -> int:
        path = self.out / name
        return path.stat().st_size // (4 * width) if path.is_file() else 0

    def _cut(self, name: str, size: int) -> None:
        if (self.out / name).is_file():
            os.truncate(self.out / name, size)

    def _append(self, name: str, content: bytes) -> None:
        try:
            with open(self.out / name, "ab") as file:
                file.write(content)
        except OSError as error:
            raise WavesmithError(
                f"Cannot write {self.out / name} ({error.strerror or error}); {remedy(error)}."
            ) from error


def _probe(embedding: Embedding, seconds: float) -> list[float]:
    """What an embedding makes of a little fixed noise: another version of it is noticed."""
    frames = max(1, round(seconds * embedding.rate))
    noise = np.random.default_rng(_PROBE_SEED).standard_normal(frames).astype(np.float32) * 0.1
    with torch.inference_mode():
        vector = embedding(torch.from_numpy(noise)[None, None])[0]
    return [round(value, 3) for value in vector[:8].tolist()]


def _batches(readings: Iterator[Reading], size: int) -> Iterator[list[Reading]]:
    batch = []
    for reading in readings:
        batch.append(reading)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
