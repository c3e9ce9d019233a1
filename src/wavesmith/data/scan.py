"""Scan of a data set: which files are usable, and why others are left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from wavesmith.data.licences import admitted, check_known
from wavesmith.data.manifest import Entry
from wavesmith.data.opt_out import OPT_OUT, read_opt_out
from wavesmith.data.sound_folder import read_folder
from wavesmith.errors import AudioError
from wavesmith.files import sha256
from wavesmith.parallel import each
from wavesmith.sound import Sound

SILENT_DB = -60.0
QUIET_DB = -40.0
SHORTEST_SECONDS = 0.005


class ScannedFile(Entry):
    """A usable file: its entry, with its actual SHA-256, and properties of its audio (`peak_db` in dBFS)."""

    rate: int
    channels: int
    seconds: float
    peak_db: float


class LeftOut(NamedTuple):
    """A file that is not used, and the reason."""

    path: str
    reason: str


class LabelSummary(BaseModel):
    """Number of usable files of a label, and their durations in seconds."""

    model_config = ConfigDict(frozen=True)

    label: str | None
    files: int
    shortest: float
    median: float
    longest: float
    total: float


class LicenceSummary(BaseModel):
    """Number of usable files under a licence, its basis, and authors to credit."""

    model_config = ConfigDict(frozen=True)

    licence: str | None
    basis: str | None
    files: int
    credits: tuple[str, ...]


class Scan(BaseModel):
    """Result of `scan`; plain values that go to JSON and back.

    Attributes:
        folder: the data set's folder, as given to `scan`.
        files: usable files, sorted by path.
        left_out: files with an audio ending that are not used, with the reason.
        missing: paths in the manifest without an audio file.
        changed: usable files whose SHA-256 differs from the manifest.
        duplicates: groups of paths with the same audio; only the first of each is used.
        quiet: usable files with a peak below -40 dBFS: normalising them raises their noise as well.
        labels: counts and durations by label, sorted, sounds without a label last.
        rates: files by sampling rate in Hz.
        channels: files by number of channels.
        licences: files, basis and credits by licence.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    files: tuple[ScannedFile, ...]
    left_out: tuple[LeftOut, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    quiet: tuple[str, ...]
    labels: tuple[LabelSummary, ...]
    rates: dict[int, int]
    channels: dict[int, int]
    licences: tuple[LicenceSummary, ...]


def scan(
    folder: str | Path,
    *,
    licences: Sequence[str] | None = None,
    opt_out: str | Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scan:
    """Read every file under `folder`, a few at a time, and return which are usable.

    Files are left out that `Sound.read` refuses (not audio, damaged, cut short, empty, samples that are not
    finite, too long), that are shorter than 5 ms or never above -60 dBFS, or that have the same audio
    (samples, rate and channels) as an earlier file. So are files opted out by the manifest or by a list
    (`opt-out.txt` in the folder, or `opt_out`), and all files with the same audio as these.

    Args:
        folder: the data set.
        licences: use only sounds under these, by family (`cc-by`) or name (`CC-BY-4.0`); None for any.
        opt_out: a file with additional opt-outs (`read_opt_out`).
        workers: processes that read; all cores if None (few files are read in this one).
        progress: called with (files done, files in total) after each file.

    Raises:
        DataError: when the folder is missing, is a file or has no audio, or when its manifest or a list of
            opt-outs is broken.
        RequestError: for an unknown licence.
    """
    root = Path(folder)
    listing = read_folder(root)
    if licences is not None:
        check_known(licences, (entry.licence for entry in listing.entries))
    admission = Admission(root, licences, opt_out)
    files: list[ScannedFile] = []
    left_out: list[LeftOut] = []
    changed: list[str] = []
    by_audio: dict[str, list[str]] = {}
    entries = []
    for entry in listing.entries:
        if why := admission.rejection(entry):
            left_out.append(LeftOut(entry.path, why))
        else:
            entries.append(entry)
    results = zip(entries, each(partial(_examine, root), entries, workers), strict=True)
    for done, (entry, (file, audio)) in enumerate(results, start=1 + len(left_out)):
        if why := file if isinstance(file, str) else admission.audio_rejection(audio):
            left_out.append(LeftOut(entry.path, why))
        elif first := by_audio.get(audio):
            first.append(entry.path)
            left_out.append(LeftOut(entry.path, f"is the same sound as {first[0]}"))
        elif isinstance(file, ScannedFile):
            by_audio[audio] = [entry.path]
            files.append(file)
            if entry.sha256 not in (None, file.sha256):
                changed.append(entry.path)
        if progress:
            progress(done, len(listing.entries))
    return Scan(
        folder=str(folder),
        files=tuple(files),
        left_out=tuple(sorted(left_out)),
        missing=tuple(listing.missing),
        changed=tuple(changed),
        duplicates=tuple(tuple(same) for same in by_audio.values() if len(same) > 1),
        quiet=tuple(file.path for file in files if file.peak_db < QUIET_DB),
        labels=_by_label(files),
        rates=dict(sorted(Counter(file.rate for file in files).items())),
        channels=dict(sorted(Counter(file.channels for file in files).items())),
        licences=_by_licence(files),
    )


class Admission:
    """The check of `scan` for licences and opt-outs.

    Call `rejection` for every entry first, then `audio_rejection` for the audio of those without one.
    """

    def __init__(
        self, root: Path, licences: Sequence[str] | None = None, opt_out: str | Path | None = None
    ) -> None:
        own = root / OPT_OUT
        self.root, self.licences = root, licences
        self.lists = read_opt_out(*([own] if own.is_file() else []), *([Path(opt_out)] if opt_out else []))
        self.opted_out_audio: set[str] = set()  # content hashes of the files that are opted out by name

    def rejection(self, entry: Entry) -> str | None:
        """Return why an entry is rejected by its manifest, path or file hash; None if it is not."""
        if self._opted_out(entry):
            with suppress(AudioError):
                self.opted_out_audio.add(Sound.read(self.root / entry.path).sha256)
            return "is opted out of training"
        if self.licences is not None and not admitted(entry.licence, self.licences):
            has = f"is under {entry.licence}" if entry.licence else "has no licence in the manifest"
            return f"{has}, not under {' or '.join(self.licences)}"
        return None

    def audio_rejection(self, audio: str) -> str | None:
        """Return why a file is rejected by the content hash of its audio; None if it is not."""
        if audio in self.opted_out_audio or audio in self.lists.hashes:
            return "is the same sound as one that is opted out of training"
        return None

    def _opted_out(self, entry: Entry) -> bool:
        hashes = self.lists.hashes
        return self.lists.covers(entry) or (bool(hashes) and sha256(self.root / entry.path) in hashes)


def unusable(sound: Sound) -> str | None:
    """Return why a sound cannot be used although it can be read; None if it can."""
    if sound.seconds < SHORTEST_SECONDS:
        return f"is shorter than {1000 * SHORTEST_SECONDS:.0f} ms"
    if sound.peak < 10 ** (SILENT_DB / 20):
        return f"is silent: its peak is below {SILENT_DB:.0f} dBFS"
    return None


def reason(error: AudioError, path: Path) -> str:
    """Return the error's text without the file's name at its beginning."""
    return str(error).removeprefix(str(path)).lstrip(": ")


def _examine(root: Path, entry: Entry) -> tuple[ScannedFile | str, str]:
    """Return the description of a file, or why it is unusable, and the content hash of its audio."""
    try:
        sound = Sound.read(root / entry.path)
    except AudioError as error:
        return reason(error, root / entry.path), ""
    return unusable(sound) or _describe(root, entry, sound), sound.sha256


def _describe(root: Path, entry: Entry, sound: Sound) -> ScannedFile:
    return ScannedFile(
        **entry.model_dump(exclude={"sha256"}),
        sha256=sha256(root / entry.path),
        rate=sound.rate,
        channels=sound.channels,
        seconds=sound.seconds,
        peak_db=round(sound.levels().peak_db, 1),
    )


def _by_label(files: Iterable[ScannedFile]) -> tuple[LabelSummary, ...]:
    seconds: defaultdict[str | None, list[float]] = defaultdict(list)
    for file in files:
        seconds[file.label].append(file.seconds)
    return tuple(
        LabelSummary(
            label=label,
            files=len(values),
            shortest=min(values),
            median=median(values),
            longest=max(values),
            total=sum(values),
        )
        for label, values in sorted(seconds.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def _by_licence(files: Iterable[ScannedFile]) -> tuple[LicenceSummary, ...]:
    by_licence: defaultdict[tuple[str | None, str | None], list[ScannedFile]] = defaultdict(list)
    for file in files:
        by_licence[file.licence, file.licence_basis].append(file)
    return tuple(
        LicenceSummary(
            licence=licence,
            basis=basis,
            files=len(group),
            credits=tuple(sorted({file.credit for file in group if file.credit})),
        )
        for (licence, basis), group in sorted(by_licence.items(), key=lambda item: -len(item[1]))
    )
