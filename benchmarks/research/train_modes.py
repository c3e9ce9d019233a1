"""Train a token transformer in the modes space on encoded drums; stops and goes on at will.

`python train_modes.py CODES RUN [--minutes M] [--width W] ...` writes RUN/state.pt (all, every few minutes),
RUN/ema.pt (weights to sample from) and RUN/log.jsonl. Started again with the same RUN it goes on from there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

from pack_modes import unpacked
from wiener import Covariance, WienerEDM

from wavesmith.data.split import split
from wavesmith.diffusion.noise_levels import LogNormal
from wavesmith.diffusion.weighted import WeightedEDM
from wavesmith.networks.token_transformer import TokenTransformerConfig
from wavesmith.transforms.modes import ModesConfig

LOSS_SHARES = {"whole": 0.05, "modes": 0.3, "attack": 0.1, "times": 0.55}
EXTRAS = 2  # tune and decay
EXTRA_DROP = 0.0


def divided(codes: dict, held_out: float = 0.1) -> tuple[Tensor, Tensor]:
    """Indices of training and of held-out sounds; whole families only."""
    entries = [
        SimpleNamespace(group=family, label=label, index=index)
        for index, (family, label) in enumerate(zip(codes["families"], codes["labels"], strict=True))
    ]
    train, held = split(entries, held_out, seed=0)
    return torch.tensor([e.index for e in train]), torch.tensor([e.index for e in held])


def chances(codes: dict, indices: Tensor) -> Tensor:
    """How often sounds are drawn: labels, and families within labels, by the roots of their counts."""
    labels = [codes["labels"][i] for i in indices]
    pairs = [(codes["labels"][i], codes["families"][i]) for i in indices]
    by_label, by_pair = Counter(labels), Counter(pairs)
    roots: Counter = Counter()
    for (label, _), count in by_pair.items():
        roots[label] += math.sqrt(count)
    weights = [
        math.sqrt(by_label[label]) * math.sqrt(by_pair[pair]) / roots[label] / by_pair[pair]
        for label, pair in zip(labels, pairs, strict=True)
    ]
    return torch.tensor(weights) / sum(weights)


def loss_weights(parts: tuple) -> Tensor:
    total = sum(part.tokens * part.width for part in parts)
    return torch.cat(
        [torch.full((p.tokens * p.width,), LOSS_SHARES[p.name] * total / (p.tokens * p.width)) for p in parts]
    )


def known(codes_rows: Tensor, chance: Tensor, parts: tuple, directions: int) -> Covariance:
    """The Gaussian model of standardised rows: all but the modes, whose signs and places are anybody's."""
    within = torch.cat([torch.full((p.tokens * p.width,), float(p.name != "modes")) for p in parts])
    even = torch.full_like(chance, 1 / len(chance))
    return Covariance.of(codes_rows, 0.5 * chance / chance.sum() + 0.5 * even, within, directions)


def warmed(network: torch.nn.Module, old: dict) -> None:
    """Begin with the weights of a network without a linear estimate, but for what it adds to times."""
    new = network.state_dict()
    for name, value in old.items():
        if name.startswith("inlets") and name.endswith("weight"):
            new[name].zero_()
            new[name][:, : value.shape[1]] = value
        elif not name.startswith("outlets") or name.startswith("outlets.1"):
            new[name] = value
    network.load_state_dict(new)


class Augment:
    """Exact changes of rows that are not standardised: tune, decay (both told), polarity, sides swapped."""

    def __init__(self, parts: tuple, tune: float, decay: float) -> None:
        self.tune, self.decay = tune, decay
        self.at = {}
        start = 0
        for part in parts:
            self.at[part.name] = (start, part.tokens, part.width)
            start += part.tokens * part.width

    def __call__(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = rows.clone()
        start, tokens, width = self.at["modes"]
        modes = rows[:, start : start + tokens * width].view(len(rows), tokens, width)
        drawn = torch.randn(len(rows), 2, generator=generator)
        big = torch.rand(len(rows), 1, generator=generator) < 0.5  # half of them stay near what they are
        drawn = drawn * torch.where(big, torch.tensor([self.tune, self.decay]), torch.tensor([0.02, 0.03]))
        modes[..., 0] += drawn[:, :1]
        modes[..., 1] += drawn[:, 1:]
        sign = torch.where(torch.rand(len(rows), 1, 1, generator=generator) < 0.5, -1.0, 1.0)
        side = torch.where(torch.rand(len(rows), 1, 1, generator=generator) < 0.5, -1.0, 1.0)
        modes[..., 2:] *= sign
        modes[..., 4:] *= side
        return rows, drawn * torch.tensor([1 / self.tune, 1 / self.decay])


class Averages:
    """Power-function averages of weights (Karras et al. 2024, arXiv:2312.02696, section 3.1), one width."""

    def __init__(self, module: torch.nn.Module, gamma: float) -> None:
        self.gamma, self.steps = gamma, 0
        self.values = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module) -> None:
        self.steps += 1
        share = 1 - (1 - 1 / self.steps) ** (self.gamma + 1)
        torch._foreach_lerp_(list(self.values.values()), [p.detach() for p in module.parameters()], share)


def orthogonal(update: Tensor) -> Tensor:
    """Newton-Schulz steps towards the nearest orthogonal matrix (Jordan et al. 2024, Muon), in bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16() / (update.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, for the matrices of the blocks."""

    def __init__(self, params: list, lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(p)
                state["mean"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(state["mean"], group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("codes", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9, help="of CPU, in this call")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--steady", type=float, default=2000, help="steps before the rate falls as a root")
    parser.add_argument("--muon", type=float, default=0.0, help="rate of Muon for the blocks; 0: AdamW alone")
    parser.add_argument("--mean", type=float, default=0.0)
    parser.add_argument("--std", type=float, default=1.6)
    parser.add_argument("--tune", type=float, default=0.15)
    parser.add_argument("--decay", type=float, default=0.25)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument(
        "--init", type=Path, default=None, help="packed folder whose weights a new run begins with"
    )
    parser.add_argument("--wiener", type=int, default=0, help="directions of the linear estimate; 0: none")
    parser.add_argument("--warm", type=Path, default=None, help="ema.pt of a run without a linear estimate")
    parser.add_argument("--extra", type=Path, default=None, help="codes of synthetic drums")
    parser.add_argument("--share", type=float, default=0.25, help="of synthetic drums in a batch")
    parser.add_argument("--f32", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=4.0, help="of the clock")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    codes = torch.load(args.codes, weights_only=True)
    rows, names = codes["rows"], list(codes["names"])
    train, held = divided(codes)
    chance = chances(codes, train)
    kinds = torch.tensor([names.index(label) for label in codes["labels"]])
    if args.extra is not None:
        synthetic = torch.load(args.extra, weights_only=True)
        more = torch.arange(len(rows), len(rows) + len(synthetic["rows"]))
        rows = torch.cat([rows, synthetic["rows"]])
        kinds = torch.cat([kinds, torch.tensor([names.index(label) for label in synthetic["labels"]])])
        counts = Counter(synthetic["labels"])
        extra = torch.tensor([counts[label] ** -0.5 for label in synthetic["labels"]])
        chance = torch.cat([chance * (1 - args.share), args.share * extra / extra.sum()])
        train = torch.cat([train, more])

    transform = ModesConfig().build(2)
    transform.fit(rows[train[: int((train < len(codes["labels"])).sum())]])
    parts = transform.parts
    inputs = 2 if args.wiener else 1
    config = TokenTransformerConfig(width=args.width, depth=args.depth, dropout=args.dropout, inputs=inputs)
    network = config.build(parts, labels=len(names), extras=EXTRAS)
    if args.init is not None:
        network.load_state_dict(unpacked(args.init)["network"])
    if args.warm is not None:
        warmed(network, torch.load(args.warm, weights_only=True)["network"])
    gaussian = None
    edm = WeightedEDM(weights=loss_weights(parts))
    if args.wiener:
        own = int((train < len(codes["labels"])).sum())
        standard = (rows[train[:own]] - transform.mean) / transform.deviation
        gaussian = known(standard, chance[:own], parts, args.wiener)
        edm = WienerEDM(weights=loss_weights(parts), covariance=gaussian)

    def quick(x: Tensor, noise: Tensor, **cond: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=not args.f32):
            return network(x, noise, **cond).float()

    levels = LogNormal(args.mean, args.std)
    augment = Augment(parts, args.tune, args.decay)
    averages = Averages(network, gamma=6.94)
    matrices = [
        p for n, p in network.named_parameters() if args.muon and n.startswith("blocks") and p.ndim == 2
    ]
    matrices = [p for p in matrices if p.shape[1] != config.condition]
    chosen = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    optimizers = [torch.optim.AdamW(rest, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.01, foreach=True)]
    if matrices:
        optimizers.append(Muon(matrices, lr=args.muon, weight_decay=0.01))
    bases = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    step, seen, spent = 0, 0, 0.0
    generator = torch.Generator().manual_seed(args.seed)
    state_file = args.run / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=False)
        network.load_state_dict(state["network"])
        averages.values, averages.steps = state["averages"], state["averaged"]
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, seen, spent = state["step"], state["seen"], state["cpu_s"]
        generator.manual_seed(args.seed + step)

    count = sum(p.numel() for p in network.parameters())
    log = (args.run / "log.jsonl").open("a")

    def note(**values: object) -> None:
        log.write(json.dumps(values) + "\n")
        log.flush()

    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
    note(event="start", step=step, parameters=count, sounds=len(train), held_out=len(held), **settings)

    fixed = torch.Generator().manual_seed(1)
    held_rows = transform.deviation.new_tensor(0) + (rows[held] - transform.mean) / transform.deviation
    held_sigma = levels.sample(len(held), fixed)[torch.randperm(len(held), generator=fixed)]
    held_noise = torch.randn(held_rows.shape, generator=fixed)
    held_label = torch.nn.functional.one_hot(kinds[held], len(names)).float()

    @torch.no_grad()
    def held_loss() -> dict[str, float]:
        """Loss at fixed noise of the averaged weights, and for each part alone."""
        own = {name: p.detach().clone() for name, p in network.named_parameters()}
        network.load_state_dict(averages.values, strict=False)
        network.eval()
        noisy = held_rows + held_sigma[:, None] * held_noise
        told = torch.zeros(len(held), EXTRAS)
        denoised = edm.denoise(quick, noisy, held_sigma, label=held_label, augment=told)
        error = (denoised.float() - held_rows).square() * edm.weight(held_sigma)[:, None]
        network.load_state_dict(own, strict=False)
        network.train()
        out, start = {"held": float((error * edm.weights).mean())}, 0
        for part in parts:
            out[f"held_{part.name}"] = float(error[:, start : start + part.tokens * part.width].mean())
            start += part.tokens * part.width
        return out

    def save() -> None:
        partial = state_file.with_suffix(".tmp")
        torch.save(
            {
                "network": network.state_dict(),
                "averages": averages.values,
                "averaged": averages.steps,
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step,
                "seen": seen,
                "cpu_s": cpu_total(),
                "settings": settings,
                "config": config.model_dump(),
            },
            partial,
        )
        os.replace(partial, state_file)
        ema = network.state_dict() | averages.values
        torch.save(
            {
                "network": ema,
                "mean": transform.mean,
                "deviation": transform.deviation,
                "config": config.model_dump(),
                "names": names,
                "gaussian": vars(gaussian) if gaussian else None,
                "tune": args.tune,
                "decay": args.decay,
                "cpu_s": cpu_total(),
                "seen": seen,
            },
            args.run / "ema.tmp",
        )
        os.replace(args.run / "ema.tmp", args.run / "ema.pt")

    began, clock = time.process_time(), time.time()

    def cpu_total() -> float:
        return spent + time.process_time() - began

    losses: list[float] = []
    network.train()
    while (time.process_time() - began) / 60 < args.minutes:
        picks = train[torch.multinomial(chance, args.batch, replacement=True, generator=generator)]
        clean, told = augment(rows[picks], generator)
        clean = (clean - transform.mean) / transform.deviation
        label = torch.nn.functional.one_hot(kinds[picks], len(names)).float()
        label = label * (torch.rand(args.batch, 1, generator=generator) > 0.15)
        sigma = levels.sample(args.batch, generator)
        noise = torch.randn(clean.shape, generator=generator)
        loss = edm.loss(quick, clean, sigma, noise, label=label, augment=told).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        factor = min(1.0, (step + 1) / 60) / math.sqrt(max(step / args.steady, 1.0))
        for optimizer, base in zip(optimizers, bases, strict=True):
            for group, lr in zip(optimizer.param_groups, base, strict=True):
                group["lr"] = lr * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        averages.update(network)
        step, seen = step + 1, seen + args.batch
        losses.append(loss.item())
        if step % 50 == 0:
            note(
                step=step,
                seen=seen,
                cpu_s=round(cpu_total(), 1),
                loss=round(sum(losses) / len(losses), 4),
                **{k: round(v, 4) for k, v in held_loss().items()},
                time=round(time.time()),
            )
            losses.clear()
        if time.time() - clock > 60 * args.save_minutes:
            save()
            clock = time.time()
    note(event="stop", step=step, seen=seen, cpu_s=round(cpu_total(), 1), **held_loss())
    save()


if __name__ == "__main__":
    main()
