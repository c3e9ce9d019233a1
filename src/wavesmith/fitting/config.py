"""Settings of the training loop."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Beta = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[float, Field(ge=0.001, le=0.25)]


class FitConfig(BaseModel):
    """How objectives are minimised, whatever they are.

    Amounts are counted in examples (looks at one sound), so that batch size and devices do not change their
    meaning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    examples: int = Field(default=100_000, ge=1, description="Sounds to train on in all, repeats counted.")
    batch: int = Field(default=16, ge=1, description="Sounds in a batch on each device.")
    accumulate: int = Field(default=1, ge=1, description="Batches whose gradients make one optimizer step.")
    learning_rate: float = Field(default=4e-4, gt=0, description="Highest learning rate of AdamW.")
    warmup: int = Field(default=3_000, ge=0, description="Examples until the highest learning rate.")
    decay: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Share of the run, at its end, over which the learning rate falls to a fiftieth.",
    )
    betas: tuple[Beta, Beta] = Field(default=(0.9, 0.99), description="Decay rates of AdamW's moments.")
    eps: float = Field(default=1e-8, gt=0, description="AdamW's term for numerical stability.")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's weight decay.")
    clip: float | None = Field(
        default=1.0, gt=0, description="Largest norm of the gradient; null for no limit."
    )
    ema: tuple[Width, ...] = Field(
        default=(), description="Relative widths, 0.001 to 0.25, of the averages of the weights (EDM2)."
    )
    seed: int = Field(default=0, ge=0, description="Seed of all random numbers.")
