"""Networks on disk: a folder with `config.json` and `model.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from wavesmith.errors import ModelError
from wavesmith.files import replacing

WEIGHTS, CONFIG = "model.safetensors", "config.json"

M = TypeVar("M", bound="StoredModule")


class StoredModule(nn.Module):
    """Network that is built from its configuration alone, `Subclass(config)`, and stored with it.

    Attributes:
        CONFIG_TYPE: type of its configuration.
        DESCRIPTION: name of such a network in messages, with its article.
        REMEDY: command that makes one, in messages.
        config: its configuration.
    """

    CONFIG_TYPE: ClassVar[type[BaseModel]]
    DESCRIPTION: ClassVar[str]
    REMEDY: ClassVar[str]

    config: BaseModel

    def __init__(self, config: BaseModel) -> None:
        super().__init__()
        self.config = config

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `config.json` into a folder, which is created if necessary."""
        folder = Path(folder)
        with replacing(folder / WEIGHTS) as path:
            save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)
        with replacing(folder / CONFIG) as path:
            path.write_text(self.config.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls: type[M], folder: str | Path) -> M:
        """Read what `save` wrote, in evaluation mode and without gradients of the weights.

        Raises:
            ModelError: when the folder does not hold such a network.
        """
        folder = Path(folder)
        try:
            config = cls.CONFIG_TYPE.model_validate_json((folder / CONFIG).read_text(encoding="utf-8"))
            module = cls(config)
            module.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"{folder} does not hold {cls.DESCRIPTION}; {cls.REMEDY}.") from error
        return module.eval().requires_grad_(False)
