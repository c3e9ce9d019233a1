import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import again, extend, inpaint


def steepest(samples):
    """The largest difference between neighbours."""
    return float(np.abs(np.diff(samples)).max())


@pytest.mark.parametrize(
    ("rate", "channels", "frames"), [(4000, 2, 512), (4000, 1, 480), (4000, 2, 3000), (11025, 2, 4000)]
)
def test_outside_the_regions_every_sample_stays_and_inside_none_does(
    textures, texture, rate, channels, frames
):
    source = texture(frames, channels=channels, rate=rate)
    seconds = frames / rate
    regions = [(0.2 * seconds, 0.4 * seconds), (0.7 * seconds, 0.9 * seconds)]
    (made,) = inpaint(textures, source, regions, seed=1)
    new = np.zeros(frames, bool)
    for start, end in regions:
        new[round(start * rate) : round(end * rate)] = True
    assert (made.rate, made.channels, made.frames) == (rate, channels, frames)
    assert np.array_equal(made.samples[:, ~new], source.samples[:, ~new])
    edge = round(0.005 * rate)
    for start, end in regions:
        inner = slice(round(start * rate) + edge, round(end * rate) - edge)
        assert np.mean(made.samples[:, inner] != source.samples[:, inner]) > 0.99


def test_seams_do_not_click(textures, texture):
    """Over many results, neighbours at the seams are no further apart than elsewhere."""
    source = texture(512)
    for made in inpaint(textures, source, [(0.03, 0.07)], 20, seed=1, label="soft"):
        for place in (120, 280):
            assert steepest(made.samples[:, place - 22 : place + 22]) < 1.2 * steepest(source.samples)


def test_what_is_new_fits_what_stays(textures, texture):
    """Right beside what stays a texture can only go on as it does."""
    source = texture(512)
    made = inpaint(textures, source, [(0.04, 0.09)], 10, seed=1, label="soft", steps=30)
    near = np.mean([np.square(one.samples[:, 162:166] - source.samples[:, 162:166]).mean() for one in made])
    far = np.mean([np.square(one.samples[:, 240:280] - source.samples[:, 240:280]).mean() for one in made])
    assert near < 0.2 * far


def test_the_level_goes_on_through_the_region(textures, texture):
    source = texture(512, seed=3)
    made = inpaint(textures, source, [(0.032, 0.096)], 30, seed=1, label="soft")
    inside = np.mean([np.square(one.samples[:, 150:360]).mean() for one in made])
    assert abs(10 * np.log10(inside / np.square(source.samples).mean())) < 1.5


def test_by_default_a_short_region_continues_its_surroundings(textures, texture):
    """In a sound that fades, which this model makes none of, the level inside is nearer to that outside."""
    fading = Sound(texture(512, seed=3).samples * np.geomspace(1, 0.02, 512), 4000)

    def off(**requested):
        made = inpaint(textures, fading, [(0.07, 0.09)], 10, seed=1, **requested)
        inside = np.mean([np.square(one.samples[:, 290:350]).mean() for one in made])
        return abs(10 * np.log10(inside / np.square(fading.samples[:, 290:350]).mean()))

    assert off() < off(label={"soft": 0.5, "rough": 0.5}) - 1.5


def test_by_default_nothing_of_a_region_is_left(textures, texture):
    one, other = (texture(512, seed).samples.copy() for seed in (3, 4))
    one[:, 10] = 0.99  # the same peak
    mixed = np.where((np.arange(512) >= 120) & (np.arange(512) < 360), 0.5 * other, one)
    sources = [Sound(each, 4000) for each in (one, mixed)]
    made = [inpaint(textures, source, [(0.03, 0.09)], seed=1)[0] for source in sources]
    assert np.array_equal(made[0].samples, made[1].samples)
    assert again(made[0], model=textures, sources=sources).sha256 == made[0].sha256


def test_a_region_in_silence_stays_silent(textures, texture):
    silent = Sound(np.pad(texture(512).samples, ((0, 0), (0, 2000))), 4000)
    (made,) = inpaint(textures, silent, [(0.5, 0.55)], seed=1)
    assert not made.samples[:, 2000:2200].any()


@pytest.mark.parametrize("region", [(0.0, 0.02), (0.1, 0.128), (0.0, 0.128)])
def test_regions_may_touch_the_ends(textures, texture, region):
    source = texture(512)
    (made,) = inpaint(textures, source, [region], seed=1)
    first, last = (round(edge * 4000) for edge in region)
    outside = np.r_[0:first, last:512]
    assert np.array_equal(made.samples[:, outside], source.samples[:, outside])
    assert not np.array_equal(made.samples, source.samples)


def test_less_stays_nearer_and_0_is_the_sound_itself(textures, texture, likeness):
    source, region = texture(512), [(0.03, 0.1)]
    near = [
        likeness(inpaint(textures, source, region, seed=1, amount=amount)[0], source)
        for amount in (0, 0.3, 0.6, 1.0)
    ]
    assert near[0] == pytest.approx(1)
    assert near == sorted(near, reverse=True)
    assert np.array_equal(inpaint(textures, source, region, seed=1, amount=0)[0].samples, source.samples)


def test_several_results_differ_and_each_is_always_the_same(textures, texture):
    source, region = texture(512), [(0.03, 0.1)]
    three = inpaint(textures, source, region, 3, seed=1)
    assert len({one.sha256 for one in three}) == 3
    assert inpaint(textures, source, region, seed=1, first=2)[0].sha256 == three[2].sha256


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([], "regions"),
        ([(0.3, 0.2)], "regions.*0.3 to 0.2"),
        ([(0.2, 0.2)], "regions"),
        ([(-0.1, 0.2)], "regions"),
        ([(0.1, float("inf"))], "regions"),
        ([(float("nan"), 0.1)], "regions"),
        ([(0.05, 0.1), (0.02, 0.06)], "overlap at 0.05"),
        ([(0.1, 0.2)], "from 0.1 to 0.2 seconds is not inside the sound, which lasts 0.128"),
        ([(0.1, 0.100001)], "shorter than one sample"),
        ("kick", "regions"),
    ],
)
def test_regions_that_make_no_sense_are_refused(textures, texture, regions, words):
    with pytest.raises(RequestError, match=words):
        inpaint(textures, texture(512), regions, seed=1)


def test_other_nonsense_is_refused(textures, texture):
    with pytest.raises(RequestError, match="steps"):
        inpaint(textures, texture(512), [(0, 0.1)], steps=0)
    with pytest.raises(RequestError, match="amount cannot be 2"):
        inpaint(textures, texture(512), [(0, 0.1)], amount=2)
    with pytest.raises(AudioError, match="silent"):
        inpaint(textures, Sound(np.zeros((2, 512)), 4000), [(0, 0.1)])


@pytest.mark.parametrize(("before", "after"), [(0.05, 0.0), (0.0, 0.3), (0.02, 0.02)])
@pytest.mark.parametrize("rate", [4000, 10000])
def test_a_sound_is_extended_by_the_requested_seconds(textures, texture, before, after, rate):
    source = texture(600, rate=rate)
    (made,) = extend(textures, source, before=before, after=after, seed=1)
    first, last = round(before * rate), round(after * rate)
    seam = round(0.005 * rate)
    assert made.frames == first + 600 + last
    kept = slice(seam if before else 0, 600 - (seam if after else 0))
    assert np.array_equal(made.samples[:, first : first + 600][:, kept], source.samples[:, kept])
    for added in (made.samples[:, :first], made.samples[:, made.frames - last :]):
        assert not added.size or np.square(added).mean() > 0.1 * np.square(source.samples).mean()


def test_an_extension_goes_on_without_a_click(textures, texture):
    source = texture(512)
    for made in extend(textures, source, 10, before=0.05, after=0.05, seed=1, label="soft"):
        for place in (200, 712):
            assert steepest(made.samples[:, place - 25 : place + 25]) < 1.3 * steepest(source.samples)


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({}, "Nothing is to be added"),
        ({"before": -0.1}, "before"),
        ({"after": float("inf")}, "after"),
        ({"after": 1000.0}, "after"),
    ],
)
def test_invalid_extensions_are_refused(textures, texture, requested, words):
    with pytest.raises(RequestError, match=words):
        extend(textures, texture(512), **requested)
