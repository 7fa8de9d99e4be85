"""torchgan from PyPI, where it is installed: its training step with the very nets that gantk trains.

    pip install --no-deps torchgan torchvision && pip install tensorboard

It imports torchvision for grids of pictures alone; where torchvision's compiled part does not fit the torch that is
installed, the names that are then missing are declared here, and never called. torch-mimicry 0.1.16 cannot be compared
with: it imports `torch._six`, which torch has not had since 2.0 (and tensorflow, for scores that are not asked for).
"""

from __future__ import annotations

import contextlib
import importlib
import tempfile
import warnings
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.cases import Case, plain
from benchmarks.measure import compare

CASES = [Case("dcgan", "gan", (3, 32, 32)), Case("dcgan", "wgan_gp", (3, 32, 32))]


def missing(package: str) -> str | None:
    """Why this package cannot be used; None where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not hasattr(torch.ops.torchvision, "nms"):
                library = torch.library.Library("torchvision", "DEF")
                for name in ("nms", "qnms"):
                    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
                globals()["_kept"] = library  # its names go when it goes
            importlib.import_module(package)
    except Exception as error:  # other people's packages break in every way
        return f"{type(error).__name__}: {error}".split("\n")[0]
    return None


def torchgan(case: Case, generator: nn.Module, critic: nn.Module, samples: torch.Tensor) -> Any:
    """torchgan's `Trainer.train_iter`: it makes fakes anew for each of its losses, and steps after each."""
    from torchgan import losses
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    class TheirGenerator(Generator):
        def __init__(self) -> None:
            super().__init__(generator.latent_shape[0])
            self.net = generator

        def forward(self, latent: torch.Tensor) -> torch.Tensor:
            return self.net(latent)

    class TheirCritic(Discriminator):
        def __init__(self) -> None:
            super().__init__(3)
            self.net = critic

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.net(images)

    penalised = case.loss == "wgan_gp"
    if penalised:
        used = [losses.WassersteinDiscriminatorLoss(), losses.WassersteinGradientPenalty()]
        used.insert(0, losses.WassersteinGeneratorLoss())
    else:
        used = [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()]
    lr, betas = (1e-4, (0.0, 0.9)) if penalised else (2e-4, (0.5, 0.999))
    optimizer = {"name": torch.optim.Adam, "args": {"lr": lr, "betas": betas}}
    folder = tempfile.mkdtemp()
    trainer = Trainer(
        {
            "generator": {"name": TheirGenerator, "optimizer": dict(optimizer)},
            "discriminator": {"name": TheirCritic, "optimizer": dict(optimizer)},
        },
        used,
        device=torch.device("cpu"),
        ncritic=5 if penalised else 1,
        checkpoints=f"{folder}/gan",
        recon=f"{folder}/images",
        log_dir=folder,
    )
    trainer.batch_size = case.batch
    loader = DataLoader(TensorDataset(samples), batch_size=case.batch, shuffle=True, drop_last=True)
    batches = iter(loader)

    def step() -> None:
        nonlocal batches
        for _ in range(5 if penalised else 1):
            real = next(batches, None)
            if real is None:
                batches = iter(loader)
                real = next(batches)
            trainer.real_inputs = real[0]
            *_, generator_updates, critic_updates = trainer.train_iter()
            trainer.loss_information["generator_iters"] += generator_updates
            trainer.loss_information["discriminator_iters"] += critic_updates

    return step


PACKAGES = {"torchgan": torchgan}


def run(*, busy_ok: bool) -> list[dict[str, Any]]:
    """DCGANs of 3 x 32 x 32; a package that cannot be used is named with the reason."""
    from benchmarks.cases import TARGETS, as_in_a_run, steps

    found: list[dict[str, Any]] = []
    for package, build in PACKAGES.items():
        reason = missing(package)
        for case in CASES:
            entry: dict[str, Any] = {"case": case.name, "baseline": package, "target": TARGETS["package"]}
            if reason is None:
                state, data = case.state(), case.data()
                samples = data.batch(torch.arange(len(data)), None).samples
                with contextlib.redirect_stdout(None):
                    theirs = build(case, plain(state.generator), plain(state.critic), samples)
                ours = steps(case, state, data)
                sides = {"gantk": as_in_a_run(ours), "baseline": theirs}
                entry |= compare(sides, rounds=31, seconds=12, busy_ok=busy_ok)
            else:
                entry |= {"refused": f"not installed here ({reason})", "ratio": {}}
            found.append(entry)
    return found
