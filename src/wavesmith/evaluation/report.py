"""What an evaluation found: plain values that go to JSON and back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from wavesmith.errors import DataError, first_problem
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import Distances
from wavesmith.evaluation.faults import Hygiene
from wavesmith.evaluation.labels import LabelReport
from wavesmith.evaluation.measure_report import MeasureReport
from wavesmith.evaluation.memorisation import MemorisationReport
from wavesmith.evaluation.spectra import SpectraReport
from wavesmith.files import replacing
from wavesmith.models import Provenance
from wavesmith.recipe import VERSION


class Subject(BaseModel):
    """Sounds that were measured.

    Attributes:
        name: of the model, or the folder.
        kind: whether a model made them for this report or they were there.
        hash: of the model.
        folder: where they are.
        sounds: how many there are.
        labels: how many of each label; those without one are not counted.
        rates: how many of each rate in Hz.
        channels: how many of each number of channels.
        choices: what a model was asked for beyond its defaults.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["model", "sounds"]
    hash: str | None = None
    folder: str
    sounds: int
    labels: dict[str, int]
    rates: dict[int, int]
    channels: dict[int, int]
    choices: dict[str, object] = {}


class DistanceReport(BaseModel):
    """Distances of generated sounds from the reference, beside those of real sounds.

    Attributes:
        embedding, dimensions: what the sounds are seen through.
        generated: of the generated sounds.
        real: of held-out real sounds, the yardstick: nothing should be expected to come nearer. None if
            there are none, or too few.
        labels: kernel audio distance within each label that has enough sounds on both sides.
    """

    model_config = ConfigDict(frozen=True)

    embedding: str
    dimensions: int
    generated: Distances
    real: Distances | None
    labels: dict[str, Estimate]


class HygieneReport(BaseModel):
    """Faults of generated sounds, beside those of the reference."""

    model_config = ConfigDict(frozen=True)

    generated: Hygiene
    reference: Hygiene


class Report(BaseModel):
    """Everything an evaluation found.

    Attributes:
        version: of wavesmith.
        model: the generated sounds.
        reference: the real sounds that they are compared with, without the held-out ones.
        held_out: how many real sounds were kept apart as yardstick.
        seconds: how much of each sound counts; embeddings hear no more of it.
        seed: of everything random.
        command: the command line that makes this report again.
        notes: what was converted, left out or could not be measured, a sentence each.
        distances, measures, labels, spectra, hygiene, memorisation: the findings; labels are None without a
            judge, memorisation where it was not asked for or the training sounds are not among the real ones,
            measures in a report that was written before there were any.
        provenance: what the model says it was trained on.
        against: the same of another model, with the same reference.
    """

    model_config = ConfigDict(frozen=True)

    version: str = VERSION
    model: Subject
    reference: Subject
    held_out: int
    seconds: float
    seed: int
    command: str
    notes: tuple[str, ...]
    distances: DistanceReport
    labels: LabelReport | None
    spectra: SpectraReport
    hygiene: HygieneReport
    measures: MeasureReport | None = None
    memorisation: MemorisationReport | None = None
    provenance: Provenance | None = None
    against: Report | None = None

    def write(self, path: str | Path) -> None:
        """Write the report as JSON; WavesmithError when that cannot be done."""
        with replacing(path) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> Report:
        """Read what `write` wrote.

        Raises:
            DataError: when it is no report.
        """
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read; give a report that wavesmith evaluate wrote.") from error
        except ValidationError as error:
            raise DataError(
                f"{path} is no report ({first_problem(error)}); give one that wavesmith evaluate wrote."
            ) from error
