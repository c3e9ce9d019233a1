"""Judge sounds of the modes space by measures that hear tones, beside real ones.

`python judge_modes.py DATA CODES through`: real sounds encoded and decoded with fresh noise.
`python judge_modes.py DATA CODES made MODEL [--steps 16] [--guidance 1.5]`: of a model, RUN/ema.pt or a
packed folder.

Prints, over all and by label, the distance of measures (Gaussian-kernel MMD x 100, unbiased, standardised by
training sounds) between real sounds of training families and real ones of held-out families, and the judged.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from granted import LENGTH, items, read
from pack_modes import unpacked
from train_modes import chances, divided
from wiener import Covariance, WienerEDM

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.diffusion.parameterisation import EDM
from wavesmith.measures import MEASURES, measure, standardised
from wavesmith.networks.token_transformer import TokenTransformerConfig
from wavesmith.transforms.modes import ModesConfig, layout

NAMES = [one.name for one in MEASURES]
SHOWN = (
    "partials_6",
    "partials_1",
    "noise_flatness",
    "bursts",
    "bursts_low",
    "ripples",
    "attack",
    "pitch",
    "decay_500",
    "decay_4k",
    "width",
)


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared MMD x 100 with a Gaussian kernel as wide as the number of measures is great."""

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
        return np.exp(-squares / (2 * x.shape[1]))

    n, m = len(a), len(b)
    aa, bb = kernel(a, a), kernel(b, b)
    within = (aa.sum() - n) / (n * (n - 1)) + (bb.sum() - m) / (m * (m - 1))
    return float(100 * (within - 2 * kernel(a, b).mean()))


def measured(waves: list[torch.Tensor]) -> np.ndarray:
    rows = []
    for wave in waves:
        last = int(wave.abs().amax(0).nonzero().max()) + 1 if wave.any() else 1
        rows.append(measure(wave[None, :, :last].numpy(), 44_100)[0])
    return np.stack(rows)


class Maker:
    """A trained model: labels in, rows or waves out."""

    def __init__(self, file: Path) -> None:
        state = unpacked(file) if file.is_dir() else torch.load(file, weights_only=True)
        self.names = list(state["names"])
        self.transform = ModesConfig().build(2)
        self.transform.mean.copy_(state["mean"])
        self.transform.deviation.copy_(state["deviation"])
        self.network = TokenTransformerConfig(**state["config"]).build(
            self.transform.parts, len(self.names), 2
        )
        self.network.load_state_dict(state["network"])
        self.network.eval()
        gaussian = state.get("gaussian")
        self.edm = WienerEDM(covariance=Covariance(**gaussian)) if gaussian else EDM(1.0)
        self.cpu_s, self.seen = state["cpu_s"], state["seen"]

    @torch.no_grad()
    def rows(
        self,
        labels: list[str],
        steps: int,
        guidance: float | dict[str, float],
        seed: int,
        conditions: tuple[float, float] = (0.0, 0.0),
        limits: tuple[float, float] = (0.01, 60.0),
        interval: tuple[float, float] = (0.0, 1e9),
    ) -> torch.Tensor:
        edm = self.edm
        label = torch.nn.functional.one_hot(
            torch.tensor([self.names.index(name) for name in labels]), len(self.names)
        ).float()
        changes = torch.tensor(conditions).expand(len(labels), 2)
        strength = guidance if isinstance(guidance, dict) else {}
        scale = torch.cat(
            [
                torch.full(
                    (part.tokens * part.width,), float(strength.get(part.name, 1.0) if strength else guidance)
                )
                for part in self.transform.parts
            ]
        )

        def denoiser(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            conditional = edm.denoise(self.network, x, sigma, label=label, augment=changes)
            if bool((scale == 1).all()) or not interval[0] < float(sigma[0]) <= interval[1]:
                return conditional
            unconditional = edm.denoise(self.network, x, sigma, label=0 * label, augment=changes)
            return unconditional + scale * (conditional - unconditional)

        generator = torch.Generator().manual_seed(seed)
        x = limits[1] * torch.randn(len(labels), self.transform.size, generator=generator)
        walk = schedule("karras", steps, limits[0], limits[1])
        return SAMPLERS["dpmpp_2m"].run(denoiser, x, walk)

    def waves(self, rows: torch.Tensor, seed: int = 0, length: int = LENGTH) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        code = self.transform.code(rows)
        return self.transform.decode(code, length, lambda like: torch.randn(like.shape, generator=generator))


def report(
    real: np.ndarray, held: np.ndarray, judged: dict[str, np.ndarray], labels: dict[str, list[str]]
) -> None:
    def table(of: dict[str, np.ndarray], base: np.ndarray, name: str) -> None:
        reference = standardised(base, real)
        cells = [f"{k} {mmd(standardised(v, real), reference):5.1f}" for k, v in of.items() if len(v) > 3]
        print(f"{name:10s} n={len(base):4d} distance x100: " + "  ".join(cells), flush=True)

    table({"held-out": held, **judged}, real, "all")
    for label in sorted(set(labels["real"])):
        pick = {k: np.array([x == label for x in labels[k]]) for k in ("real", "held-out", *judged)}
        base = real[pick["real"]]
        of = {"held-out": held[pick["held-out"]], **{k: v[pick[k]] for k, v in judged.items()}}
        table(of, base, label)
        for name in SHOWN:
            if name not in NAMES:
                continue
            column = NAMES.index(name)

            def quantiles(rows: np.ndarray, column: int = column) -> str:
                values = rows[:, column]
                values = values[~np.isnan(values)]
                if not len(values):
                    return "-"
                return "/".join(f"{x:.3g}" for x in np.quantile(values, (0.1, 0.5, 0.9)))

            print(
                f"    {name:15s} real {quantiles(base):22s} held-out {quantiles(of['held-out']):22s} "
                + "  ".join(f"{k} {quantiles(of[k])}" for k in judged)
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("codes", type=Path)
    parser.add_argument("what", choices=("through", "made"))
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=40, help="sounds of each label")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", default="1", help="a number, or such as modes=2,times=1.5")
    parser.add_argument("--cache", type=Path, default=None, help="where measures of real sounds are kept")
    parser.add_argument("--save", type=Path, default=None, help="keep what was judged, for pictures")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    codes = torch.load(args.codes, weights_only=True)
    found = items(args.data)
    train, held = divided(codes)
    generator = torch.Generator().manual_seed(5)
    chance, names = chances(codes, train), sorted(set(codes["labels"]))
    picks = []
    for name in names:
        own = [k for k, i in enumerate(train) if codes["labels"][i] == name]
        drawn = torch.multinomial(chance[own], min(args.count, len(own)), generator=generator)
        picks += [int(train[own[k]]) for k in drawn]
    labels = {"real": [codes["labels"][i] for i in picks], "held-out": [codes["labels"][i] for i in held]}
    if args.cache and args.cache.exists():
        kept = np.load(args.cache)
        real, outside = kept["real"], kept["held"]
    else:
        real = measured([read(found[i]) for i in picks])
        outside = measured([read(found[i]) for i in held])
        if args.cache:
            np.savez(args.cache, real=real, held=outside)
    transform = ModesConfig().build(2)
    began = time.process_time()
    if args.what == "through":
        code = layout.unpacked(codes["rows"][picks], transform.modes, 2)
        noise = torch.Generator().manual_seed(0)
        made = transform.decode(code, LENGTH, lambda like: torch.randn(like.shape, generator=noise))
        labels["through"] = labels["real"]
    else:
        maker = Maker(args.model)
        pairs = [pair.split("=") for pair in args.guidance.split(",")]
        guidance = (
            float(args.guidance) if len(pairs[0]) == 1 else {name: float(value) for name, value in pairs}
        )
        asked = [name for name in names for _ in range(args.count)]
        made = maker.waves(maker.rows(asked, args.steps, guidance, seed=1))
        labels["made"] = asked
        print(f"{maker.seen} examples, {maker.cpu_s / 60:.1f} CPU-min")
    print(f"{(time.process_time() - began) / len(made):.4f} CPU-s a sound")
    if args.save:
        torch.save({"waves": made, "labels": labels[args.what]}, args.save)
    report(real, outside, {args.what: measured(list(made))}, labels)


if __name__ == "__main__":
    main()
