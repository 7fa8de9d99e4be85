"""A training loop as a good tutorial writes it, for nets that judge whole samples: what most projects start from.

As PyTorch's DCGAN tutorial and the usual WGAN-GP repositories do it: the critic sees real and fake samples in two
passes, the fakes of its update are detached after a forward pass that built a graph, gradients also reach the critic
when the generator learns, Adam is taken as it comes, and losses are read by `.item()` in every step. One thing differs
from the DCGAN tutorial: the generator learns from fakes of its own, as in the papers and in gantk, so that both sides
compute the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.utils.data import DataLoader, TensorDataset

LossName = Literal["gan", "wgan", "wgan_gp"]


def optimizer_of(parameters: Iterator[nn.Parameter], loss: LossName) -> torch.optim.Optimizer:
    """The optimiser that gantk takes for this loss by default, as torch builds it by default."""
    if loss == "wgan":
        return torch.optim.RMSprop(parameters, lr=5e-5)
    settings = {"gan": (2e-4, (0.5, 0.999)), "wgan_gp": (1e-4, (0.0, 0.9))}[loss]
    return torch.optim.Adam(parameters, lr=settings[0], betas=settings[1])


class Tutorial:
    """The loop; `step()` does `critic_steps` critic updates and one generator update.

    Args:
        generator: latent (B, *latent_shape) to samples.
        critic: samples to scores (B,).
        samples: the data, (N, …), floating.
        loss: which loss, with gantk's default parameters.
        batch: samples in a batch.
        critic_steps: critic updates in a step.
    """

    def __init__(
        self, generator: nn.Module, critic: nn.Module, samples: Tensor, *, loss: LossName, batch: int, critic_steps: int
    ):
        self.generator, self.critic, self.loss = generator, critic, loss
        self.batch, self.critic_steps = batch, critic_steps
        self.loader = DataLoader(TensorDataset(samples), batch_size=batch, shuffle=True, drop_last=True)
        self.batches = iter(self.loader)
        self.generator_optimizer = optimizer_of(generator.parameters(), loss)
        self.critic_optimizer = optimizer_of(critic.parameters(), loss)

    def step(self) -> dict[str, float]:
        """One training step on fresh data and noise."""
        losses = {}
        for _ in range(self.critic_steps):
            real = self.real()
            mixing = self.mixing(real) if self.loss == "wgan_gp" else None
            losses["critic"] = self.critic_update(real, self.noise(), mixing)
        losses["generator"] = self.generator_update(self.noise())
        return losses

    def real(self) -> Tensor:
        """The next batch."""
        try:
            (real,) = next(self.batches)
        except StopIteration:
            self.batches = iter(self.loader)
            (real,) = next(self.batches)
        return real

    def mixing(self, real: Tensor) -> Tensor:
        """Where between real and fake the penalty looks."""
        return torch.rand(len(real), *[1] * (real.dim() - 1))

    def noise(self) -> Tensor:
        """Latents of a batch."""
        return torch.randn(self.batch, *self.generator.latent_shape)

    def critic_update(self, real: Tensor, latent: Tensor, mixing: Tensor | None) -> float:
        """One update of the critic; returns its loss."""
        self.critic.zero_grad()
        real_scores = self.critic(real)
        fake = self.generator(latent).detach()
        fake_scores = self.critic(fake)
        if self.loss == "gan":
            error = cross_entropy(real_scores, torch.ones_like(real_scores))
            error = error + cross_entropy(fake_scores, torch.zeros_like(fake_scores))
        else:
            error = fake_scores.mean() - real_scores.mean()
        if mixing is not None:
            error = error + 10 * self.gradient_penalty(real, fake, mixing)
        error.backward()
        self.critic_optimizer.step()
        if self.loss == "wgan":
            for parameter in self.critic.parameters():
                parameter.data.clamp_(-0.01, 0.01)
        return error.item()

    def gradient_penalty(self, real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """Mean squared difference of gradient norms between real and fake from 1."""
        between = (mixing * real + (1 - mixing) * fake).requires_grad_(True)
        scores = self.critic(between)
        (gradient,) = torch.autograd.grad(
            scores, between, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
        )
        return ((gradient.reshape(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()

    def generator_update(self, latent: Tensor) -> float:
        """One update of the generator; returns its loss."""
        self.generator.zero_grad()
        scores = self.critic(self.generator(latent))
        error = cross_entropy(scores, torch.ones_like(scores)) if self.loss == "gan" else -scores.mean()
        error.backward()
        self.generator_optimizer.step()
        return error.item()
