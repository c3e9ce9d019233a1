from collections import Counter

import pytest

from wavesmith.data import Entry, split
from wavesmith.errors import RequestError


def entries(label, sizes, families=True):
    """Entries of one label, in groups of the given sizes."""
    return [
        Entry(
            path=f"{label}/g{group}/{take}.wav",
            label=label,
            split_family=f"{label}-{group}" if families else None,
        )
        for group, size in enumerate(sizes)
        for take in range(size)
    ]


def labels(some):
    return Counter(entry.label for entry in some)


@pytest.mark.parametrize("families", [True, False])
def test_groups_never_straddle_and_shares_are_near(families):
    data = entries("kick", [90, 20, 10, *[2] * 40], families) + entries("snare", [5] * 30, families)
    train, held = split(data, 0.1, seed=3)
    assert sorted(train + held, key=lambda e: e.path) == sorted(data, key=lambda e: e.path)
    assert not {e.group for e in train} & {e.group for e in held}
    assert labels(held)["kick"] == pytest.approx(20, abs=2)
    assert labels(held)["snare"] == 15


def test_a_group_of_several_labels_goes_as_one():
    shared = [Entry(path=f"{label}/x.wav", label=label, kit="808") for label in ("kick", "snare")]
    data = entries("kick", [1] * 9) + entries("snare", [1] * 9) + shared
    sides = {side for seed in range(40) for side in [_side(shared, split(data, 0.2, seed))]}
    assert sides == {"train", "held out"}


def _side(group, parts):
    train, held = parts
    assert all(e in train for e in group) or all(e in held for e in group)
    return "train" if group[0] in train else "held out"


def test_it_depends_on_the_seed_but_not_on_the_order():
    data = entries("kick", [1] * 50)
    held = {e.path for e in split(data, 0.1, seed=1)[1]}
    assert {e.path for e in split(data[::-1], 0.1, seed=1)[1]} == held
    assert {e.path for e in split(data, 0.1, seed=2)[1]} != held


def test_a_label_of_big_groups_gives_its_smallest():
    data = entries("kick", [30, 20, 25, 25]) + entries("snare", [1] * 20)
    _, held = split(data, 0.1)
    assert labels(held) == {"kick": 20, "snare": 2}


def test_a_label_of_two_equal_or_one_group_keeps_its_training_side():
    data = entries("kick", [30]) + entries("snare", [5, 15]) + entries("tom", [1] * 20)
    for seed in range(10):
        train, held = split(data, 0.1, seed)
        assert labels(train) == {"kick": 30, "snare": 15, "tom": 18}
        assert labels(held) == {"snare": 5, "tom": 2}


@pytest.mark.parametrize(("sizes", "held_out"), [([1] * 4, 1), ([3, 2, 2, 1], 1), ([1] * 3, 0), ([9, 9], 0)])
def test_tiny_sets_hold_out_one_group_of_at_least_four(sizes, held_out):
    train, held = split(entries(None, sizes), 0.1)
    assert (len(train), len(held)) == (sum(sizes) - held_out, held_out)


def test_a_label_with_one_sound_stays_in_training():
    data = [entry for label in "abcde" for entry in entries(label, [1])]
    assert split(data, 0.1) == (data, [])


def test_nothing_is_held_out_when_nothing_is_asked_for():
    data = entries("kick", [1] * 30)
    assert split(data, 0) == (data, [])


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_impossible_shares_are_refused(share):
    with pytest.raises(RequestError, match=r"between 0 and 0\.5"):
        split(entries("kick", [1] * 30), share)
