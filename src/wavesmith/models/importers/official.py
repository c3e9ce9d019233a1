"""The six models that Harmonai published with Dance Diffusion; their files do not state rate and length."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wavesmith.errors import ModelError
from wavesmith.files import sha256


class OfficialModel(NamedTuple):
    """A published checkpoint.

    Attributes:
        name: of the model, and of its repository `harmonai/...` on the Hugging Face Hub.
        file: name of the checkpoint, without its ending.
        rate: samples per second.
        length: samples of its sounds.
        sha256: of the whole file.
    """

    name: str
    file: str
    rate: int
    length: int
    sha256: str


OFFICIAL_MODELS = (
    OfficialModel(
        "glitch-440k",
        "gwf-440k",
        48000,
        65536,
        "48caefdcbb7b15e1a0b3d08587446936302535de74b0e05e0d61beba865ba00a",
    ),
    OfficialModel(
        "jmann-small-190k",
        "jmann-small-190k",
        48000,
        65536,
        "1e2a23a54e960b80227303d0495247a744fa1296652148da18a4da17c3784e9b",
    ),
    OfficialModel(
        "jmann-large-580k",
        "jmann-large-580k",
        48000,
        131072,
        "6b32b5ff1c666c4719da96a12fd15188fa875d6f79f8dd8e07b4d54676afa096",
    ),
    OfficialModel(
        "maestro-150k",
        "maestro-uncond-150k",
        16000,
        65536,
        "49d9abcae642e47c2082cec0b2dce95a45dc6e961805b6500204e27122d09485",
    ),
    OfficialModel(
        "unlocked-250k",
        "unlocked-uncond-250k",
        16000,
        65536,
        "af337c8416732216eeb52db31dcc0d49a8d48e2b3ecaa524cb854c36b5a3503a",
    ),
    OfficialModel(
        "honk-140k",
        "honk-140k",
        16000,
        65536,
        "a66847844659d287f55b7adbe090224d55aeafdd4c2b3e1e1c6a02992cb6e792",
    ),
)


def official_model(path: Path, whole: bool, sure: bool = False) -> OfficialModel | None:
    """Return which of the six a file is, by its name or, if it is `whole` (not trimmed), by its SHA-256.

    Raises:
        ModelError: when a whole file has the name of one of them and other content, unless `sure`: its user
            states that it is another model.
    """
    by_name = next((known for known in OFFICIAL_MODELS if path.stem in (known.name, known.file)), None)
    if not whole:
        return by_name
    digest = sha256(path)
    found = next((known for known in OFFICIAL_MODELS if known.sha256 == digest), None)
    if by_name is not None and found != by_name and not sure:
        raise ModelError(
            f"{path} has the name of Harmonai's {by_name.name}, but its SHA-256 is {digest} and not "
            f"{by_name.sha256}; get it again or, if it is another model, give its rate and length."
        )
    return found
