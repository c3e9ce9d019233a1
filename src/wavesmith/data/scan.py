"""Look at every file of a data set: what is in it, what it may be used for, what is left out and why."""

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
    """A usable file: its entry, with its own SHA-256, and what its audio is like (`peak_db` in dBFS)."""

    rate: int
    channels: int
    seconds: float
    peak_db: float


class LeftOut(NamedTuple):
    """A file that is not used, and why."""

    path: str
    reason: str


class LabelSummary(BaseModel):
    """How many usable files a label has, and how long they are (seconds)."""

    model_config = ConfigDict(frozen=True)

    label: str | None
    files: int
    shortest: float
    median: float
    longest: float
    total: float


class LicenceSummary(BaseModel):
    """How many usable files come under a licence, on what grounds, and whom to credit."""

    model_config = ConfigDict(frozen=True)

    licence: str | None
    basis: str | None
    files: int
    credits: tuple[str, ...]


class Scan(BaseModel):
    """Everything `scan` found; plain values that go to JSON and back.

    Attributes:
        folder: the data set's folder, as it was given.
        files: usable files, sorted by path.
        left_out: files that look like audio but are not used, with the reason.
        missing: paths that the manifest names although no such audio file is there.
        changed: usable files whose SHA-256 is not the one in the manifest.
        duplicates: groups of paths with the same audio; only the first of each is used.
        quiet: usable files with a peak below -40 dBFS: matching levels raises their noise as well.
        labels: counts and durations by label, sorted, sounds without a label last.
        rates: files by sampling rate in Hz.
        channels: files by number of channels.
        licences: files, grounds and credits by licence.
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
    """Read every file under `folder`, a few at a time, and say what can be used.

    Left out is what `Sound.read` refuses (not audio, damaged, cut short, empty, samples that are not finite,
    too long), what is shorter than 5 ms or has nothing above -60 dBFS, and what has the same audio (decoded
    samples, rate and channels) as an earlier file. So is what its manifest or a list (`opt-out.txt` in the
    folder, or `opt_out`) opts out, with everything that holds the same audio.

    Args:
        folder: the data set.
        licences: use only sounds under these, by family (`cc-by`) or name (`CC-BY-4.0`); None sets no
            condition.
        opt_out: a file that lists more that shall not be used (`read_opt_out`).
        workers: processes that read; all cores if None (hundreds of files are read in this one).
        progress: called with (files done, files in all) after each file.

    Raises:
        DataError: when the folder is missing, is a file or holds no audio, or when its manifest or a list of
            opt-outs is broken.
        RequestError: when nobody knows a licence of that name.
    """
    root = Path(folder)
    listing = read_folder(root)
    if licences is not None:
        check_known(licences, (entry.licence for entry in listing.entries))
    gate = Gate(root, licences, opt_out)
    files: list[ScannedFile] = []
    left_out: list[LeftOut] = []
    changed: list[str] = []
    twins: dict[str, list[str]] = {}
    entries = []
    for entry in listing.entries:
        if why := gate.refuses(entry):
            left_out.append(LeftOut(entry.path, why))
        else:
            entries.append(entry)
    looks = zip(entries, each(partial(_look, root), entries, workers), strict=True)
    for done, (entry, (file, audio)) in enumerate(looks, start=1 + len(left_out)):
        if why := file if isinstance(file, str) else gate.refuses_audio(audio):
            left_out.append(LeftOut(entry.path, why))
        elif first := twins.get(audio):
            first.append(entry.path)
            left_out.append(LeftOut(entry.path, f"is the same sound as {first[0]}"))
        elif isinstance(file, ScannedFile):
            twins[audio] = [entry.path]
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
        duplicates=tuple(tuple(same) for same in twins.values() if len(same) > 1),
        quiet=tuple(file.path for file in files if file.peak_db < QUIET_DB),
        labels=_by_label(files),
        rates=dict(sorted(Counter(file.rate for file in files).items())),
        channels=dict(sorted(Counter(file.channels for file in files).items())),
        licences=_by_licence(files),
    )


class Gate:
    """Who may come in: sounds under the licences wanted that nobody has opted out, as `scan` has it.

    Ask about every entry first, and about the audio of those that may come in afterwards.
    """

    def __init__(
        self, root: Path, licences: Sequence[str] | None = None, opt_out: str | Path | None = None
    ) -> None:
        own = root / OPT_OUT
        self.root, self.licences = root, licences
        self.lists = read_opt_out(*([own] if own.is_file() else []), *([Path(opt_out)] if opt_out else []))
        self.audio: set[str] = set()  # of what was opted out by name

    def refuses(self, entry: Entry) -> str | None:
        """Why what is known of the file keeps it out; None if nothing does."""
        if self._opted_out(entry):
            with suppress(AudioError):
                self.audio.add(Sound.read(self.root / entry.path).sha256)
            return "is opted out of training"
        if self.licences is not None and not admitted(entry.licence, self.licences):
            has = f"is under {entry.licence}" if entry.licence else "has no licence in the manifest"
            return f"{has}, not under {' or '.join(self.licences)}"
        return None

    def refuses_audio(self, audio: str) -> str | None:
        """Why its content keeps a file out, once all that is opted out by name is known."""
        if audio in self.audio or audio in self.lists.hashes:
            return "is the same sound as one that is opted out of training"
        return None

    def _opted_out(self, entry: Entry) -> bool:
        hashes = self.lists.hashes
        return self.lists.names(entry) or (bool(hashes) and sha256(self.root / entry.path) in hashes)


def useless(sound: Sound) -> str | None:
    """Why a sound that can be read is of no use all the same; None if it is."""
    if sound.seconds < SHORTEST_SECONDS:
        return f"is shorter than {1000 * SHORTEST_SECONDS:.0f} ms"
    if sound.peak < 10 ** (SILENT_DB / 20):
        return f"is silent: nothing in it is louder than {SILENT_DB:.0f} dBFS"
    return None


def reason(error: AudioError, path: Path) -> str:
    """The error's text without the file's name at its beginning, which stands beside the reason anyway."""
    return str(error).removeprefix(str(path)).lstrip(": ")


def _look(root: Path, entry: Entry) -> tuple[ScannedFile | str, str]:
    """What a file is, or why it is of no use; and what tells its audio from any other."""
    try:
        sound = Sound.read(root / entry.path)
    except AudioError as error:
        return reason(error, root / entry.path), ""
    return useless(sound) or _describe(root, entry, sound), sound.sha256


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
    grounds: defaultdict[tuple[str | None, str | None], list[ScannedFile]] = defaultdict(list)
    for file in files:
        grounds[file.licence, file.licence_basis].append(file)
    return tuple(
        LicenceSummary(
            licence=licence,
            basis=basis,
            files=len(group),
            credits=tuple(sorted({file.credit for file in group if file.credit})),
        )
        for (licence, basis), group in sorted(grounds.items(), key=lambda item: -len(item[1]))
    )
