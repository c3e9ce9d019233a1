"""Files of an embedding library: rows that are appended batch by batch and survive an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from wavesmith.embeddings import Embedding
from wavesmith.errors import WavesmithError
from wavesmith.evaluation.file_measures import COLUMNS, WIDTHS, FileInfo, FileMeasures
from wavesmith.files import remedy, replacing

VECTORS, MEASURES = "embeddings.f32", "measures.f32"
_HEADER, _FILES = "library.json", "files.jsonl"
_TEST_SEED = 5

Known = dict[str, tuple[FileInfo, int]]
"""State and row of each file; -1 for a file without a row."""


class LibraryStore:
    """Files of a library: `FileInfo` as lines, vectors and measures as rows of float32.

    What was written for another folder, embedding, length or set of measures is discarded.
    """

    def __init__(self, out: Path, root: Path, embedding: Embedding, seconds: float) -> None:
        self.out, self._width = out, embedding.dimensions
        self._rows = 0
        header = {
            "folder": str(root.resolve()),
            "embedding": embedding.name,
            "seconds": seconds,
            "measures": WIDTHS,
            "vector_of_noise": _vector_of_noise(embedding, seconds),
        }
        if self._header() != header:
            for name in (_FILES, VECTORS, MEASURES):
                (out / name).unlink(missing_ok=True)
            with replacing(out / _HEADER) as temporary:
                temporary.write_text(json.dumps(header) + "\n")

    def known(self) -> Known:
        """Return the files that were read; incomplete ends of the store's files are cut off."""
        rows = min(self._length(VECTORS, self._width), self._length(MEASURES, COLUMNS))
        known: Known = {}
        complete = 0
        for line in self._lines():
            try:
                info = FileInfo(**json.loads(line))
            except (ValueError, TypeError):
                break
            readable = not info.unreadable
            if not line.endswith(b"\n") or self._rows + readable > rows:
                break
            known[info.path] = info, self._rows if readable else -1
            self._rows += readable
            complete += len(line)
        self._cut(_FILES, complete)
        self._cut(VECTORS, 4 * self._width * self._rows)
        self._cut(MEASURES, 4 * COLUMNS * self._rows)
        return known

    def add(self, batch: Sequence[FileMeasures], embedding: Embedding) -> Known:
        """Embed and append files; rows are valid once the lines of `FileInfo` are written."""
        waves = [file.wave for file in batch if file.wave is not None]
        measures = [file.measures for file in batch if file.measures is not None]
        if waves:
            with torch.inference_mode():
                vectors = embedding(torch.from_numpy(np.stack(waves))[:, None]).float().numpy()
            self._append(VECTORS, vectors.tobytes())
            self._append(MEASURES, np.stack(measures).tobytes())
        added: Known = {}
        for info, _, wave in batch:
            added[info.path] = info, self._rows if wave is not None else -1
            self._rows += wave is not None
        lines = "".join(json.dumps(file.info._asdict()) + "\n" for file in batch)
        self._append(_FILES, lines.encode())
        return added

    def _header(self) -> object:
        try:
            return json.loads((self.out / _HEADER).read_text())
        except (OSError, ValueError):
            return None

    def _lines(self) -> Iterator[bytes]:
        if (self.out / _FILES).is_file():
            with open(self.out / _FILES, "rb") as file:
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


def _vector_of_noise(embedding: Embedding, seconds: float) -> list[float]:
    """Return part of the vector of some fixed noise, by which another version of an embedding is noticed."""
    frames = max(1, round(seconds * embedding.rate))
    noise = np.random.default_rng(_TEST_SEED).standard_normal(frames).astype(np.float32) * 0.1
    with torch.inference_mode():
        vector = embedding(torch.from_numpy(noise)[None, None])[0]
    return [round(value, 3) for value in vector[:8].tolist()]
