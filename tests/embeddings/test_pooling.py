import pytest
import torch

from wavesmith.embeddings import Statistics, embed_sounds
from wavesmith.embeddings.pooling import in_windows
from wavesmith.errors import RequestError
from wavesmith.sound import Sound


def test_rate_and_channels_hardly_matter(drums):
    sounds = [Sound.from_tensor(wave, 44_100) for wave in drums]
    plain = embed_sounds(Statistics(), sounds)
    other = embed_sounds(Statistics(), (sound.resample(48_000).stereo() for sound in sounds))
    torch.testing.assert_close(plain, Statistics()(drums))
    apart = torch.cdist(plain[:3], plain[3:]).min()
    assert (plain - other).norm(dim=1).max() < 0.2 * apart


def test_no_sound_is_refused():
    with pytest.raises(RequestError, match="no sound"):
        embed_sounds(Statistics(), [])


def mean(windows):
    """An embedding of windows of four frames that gives their mean."""
    assert windows.shape[1] == 4
    return windows.mean(dim=1, keepdim=True)


def test_windows_count_by_their_energy():
    loud, soft = 2 * torch.ones(4), torch.ones(4)
    wave = torch.cat([loud, soft])[None, None]
    assert float(in_windows(mean, wave, 4)) == pytest.approx((16 * 2 + 4 * 1) / 20)


def test_the_rest_is_filled_up_with_silence_and_silence_is_not_counted():
    wave = torch.ones(1, 1, 6)
    assert float(in_windows(mean, wave, 4)) == pytest.approx((4 * 1 + 2 * 0.5) / 6)
    longer = torch.cat([wave, torch.zeros(1, 1, 50)], dim=2)
    assert torch.equal(in_windows(mean, longer, 4), in_windows(mean, wave, 4))


def test_a_silent_sound_counts_by_its_first_window():
    assert torch.equal(
        in_windows(lambda windows: windows[:, :1] + 3, torch.zeros(2, 1, 9), 4), torch.full((2, 1), 3.0)
    )
