"""A folder of sounds with the embedding and the measures of each, computed once and kept on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wavesmith.data import Entry, LeftOut, read_folder
from wavesmith.data.scan import Admission
from wavesmith.embeddings import Embedding
from wavesmith.evaluation.faults import SoundCheck
from wavesmith.evaluation.file_measures import (
    CHECKS,
    COLUMNS,
    FileMeasures,
    FileReader,
    Floats,
    columns_of,
    stamp,
)
from wavesmith.evaluation.library_store import MEASURES, VECTORS, Known, LibraryStore
from wavesmith.evaluation.search import Neighbours, nearest
from wavesmith.parallel import each
from wavesmith.sound import Sound

_BATCH = 64

Progress = Callable[[int, int], None]


class LibraryFile(NamedTuple):
    """Sound of a library: its path, metadata of its folder or manifest, format, and row in the tables."""

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
class EmbeddingLibrary:
    """Sounds of a folder with their embeddings and measures; a `select`ion is a library, too.

    Attributes:
        root: folder of the sounds.
        out: folder of the measurements.
        embedding: name of the embedding.
        dimensions: of its vectors.
        seconds: length of each sound that was embedded.
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
        """Embeddings `[N, D]`; memory-mapped if the library has all sounds of the folder."""
        return self._rows(VECTORS, self.dimensions)

    @cached_property
    def checks(self) -> dict[str, Floats]:
        """Fields of `SoundCheck`, values `[N]`, measured on the files as they are."""
        return dict(zip(CHECKS, self.measures("checks").T, strict=True))

    @property
    def profiles(self) -> Floats:
        """Profiles `[N, spectra.WIDTH]` (`spectra.profile`)."""
        return self.measures("profile")

    @property
    def labels(self) -> dict[str, int]:
        """Number of sounds of each label; sounds without a label are not counted."""
        counts = Counter(file.label for file in self.files)
        return {label: counts[label] for label in sorted(counts, key=str) if label is not None}

    def measures(self, group: str) -> Floats:
        """Return the measures `[N, width]` of a group of `file_measures.GROUPS`."""
        return self._measures[:, columns_of(group)]

    def check(self, index: int) -> SoundCheck:
        """Return the levels and faults of one sound."""
        values = {name: float(column[index]) for name, column in self.checks.items()}
        return SoundCheck.model_validate(values)

    def sound(self, index: int) -> Sound:
        """Read one sound as it is in its file.

        Raises:
            AudioError: when the file was removed or damaged since.
        """
        return Sound.read(self.root / self.files[index].path)

    def waves(self, rate: int, workers: int | None = None) -> Iterator[Floats]:
        """Yield each sound's wave `[frames]` at a rate: mono, of equal length, with a peak of -1 dBFS."""
        reader = FileReader(self.root, rate, self.seconds)
        return each(reader.wave, [file.path for file in self.files], workers)

    def select(self, indices: Sequence[int]) -> EmbeddingLibrary:
        """Return some of the sounds, in the order given."""
        chosen = tuple(self.files[index] for index in indices)
        return EmbeddingLibrary(self.root, self.out, self.embedding, self.dimensions, self.seconds, chosen)

    def with_label(self, label: str | None) -> EmbeddingLibrary:
        """Return the sounds of a label; None for those without one."""
        return self.select([index for index, file in enumerate(self.files) if file.label == label])

    def nearest(self, queries: Floats, k: int = 1, *, progress: Progress | None = None) -> Neighbours:
        """Find the `k` sounds nearest to each embedding `[Q, D]`; see `search.nearest`."""
        return nearest(queries, self.vectors, k, progress=progress)

    @cached_property
    def _measures(self) -> Floats:
        return self._rows(MEASURES, COLUMNS)

    def _rows(self, name: str, width: int) -> Floats:
        if not self.files:
            return np.empty((0, width), np.float32)
        table: Floats = np.memmap(self.out / name, np.float32, "r").reshape(-1, width)
        rows = np.array([file.row for file in self.files])
        return table if np.array_equal(rows, np.arange(len(table))) else table[rows]


def build_library(
    folder: str | Path,
    out: str | Path,
    embedding: Embedding,
    *,
    seconds: float,
    as_training: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> EmbeddingLibrary:
    """Measure and embed every sound below a folder, on all cores and in bounded memory.

    Results in `out` are reused as long as a file keeps its size and time, so an interrupted run continues. A
    file that cannot be read is left out, with the reason.

    Args:
        folder: the sounds; labels are given by sub-folders or the manifest.
        out: folder of the results.
        embedding: computes the vectors.
        seconds: length that is embedded: longer sounds are cut, shorter ones padded.
        as_training: leave out silent, very short, duplicate and opted-out sounds, as `scan` does.
        workers: processes that read; all cores if None.
        progress: called with (files done, files in all).

    Raises:
        DataError: when the folder is missing or holds no audio, or its manifest is broken.
        WavesmithError: when `out` cannot be written.
    """
    root = Path(folder)
    store = LibraryStore(Path(out), root, embedding, seconds)
    entries = read_folder(root).entries
    known = store.known()
    stamps = {entry.path: stamp(root / entry.path) for entry in entries}
    missing = [
        entry.path
        for entry in entries
        if entry.path not in known or known[entry.path][0][1:3] != stamps[entry.path]
    ]
    done = len(entries) - len(missing)
    measured = each(FileReader(root, embedding.rate, seconds), missing, workers)
    for batch in _batches(measured, _BATCH):
        known |= store.add(batch, embedding)
        done += len(batch)
        if progress:
            progress(done, len(entries))
    files, left_out = _selected(entries, known, Admission(root) if as_training else None)
    return EmbeddingLibrary(
        root, store.out, embedding.name, embedding.dimensions, seconds, tuple(files), tuple(left_out)
    )


def _selected(
    entries: Sequence[Entry], known: Known, gate: Admission | None
) -> tuple[list[LibraryFile], list[LeftOut]]:
    """Divide files into those of the library and those that are left out."""
    files, left_out = [], []
    originals: dict[str, str] = {}
    refused = {entry.path: gate.rejection(entry) for entry in entries} if gate else {}
    for entry in entries:
        info, row = known[entry.path]
        why = info.unreadable
        if gate:
            why = why or refused[entry.path] or info.useless or gate.audio_rejection(info.audio)
            if not why and (original := originals.setdefault(info.audio, entry.path)) != entry.path:
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
                    info.rate,
                    info.channels,
                    info.seconds,
                    info.sha256,
                    row,
                )
            )
    return files, left_out


def _batches(measured: Iterator[FileMeasures], size: int) -> Iterator[list[FileMeasures]]:
    batch = []
    for file in measured:
        batch.append(file)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
