import torch

from wavesmith.verbs.constraints import both, held


def test_what_is_held_is_there_wholly_in_part_or_not_at_all():
    known, wave = torch.ones(2, 4), torch.zeros(3, 2, 4)
    share = torch.tensor([0.0, 0.5, 1.0, 1.0])
    assert torch.equal(held(known, share)(wave), share.expand(3, 2, 4))


def test_of_two_constraints_both_are_kept_and_none_is_none():
    first, second = (
        held(torch.ones(1, 4), torch.tensor([1.0, 1, 0, 0])),
        held(torch.zeros(1, 4), torch.tensor([0.0, 1, 1, 0])),
    )
    wave = torch.full((1, 1, 4), 5.0)
    assert both(first, second)(wave).tolist() == [[[1.0, 0.0, 0.0, 5.0]]]
    assert both(None, None) is None
    assert both(first, None) is first
