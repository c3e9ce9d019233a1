import torch
from wavesmith.verbs.walk import denoiser_of, descend, levels, noise_of

from wavesmith.verbs.constraints import constrained, held
from wavesmith.verbs.generate import GenerateSettings
from wavesmith.verbs.settings import settle


def test_what_is_held_is_there_wholly_in_part_or_not_at_all():
    known, wave = torch.ones(2, 4), torch.zeros(3, 2, 4)
    share = torch.tensor([0.0, 0.5, 1.0, 1.0])
    assert torch.equal(held(known, share)(wave), share.expand(3, 2, 4))


def test_a_walk_leads_to_what_is_given_in_any_transform(debug, textures, texture):
    for model, length in ((debug, 2048), (textures, 512)):
        known = texture(length).tensor()
        share = (torch.arange(length) < length // 2).float()
        settings = settle(GenerateSettings, model)
        denoiser = constrained(
            denoiser_of(model, settings, 1, length), model.family, length, held(known, share)
        )
        noise, sigmas = noise_of(model, 1, [0], length), levels(settings)
        with torch.no_grad():
            z = descend(denoiser, settings, noise() * float(sigmas[0]), sigmas, noise)
        wave = model.family.transform.decode(z, length)[0]
        torch.testing.assert_close(wave[:, : length // 2], known[:, : length // 2], atol=1e-4, rtol=0)
        assert (wave - known)[:, length // 2 :].abs().mean() > 0.01
