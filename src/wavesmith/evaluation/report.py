"""The result of an evaluation: plain values that go to JSON and back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from wavesmith.errors import DataError, first_problem
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import Distances
from wavesmith.evaluation.faults import FaultSummary
from wavesmith.evaluation.fields import renamed
from wavesmith.evaluation.labels import LabelReport
from wavesmith.evaluation.measure_report import MeasureReport
from wavesmith.evaluation.memorisation_report import MemorisationReport
from wavesmith.evaluation.spectra import SpectraReport
from wavesmith.files import replacing
from wavesmith.models import Provenance
from wavesmith.recipe import VERSION


class Subject(BaseModel):
    """Sounds that were measured.

    Attributes:
        name: of the model, or the folder.
        kind: `model` if a model generated them for this report, `sounds` if they existed.
        hash: of the model.
        folder: of the sounds.
        sounds: number of sounds.
        labels: number of sounds of each label; those without one are not counted.
        rates: number of sounds of each rate in Hz.
        channels: number of sounds of each number of channels.
        settings: of the generation, where they differ from the model's defaults.
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
    settings: dict[str, object] = renamed("settings", "choices", default={})


class DistanceReport(BaseModel):
    """Distances of generated and of held-out real sounds from the reference.

    Attributes:
        embedding, dimensions: space in which distances are measured.
        generated: of the generated sounds.
        held_out: of held-out real sounds, what a perfect model would reach; None if there are too few.
        labels: kernel audio distance within each label that has enough sounds on both sides.
    """

    model_config = ConfigDict(frozen=True)

    embedding: str
    dimensions: int
    generated: Distances
    held_out: Distances | None = renamed("held_out", "real")
    labels: dict[str, Estimate]


class FaultReport(BaseModel):
    """Faults and levels of generated sounds and of the reference."""

    model_config = ConfigDict(frozen=True)

    generated: FaultSummary
    reference: FaultSummary


class Report(BaseModel):
    """Everything that an evaluation measured.

    Attributes:
        version: of wavesmith.
        model: the generated sounds.
        reference: the real sounds that they are compared with, without the held-out ones.
        held_out: number of held-out real sounds.
        seconds: length of each sound that is compared.
        seed: of everything random.
        command: command line that reproduces this report.
        notes: what was converted, left out or not measured, a sentence each.
        distances, measures, labels, spectra, faults, memorisation: the results; labels are None without a
            classifier, memorisation where it was not requested or the training sounds are not among the real
            ones, measures in reports of version 0.1.
        provenance: training sources that the model states.
        against: the same for another model, with the same reference.
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
    faults: FaultReport = renamed("faults", "hygiene")
    measures: MeasureReport | None = None
    memorisation: MemorisationReport | None = None
    provenance: Provenance | None = None
    against: Report | None = None

    def write(self, path: str | Path) -> None:
        """Write the report as JSON; WavesmithError when that fails."""
        with replacing(path) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> Report:
        """Read what `write` wrote, reports of version 0.1 included.

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
