import sys
from importlib import metadata

import pytest

from wavesmith.errors import RequestError
from wavesmith.registry import Registry


@pytest.fixture
def registry():
    return Registry("shape", {"circle": 1.0, "square": 4.0}, aliases={"k_round": "circle"})


def advertise(monkeypatch, *points):
    """Pretend that installed packages advertise `(name, path)` in the group "shapes"."""
    searches = []

    def entry_points():
        searches.append("shapes")
        return metadata.EntryPoints(metadata.EntryPoint(name, path, "shapes") for name, path in points)

    monkeypatch.setattr("wavesmith.registry._entry_points", entry_points)
    return searches


def test_it_is_a_mapping_in_the_order_of_registration(registry):
    registry.register("line", 0.0)
    assert dict(registry) == {"circle": 1.0, "square": 4.0, "line": 0.0}
    assert list(registry) == ["circle", "square", "line"]
    assert len(registry) == 3
    assert "line" in registry
    assert "cube" not in registry
    assert 3 not in registry
    assert registry.get("cube") is None


def test_as_a_decorator_it_returns_the_object_itself():
    registry = Registry("shape")

    @registry.register("double")
    def double(x):
        return 2 * x

    assert registry["double"] is double
    assert double(2) == 4


def test_a_name_registered_twice_is_replaced(registry):
    registry.register("circle", 2.0)
    assert registry["circle"] == 2.0


def test_what_is_unregistered_is_unknown(registry):
    registry.unregister("circle")
    assert list(registry) == ["square"]


@pytest.mark.parametrize("name", ["circle", "Circle", "k-round", "K_ROUND"])
def test_aliases_capitals_and_hyphens_lead_to_the_same_object(registry, name):
    assert registry[name] == 1.0
    assert registry.canonical(name) == "circle"
    assert name in registry


def test_an_unknown_name_is_answered_with_the_nearest_one(registry):
    with pytest.raises(RequestError, match="no shape called 'sqare'; did you mean 'square'") as caught:
        registry["sqare"]
    assert not str(caught.value).startswith('"')


def test_a_lazy_entry_is_imported_when_it_is_looked_up_and_not_before():
    sys.modules.pop("colorsys", None)
    registry = Registry("share", {"third": "colorsys:ONE_THIRD"})
    assert list(registry) == ["third"]
    assert "third" in registry
    assert "colorsys" not in sys.modules
    assert registry["third"] is registry["third"] is sys.modules["colorsys"].ONE_THIRD


@pytest.mark.parametrize("path", ["no_such_package:thing", "math:no_such_name"])
def test_an_entry_that_cannot_be_imported_is_named(path):
    registry = Registry("shape", {"torus": path})
    with pytest.raises(RequestError, match=f"'torus' cannot be imported from {path}"):
        registry["torus"]


def test_installed_packages_add_entries(monkeypatch):
    searches = advertise(monkeypatch, ("spiral", "math:pi"), ("circle", "math:e"))
    registry = Registry("shape", {"circle": 1.0}, entry_points="shapes")
    assert registry["circle"] == 1.0
    assert "circle" in registry
    assert searches == []  # a search takes time; known names do without
    assert registry["spiral"] == pytest.approx(3.14159, abs=1e-5)
    assert list(registry) == ["circle", "spiral"]
    assert registry["circle"] == 1.0  # a package cannot take a name that is taken
    assert searches == ["shapes"]


def test_listing_the_names_searches_installed_packages(monkeypatch):
    advertise(monkeypatch, ("spiral", "math:pi"))
    assert list(Registry("shape", entry_points="shapes")) == ["spiral"]
    assert len(Registry("shape", entry_points="shapes")) == 1
