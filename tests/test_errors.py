import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from wavesmith.errors import (
    AudioError,
    DataError,
    ModelError,
    RequestError,
    WavesmithError,
    first_problem,
    unknown,
)


@pytest.mark.parametrize("kind", [AudioError, DataError, ModelError, RequestError])
def test_everything_a_user_can_put_right_is_caught_by_one_name(kind):
    with pytest.raises(WavesmithError, match="put it right"):
        raise kind("put it right")


def test_the_nearest_name_is_suggested():
    assert (
        unknown("label", "snair", ["kick", "snare"])
        == "There is no label called 'snair'; did you mean 'snare'?"
    )


def test_without_a_near_one_all_are_listed_in_order():
    sentence = unknown("label", "zzz", ["snare", "kick"])
    assert sentence == "There is no label called 'zzz'; choose one of: kick, snare."


class Part(BaseModel):
    steps: int = 1


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    part: Part = Part()
    widths: tuple[int, ...] = ()
    name: str = "A"

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != "A":
            raise ValueError("choose A.")
        return name


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"part": {"steps": "many"}}, "part.steps: input should be a valid integer, unable to parse"),
        ({"part": 3}, "part: must be a group of settings"),
        ({"widths": 3}, "widths: must be a list"),
        ({"widths": [1, None]}, "widths.1: input should be a valid integer"),
        ({"colour": "red"}, "colour: extra inputs are not permitted"),
        ({"name": "B"}, "name: choose A"),
        ([], "must be a group of settings"),
    ],
)
def test_the_first_problem_is_named_with_its_place(values, sentence):
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(values)
    assert first_problem(caught.value).startswith(sentence)
    assert not first_problem(caught.value).endswith(".")
