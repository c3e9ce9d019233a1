"""Download from and upload to the Hugging Face Hub."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from wavesmith.errors import ModelError
from wavesmith.models import importers
from wavesmith.models.model_folder import CARD, CONFIG, TIMBRE, WEIGHTS, load_folder
from wavesmith.models.provenance import ATTRIBUTION

OURS = (CONFIG, WEIGHTS, CARD, TIMBRE, ATTRIBUTION)


def download(repository: str) -> Path:
    """Download a model from the Hugging Face Hub into its usual cache, unless it is there; return its folder.

    With `HF_HUB_OFFLINE=1` only the cache is used.

    Raises:
        ModelError: when it cannot be downloaded, or the disk has no room for it.
    """
    from huggingface_hub import snapshot_download

    patterns = [*OURS, *importers.PATTERNS]
    _check_room(repository, patterns)
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except Exception as error:  # the hub's client raises many types, most with the same meaning for the user
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(repository) from error
        raise ModelError(
            f"There is no folder {repository}, and no model of that name on the Hugging Face Hub or in its "
            f"local cache ({type(error).__name__}); check the spelling and the connection."
        ) from error


def push(folder: str | Path, repository: str, *, private: bool = True) -> str:
    """Upload a model folder to the Hugging Face Hub; return its address there.

    Only the model's own files are sent, not those of its training. A missing repository is created, private
    unless `private` is False.

    Raises:
        ModelError: when the folder has no complete model, or the hub refuses it.
    """
    import huggingface_hub

    load_folder(folder)
    try:
        api = huggingface_hub.HfApi()
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=list(OURS),
            commit_message="Model by wavesmith",
        )
    except Exception as error:
        raise ModelError(
            f"{folder} could not be pushed to {repository} ({type(error).__name__}); log in with "
            "'hf auth login', and check the repository's name (YOU/NAME) and the connection."
        ) from error
    return f"https://huggingface.co/{repository}"


def _check_room(repository: str, patterns: Sequence[str]) -> None:
    """Raise ModelError for a download that is larger than the free space on the disk."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    needed, free = _size(repository, patterns), shutil.disk_usage(existing).free
    if needed > free:
        raise _no_room(repository, f" ({needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free)")


def _size(repository: str, patterns: Sequence[str]) -> int:
    """Return the bytes of a repository's files that are not in the cache; 0 when they are unknown."""
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().model_info(repository, files_metadata=True)
    except Exception:  # the download itself will raise a clear error
        return 0
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    return sum(
        size
        for name, size in sizes.items()
        if any(fnmatch(name, pattern) for pattern in patterns)
        and not huggingface_hub.try_to_load_from_cache(repository, name, revision=info.sha)
    )


def _no_room(repository: str, numbers: str = "") -> ModelError:
    return ModelError(
        f"There is no room for {repository} in the Hugging Face Hub's cache{numbers}; make room there or set "
        "HF_HOME to another place."
    )
