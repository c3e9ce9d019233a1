from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wavesmith.errors import first_problem
from wavesmith.kinds import ByKind
from wavesmith.registry import Registry


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Any


class Circle(Shape):
    kind: Literal["circle"] = "circle"
    radius: float = Field(default=1.0, gt=0)


SHAPES: Registry[type[Shape]] = Registry("shape", {"circle": Circle})


class Drawing(BaseModel):
    shape: Annotated[Shape, ByKind(SHAPES)]


@pytest.mark.parametrize("shape", [{"kind": "circle", "radius": 2}, Circle(radius=2)])
def test_the_kind_decides_the_type(shape):
    drawing = Drawing.model_validate({"shape": shape})
    assert drawing.shape == Circle(radius=2)
    assert drawing.model_dump() == {"shape": {"kind": "circle", "radius": 2.0}}
    assert Drawing.model_validate_json(drawing.model_dump_json()) == drawing


def test_a_kind_registered_later_is_found():
    @SHAPES.register("square")
    class Square(Shape):
        kind: Literal["square"] = "square"
        side: int = 3

    try:
        drawing = Drawing.model_validate({"shape": {"kind": "square"}})
        assert drawing.shape == Square()
        assert drawing.model_dump_json() == '{"shape":{"kind":"square","side":3}}'
    finally:
        SHAPES.unregister("square")


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ({"kind": "circel"}, "shape: there is no shape called 'circel'; did you mean 'circle'"),
        ({"kind": "circle", "radius": -1}, "shape.radius: input should be greater than 0"),
        ({"kind": "circle", "colour": 1}, "shape.colour: extra inputs"),
        ({"radius": 1}, "shape: a shape must be a group of settings with a kind"),
        (3, "shape: a shape must be a group of settings with a kind"),
    ],
)
def test_problems_are_named_with_their_field(shape, problem):
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate({"shape": shape})
    assert first_problem(caught.value).startswith(problem)


def test_the_json_schema_lists_the_kinds():
    field = Drawing.model_json_schema()["properties"]["shape"]
    assert field["properties"]["kind"]["enum"] == ["circle"]
