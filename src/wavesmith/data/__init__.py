"""Data: from a folder of sounds to batches for training.

A folder is a data set: its sub-folders are labels and an optional `manifest.jsonl` adds tags, origin and
licence (`read_folder`, `Entry`). `scan` opens every file and says what is usable, what is left out and why.
`split` holds whole source groups out of training. `SoundDataset` prepares the files for a model,
`WeightedOrder` decides in which order training meets them, and `augment` varies them and tells the network
how.
"""

from wavesmith.data.augment import AUGMENT_FEATURES, Augmentation, augment
from wavesmith.data.dataset import Item, SoundDataset
from wavesmith.data.folder import AUDIO_ENDINGS, Listing, read_folder
from wavesmith.data.manifest import Entry, read_manifest
from wavesmith.data.order import WeightedOrder, balanced_weights
from wavesmith.data.scan import LeftOut, Scan, ScannedFile, scan
from wavesmith.data.split import split

__all__ = [
    "AUDIO_ENDINGS",
    "AUGMENT_FEATURES",
    "Augmentation",
    "Entry",
    "Item",
    "LeftOut",
    "Listing",
    "Scan",
    "ScannedFile",
    "SoundDataset",
    "WeightedOrder",
    "augment",
    "balanced_weights",
    "read_folder",
    "read_manifest",
    "scan",
    "split",
]
