"""Bounds on requests, so that none takes all of the machine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Limits(BaseModel):
    """Bounds beyond which requests are refused.

    Attributes:
        upload_bytes: size of an uploaded file.
        upload_seconds: its length.
        body_bytes: size of any other request.
        body_seconds: how long a sender may be silent in the middle of a request.
        count: sounds of one job.
        steps: sampling steps.
        queue: unfinished jobs of one person.
        queues: unfinished jobs of all.
        exported: sounds in one file.
        scanned: files and folders under a folder to scan, train on or compare with.
        connections: open at a time.
    """

    model_config = ConfigDict(frozen=True)

    upload_bytes: int = 128 * 2**20
    upload_seconds: float = 600.0
    body_bytes: int = 2**20
    body_seconds: float = 30.0
    count: int = 256
    steps: int = 500
    queue: int = 60
    queues: int = 200
    exported: int = 256
    scanned: int = 100_000
    connections: int = 256


LIMITS = Limits()
