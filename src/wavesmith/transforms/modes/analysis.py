"""Finding the modes of sounds by variable projection, in batches.

Amplitudes of damped sinusoids are linear in the sound, so that for given frequencies and decays the best ones
are a small least-squares problem; only frequencies, decays and the glide are searched (Golub & Pereyra 1973).
The gradient needs no derivative of the solution: amplitudes are at their optimum, so they may be held still.
A ridge keeps modes from growing large to cancel each other, and amplitudes below the peak of the sound.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.transforms.modes.resonance import Resonances

RIDGE = 0.3  # added to the energy of each unit mode, at 5.5 kHz and for sounds of peak 1
LOWEST = 20.0  # Hz
SLOWEST, FASTEST = 0.5, 1500.0  # 1/s
GLIDES = (  # candidates: quick and slow (glide, seconds)
    ((0.4, 0.01), (0.05, 0.1)),
    ((1.0, 0.02), (0.05, 0.1)),
    ((2.0, 0.01), (0.10, 0.1)),
    ((2.0, 0.03), (0.10, 0.1)),
    ((5.0, 0.015), (0.20, 0.08)),
    ((0.1, 0.02), (0.50, 0.06)),
    ((1.0, 0.01), (1.00, 0.06)),
)
LOW_SECONDS, HIGH_SECONDS, MIN_SECONDS = 0.9, 0.2, 0.1
TRIAL_SECONDS, TRIAL_MODES, TRIAL_STEPS = 0.2, 5, 25
CHUNK = 4096  # samples at a time where all of a sound is looked at
WIDTH = 5.0  # Hz that a mode's frequency may move by besides its own width
TAUS = (0.02, 0.1)  # of sounds that do not glide
GLIDE_RANGE = (-0.3, 10.0)
TAU_RANGES = ((0.002, 0.05), (0.03, 0.4))


def resampled(wave: Tensor, rate: float, low: float, high: float, seconds: float) -> tuple[Tensor, float]:
    """The band from `low` to `high` Hz of waves `[B, N]`, at about twice `high`, and its rate."""
    length = max(64, round(seconds * rate))
    wave = F.pad(wave[..., :length], (0, max(0, length - wave.shape[-1])))
    padded = 2 * length
    spectrum = torch.fft.rfft(wave, n=padded)
    top = max(32, min(spectrum.shape[-1] - 1, math.ceil(high * padded / rate)))
    bottom = math.floor(low * padded / rate)
    spectrum = spectrum[..., : top + 1].clone()
    spectrum[..., :bottom] = 0
    out = torch.fft.irfft(spectrum, n=2 * top) * (2 * top / padded)
    return out[..., :top], rate * 2 * top / padded


def peaks(wave: Tensor, rate: float, count: int, low: float, high: float) -> Tensor:
    """The `count` strongest spectral peaks of `[B, N]` between two frequencies, Hz, `[B, count]`."""
    size = 1 << max(10, math.ceil(math.log2(2 * wave.shape[-1])))
    window = torch.cos(math.pi / 2 * torch.arange(wave.shape[-1], device=wave.device) / wave.shape[-1])
    power = torch.fft.rfft(wave * window, n=size).abs()
    width = max(1, round(8 * size / rate))
    top = F.max_pool1d(power[:, None], 2 * width + 1, stride=1, padding=width)[:, 0]
    frequency = torch.arange(power.shape[-1], device=wave.device) * rate / size
    inside = (frequency >= low) & (frequency <= high)
    marked = torch.where((power == top) & inside, power, -1 + 0 * power)
    found = frequency[marked.topk(count, dim=-1).indices]
    spread = torch.linspace(low, high, count + 2, device=wave.device)[1:-1]
    return torch.where(marked.topk(count, dim=-1).values > 0, found, spread).clamp(low, high)


def straightened(wave: Tensor, modes: Resonances, rate: float) -> Tensor:
    """Waves `[B, N]` read so that what glides with the modes has a steady pitch (linear interpolation)."""
    n = wave.shape[-1]
    place = torch.arange(n, device=wave.device, dtype=torch.float32).expand_as(wave).contiguous()
    warped = modes.warped(place / rate) * rate
    left = (torch.searchsorted(warped.contiguous(), place, right=True) - 1).clamp(0, n - 2)
    near, far = warped.gather(1, left), warped.gather(1, left + 1)
    share = ((place - near) / (far - near).clamp(min=1e-6)).clamp(0, 1)
    return torch.lerp(wave.gather(1, left), wave.gather(1, left + 1), share)


def started(
    wave: Tensor, rate: float, count: int, band: tuple[float, float], still: Resonances
) -> Resonances:
    """`count` modes at the strongest peaks of waves `[B, N]`, which glide and begin as those given."""
    frequency = peaks(straightened(wave, still, rate), rate, count, *band)
    return still._replace(frequency=frequency, decay=torch.full_like(frequency, 1 / 0.06))


def gliding(wave: Tensor, weight: Tensor, rate: float, onset: Tensor) -> Resonances:
    """No modes yet, but the glide with which a few hold most of low waves `[B, N]`.

    Each candidate is tried, roughly; a glide must leave a tenth less than none does.
    """
    wave, weight = (one[:, : round(TRIAL_SECONDS * rate)] for one in (wave, weight))
    none = ((0.0, TAUS[0]), (0.0, TAUS[1]))
    table = torch.tensor([none, *GLIDES], device=wave.device)  # [candidates, 2, 2]
    empty = wave.new_zeros(len(wave), 0)
    gone = []
    for glide, tau in table.transpose(1, 2):
        still = Resonances(empty, empty, glide.expand(len(wave), 2), tau.expand(len(wave), 2), onset)
        start = started(wave, rate, TRIAL_MODES, (LOWEST, 1200.0), still)
        trial = search(wave, weight, rate, start, (LOWEST, 1200.0), steps=TRIAL_STEPS)
        gone.append(1 - held(wave, weight, rate, trial))
    left = torch.stack(gone)
    left[0] *= 0.9
    best = table[left.argmin(0)]
    return Resonances(empty, empty, best[..., 0].contiguous(), best[..., 1].contiguous(), onset)


def solve(basis: Tensor, waves: Tensor, ridge: float) -> Tensor:
    """Ridge amplitudes `[B, C, K]` of basis functions `[B, K, N]` in waves `[B, C, N]`."""
    gram = basis @ basis.transpose(1, 2)
    gram.diagonal(dim1=1, dim2=2).add_(ridge)
    right = basis @ waves.transpose(1, 2)
    amplitude: Tensor = torch.linalg.solve(gram.double(), right.double()).to(basis.dtype).transpose(1, 2)
    return amplitude


def evened(waves: Tensor, rate: float, end: Tensor) -> Tensor:
    """Weights `[B, N]` that bring the level of waves `[B, N]` halfway to an even one, up to 20 dB.

    What is off by a tenth is heard as noise in a quiet tail as in a loud attack. After the `end` in seconds
    `[B]` nothing counts: modes are silenced there, and need not be silent by themselves.
    """
    reach = max(1, round(0.01 * rate))
    sums = F.pad(waves.double().square().cumsum(-1), (1, 0))
    place = torch.arange(waves.shape[-1], device=waves.device)
    first, last = (place - reach).clamp(min=0), (place + reach + 1).clamp(max=waves.shape[-1])
    power = ((sums[..., last] - sums[..., first]) / (last - first)).to(waves.dtype)
    weight = (power / power.amax(-1, keepdim=True).clamp(min=1e-12)).clamp(min=1e-4) ** -0.25
    return weight * (place / rate < end[:, None] - 0.004)


def fitted_amplitudes(modes: Resonances, waves: Tensor, weight: Tensor, rate: float, ridge: float) -> Tensor:
    """Ridge amplitudes `[B, C, 2 M]` of modes in long waves `[B, C, N]`, taken a piece at a time."""
    size = 2 * modes.frequency.shape[1]
    gram = waves.new_zeros(len(waves), size, size)
    right = waves.new_zeros(len(waves), size, waves.shape[1])
    for start in range(0, waves.shape[-1], CHUNK):
        part = weight[:, None, start : start + CHUNK]
        if not bool(part.any()):
            continue
        basis = modes.basis(part.shape[-1], rate, start) * part
        gram += basis @ basis.transpose(1, 2)
        right += basis @ (waves[..., start : start + CHUNK] * part).transpose(1, 2)
    gram.diagonal(dim1=1, dim2=2).add_(ridge)
    amplitude: Tensor = torch.linalg.solve(gram.double(), right.double()).to(waves.dtype).transpose(1, 2)
    return amplitude


def search(
    wave: Tensor,
    weight: Tensor,
    rate: float,
    start: Resonances,
    band: tuple[float, float],
    *,
    steps: int,
    lr: float = 0.08,
    bending: bool = True,
    ridge: float = RIDGE,
) -> Resonances:
    """Move frequencies and decays, and the glide, so that the modes hold most of weighted waves `[B, N]`.

    Adam with a falling rate; frequencies, decays and the taus of glides move on logarithmic scales.
    """
    low, high = band
    wave = wave * weight
    parameters = {
        "frequency": start.frequency.log(),
        "decay": start.decay.log(),
        "glide": start.glide.clone(),
        "tau": start.tau.log(),
    }
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in parameters.items()}
    rates = {"frequency": lr, "decay": 3 * lr, "glide": lr, "tau": lr}
    energy = wave.square().sum(-1).clamp(min=1e-8)
    time = torch.arange(wave.shape[-1], device=wave.device) / rate - start.onset[:, None]
    moving = (start.glide != 0).any(1, keepdim=True)
    taus = torch.tensor(TAU_RANGES, device=wave.device).log().T
    ridge = ridge * rate / 5512.5
    now, best, least = start, start, torch.full_like(energy, math.inf)
    for step in range(steps):
        basis = now.basis(wave.shape[-1], rate) * weight[:, None]
        amplitude = solve(basis, wave[:, None], ridge)[:, 0]  # [B, 2 M]
        rest = wave - (amplitude[:, None] @ basis)[:, 0]
        error = rest.square().sum(-1) + ridge * amplitude.square().sum(-1)
        better = error < least
        least = torch.where(better, error, least)
        best = Resonances(
            *(
                torch.where(better[:, None] if new.ndim == 2 else better, new, old)
                for new, old in zip(now, best, strict=True)
            )
        )
        warped = now.warped(time)
        weighted = torch.stack([rest * time.clamp(min=0), rest * warped], dim=1) @ basis.transpose(1, 2)
        a, b = amplitude.chunk(2, dim=-1)
        slower, turned = (part.chunk(2, dim=-1) for part in weighted.unbind(1))
        omega = 2 * math.pi * now.frequency
        gradient = {
            "decay": (slower[0] * a + slower[1] * b) * now.decay,
            "frequency": (turned[1] * a - turned[0] * b) * omega,
        }
        if bending and bool(moving.any()):
            rotated = torch.cat([-omega * b, omega * a], dim=-1)
            speed = rest * (rotated[:, None] @ basis)[:, 0]  # d(error / 2) / d warped time
            since, tau = time.clamp(min=0)[:, None], now.tau[:, :, None]
            gone = torch.exp(-since / tau)
            by_glide = (speed[:, None] * tau * (1 - gone)).sum(-1)
            by_tau = (speed[:, None] * (tau * (1 - gone) - since * gone)).sum(-1) * now.glide
            gradient |= {"glide": by_glide * moving, "tau": by_tau * moving}
        falling = 0.5 * (1 + math.cos(math.pi * step / steps))
        for name, slope in gradient.items():
            slope = slope / energy[:, None]
            mean, square = moments[name]
            mean.lerp_(slope, 0.1)
            square.lerp_(slope.square(), 0.05)
            unbiased = mean / (1 - 0.9 ** (step + 1))
            size = (square / (1 - 0.95 ** (step + 1))).sqrt() + 1e-7
            move = rates[name] * falling * unbiased / size
            if name == "frequency":  # about as far as a mode is wide
                move = move * ((WIDTH + now.decay) / now.frequency).clamp(max=1)
            parameters[name] = parameters[name] - move
        parameters["frequency"].clamp_(math.log(low), math.log(high))
        parameters["decay"].clamp_(math.log(SLOWEST), math.log(FASTEST))
        parameters["glide"].clamp_(*GLIDE_RANGE)
        parameters["tau"] = parameters["tau"].clamp(*taus)
        now = Resonances(
            parameters["frequency"].exp(),
            parameters["decay"].exp(),
            parameters["glide"],
            parameters["tau"].exp(),
            start.onset,
        )
    return best


def held(wave: Tensor, weight: Tensor, rate: float, modes: Resonances, ridge: float = RIDGE) -> Tensor:
    """Share of the energy of weighted waves `[B, N]` that the modes hold, `[B]`."""
    wave = wave * weight
    basis = modes.basis(wave.shape[-1], rate) * weight[:, None]
    amplitude = solve(basis, wave[:, None], ridge * rate / 5512.5)
    rest = wave - (amplitude @ basis)[:, 0]
    return 1 - rest.square().sum(-1) / wave.square().sum(-1).clamp(min=1e-12)


def analyse(
    waves: Tensor, rate: float, *, low: int, high: int, end: Tensor, steps: int = 100
) -> tuple[Resonances, Tensor]:
    """Modes of waves `[B, C, N]` of peak 1: resonances and amplitudes `[B, C, 2 (low + high)]`.

    `low` modes are sought below 2.6 kHz, `high` ones from there to 10.5 kHz in what is left (less at low
    rates); then all amplitudes are found together over the whole sound until its `end` in seconds `[B]`.
    Frequencies are sought in the channel that holds most. Modes come in the order of their energy.
    """
    waves = waves.float()
    nyquist = rate / 2
    split, top = min(2600.0, 0.6 * nyquist), min(10_500.0, 0.9 * nyquist)
    loudest = waves.square().sum(-1).argmax(1)
    wave = waves[torch.arange(len(waves)), loudest]
    onset = onsets(wave, rate)
    seconds = min(LOW_SECONDS, max(MIN_SECONDS, wave.shape[-1] / rate))
    body, body_rate = resampled(wave, rate, 0.0, min(2756.0, 0.65 * nyquist), seconds)
    weight = evened(body, body_rate, end)
    still = gliding(body, weight, body_rate, onset)
    start = started(body, body_rate, low, (LOWEST, split), still)
    found = search(body, weight, body_rate, start, (LOWEST, split), steps=steps)
    every, ridge = evened(wave, rate, end), RIDGE * rate / 5512.5
    if high:
        begun = round(HIGH_SECONDS * rate)
        first, early = wave[:, None, :begun], every[:, :begun]
        amplitude = fitted_amplitudes(found, first, early, rate, ridge)
        left = (first - found.sound(amplitude, first.shape[-1], rate))[:, 0]
        bright, bright_rate = resampled(left, rate, split, top, HIGH_SECONDS)
        start = started(bright, bright_rate, high, (split, top), found)
        weight = evened(bright, bright_rate, end)
        above = search(bright, weight, bright_rate, start, (split, top), steps=steps // 2, bending=False)
        found = found._replace(
            frequency=torch.cat([found.frequency, above.frequency], dim=1),
            decay=torch.cat([found.decay, above.decay], dim=1),
        )
    amplitude = fitted_amplitudes(found, waves, every, rate, ridge)
    return ordered(found, amplitude)


def onsets(wave: Tensor, rate: float) -> Tensor:
    """Seconds `[B]` before a tenth of the peak of `[B, N]` is first reached, less 1 ms; at most 50 ms."""
    loud = wave.abs() > 0.1 * wave.abs().amax(-1, keepdim=True).clamp(min=1e-6)
    first = loud.float().argmax(-1) / rate
    return (first - 0.001).clamp(0, 0.05)


def ends(waves: Tensor, rate: float) -> Tensor:
    """Seconds `[B]` until the last instant above -60 dB of the peak of `[B, C, N]`; at least 10 ms."""
    loud = waves.abs().amax(1)
    loud = loud > 1e-3 * loud.amax(-1, keepdim=True).clamp(min=1e-6)
    last = waves.shape[-1] - loud.flip(-1).float().argmax(-1)
    return (torch.where(loud.any(-1), last, torch.zeros_like(last)) / rate).clamp(min=0.01)


def ordered(modes: Resonances, amplitude: Tensor) -> tuple[Resonances, Tensor]:
    """Modes from the one of most energy to that of least."""
    cos, sin = amplitude.chunk(2, dim=-1)
    energy = (cos.square() + sin.square()).sum(1) / modes.decay
    order = energy.argsort(dim=1, descending=True, stable=True)
    modes = modes._replace(frequency=modes.frequency.gather(1, order), decay=modes.decay.gather(1, order))
    spread = order[:, None].expand_as(cos)
    return modes, torch.cat([cos.gather(2, spread), sin.gather(2, spread)], dim=-1)
