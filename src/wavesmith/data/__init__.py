"""Data: from a folder of sounds to batches for training.

A folder is a data set: its sub-folders are labels and an optional `manifest.jsonl` adds tags, origin and
licence (`read_folder`, `Entry`). `scan` opens every file and reports which are usable and why others are left
out: damage, licence, opt-out. `terms` returns the terms of a licence. `split` holds whole source groups out
of training. `SoundDataset` converts the files to a model's format, `WeightedOrder` is their order in
training, and `augment` changes them at random.
"""

from typing import TYPE_CHECKING

from wavesmith.data.licences import Terms, terms
from wavesmith.data.manifest import Entry, read_manifest
from wavesmith.data.opt_out import OPT_OUT, OptOut, read_opt_out
from wavesmith.data.scan import LeftOut, Scan, ScannedFile, scan
from wavesmith.data.sound_folder import AUDIO_ENDINGS, Listing, read_folder
from wavesmith.data.split import split
from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.data.augmentation import AUGMENT_FEATURES, Augmentation, augment
    from wavesmith.data.dataset import SoundDataset, SoundExample
    from wavesmith.data.order import WeightedOrder, balanced_weights
else:  # these need torch, which a scan does not
    __getattr__ = exports(
        __name__,
        {
            "AUGMENT_FEATURES": "wavesmith.data.augmentation",
            "Augmentation": "wavesmith.data.augmentation",
            "SoundExample": "wavesmith.data.dataset",
            "SoundDataset": "wavesmith.data.dataset",
            "WeightedOrder": "wavesmith.data.order",
            "augment": "wavesmith.data.augmentation",
            "balanced_weights": "wavesmith.data.order",
        },
    )

__all__ = [
    "AUDIO_ENDINGS",
    "AUGMENT_FEATURES",
    "OPT_OUT",
    "Augmentation",
    "Entry",
    "LeftOut",
    "Listing",
    "OptOut",
    "Scan",
    "ScannedFile",
    "SoundDataset",
    "SoundExample",
    "Terms",
    "WeightedOrder",
    "augment",
    "balanced_weights",
    "read_folder",
    "read_manifest",
    "read_opt_out",
    "scan",
    "split",
    "terms",
]
