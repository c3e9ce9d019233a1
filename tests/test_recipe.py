import pytest
from pydantic import ValidationError

from wavesmith.recipe import VERSION, Recipe

RECIPE = Recipe(
    verb="generate",
    model="drums",
    model_hash="0123456789abcdef",
    seed=2**31 - 1,
    index=7,
    settings={
        "label": "hi-hat, öffen",
        "steps": 16,
        "peak_db": None,
        "guidance": 1.1,
        "interval": [0.0, 1e9],
    },
)


def test_a_recipe_survives_json():
    text = RECIPE.to_json()
    assert "\n" not in text
    assert Recipe.from_json(text) == RECIPE
    assert Recipe.from_json(text).to_json() == text


def test_it_tells_which_version_wrote_it():
    assert RECIPE.version == VERSION
    assert Recipe.from_json(RECIPE.to_json().replace(VERSION, "9.9.9")).version == "9.9.9"


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "{", '{"verb": "generate"}', "\x00"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="Recipe"):
        Recipe.from_json(text)


def test_unknown_fields_and_wrong_types_are_refused():
    with pytest.raises(ValidationError):
        Recipe(**RECIPE.model_dump(), colour="red")
    with pytest.raises(ValidationError):
        Recipe(**RECIPE.model_dump() | {"seed": "many"})


def test_it_cannot_be_changed():
    with pytest.raises(ValidationError):
        RECIPE.seed = 1


def test_the_version_is_the_packages():
    from importlib.metadata import PackageNotFoundError, version

    try:
        assert version("wavesmith") == VERSION
    except PackageNotFoundError:
        pytest.skip("wavesmith is not installed here")
