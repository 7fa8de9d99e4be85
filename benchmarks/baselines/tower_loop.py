"""The star-shaped construction with a Python loop over towers, written from Osokin et al. 2017, sections 4 and 4.2.

It does what the published code does: one net a tower, called one after another, five generator passes with graph a
step, real and fake samples in separate passes, one `.item()` a step. Weights can be copied from gantk's nets, so that
a test can show that both compute the same.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.baselines.tutorial import LossName, Tutorial


def upsampling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the size."""
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class Tower(nn.Module):
    """One tower of a generator, red or green: where it starts, its normalisations and its layers.

    Args:
        latent: numbers that it is given.
        inputs: channels that each layer is given, of this tower and, in a green one, of the red one too.
        outputs: channels of this tower after the start and after each layer.
        start: size of the first features, pixels.
    """

    def __init__(self, latent: int, inputs: list[int], outputs: list[int], start: tuple[int, int]):
        super().__init__()
        self.first = nn.ConvTranspose2d(latent, outputs[0], start, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in outputs[:-1])
        self.layers = nn.ModuleList(upsampling(*pair) for pair in zip(inputs, outputs[1:], strict=True))


class StarShaped(nn.Module):
    """One red and K green towers; each green one sees the red features of its level beside its own.

    Args:
        towers: K.
        latent: length of the latent, half of it red.
        width: channels before the last layer, half of them red.
        start: size of the first features, pixels: (3, 5) for 48 x 80.
    """

    def __init__(self, towers: int, latent: int = 100, width: int = 64, start: tuple[int, int] = (3, 5)):
        super().__init__()
        halves = [width * power // 2 for power in (8, 4, 2, 1)]
        self.latent_shape = (latent,)
        self.red = Tower(latent // 2, halves, [*halves, 1], start)
        self.green = nn.ModuleList(
            Tower(latent, [2 * half for half in halves], [*halves, 1], start) for _ in range(towers)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, 2, H, W)."""
        given = latent[:, :, None, None]
        red = self.red.first(given[:, : latent.shape[1] // 2])
        greens = [tower.first(given) for tower in self.green]
        for level in range(len(self.red.layers)):
            red = torch.relu(self.red.norms[level](red))
            greens = [torch.relu(tower.norms[level](green)) for tower, green in zip(self.green, greens, strict=True)]
            greens = [
                tower.layers[level](torch.cat([red, green], 1)) for tower, green in zip(self.green, greens, strict=True)
            ]
            red = self.red.layers[level](red)
        return torch.stack([torch.tanh(torch.cat([red, green], 1)) for green in greens], 1)

    @torch.no_grad()
    def copy_from(self, net: nn.Module) -> StarShaped:
        """Takes the weights of gantk's `cells/starshaped` (its `net`)."""
        towers, places = len(self.green), self.red.first.weight[0, 0].numel()
        reds = self.red.first.weight.shape[1]
        from_red = net.first_red.unflatten(0, (-1, places))  # (r + K g, places, latent)
        from_green = net.first_green.unflatten(0, (towers, -1, places))  # (K, g, places, latent)
        shape = self.red.first.weight.shape[2:]
        self.red.first.weight.copy_(from_red[:reds].permute(2, 0, 1).unflatten(2, shape))
        each_red = from_red[reds:].unflatten(0, (towers, -1))
        for k, tower in enumerate(self.green):
            both = torch.cat([each_red[k], from_green[k]], 2)  # (g, places, latent)
            tower.first.weight.copy_(both.permute(2, 0, 1).unflatten(2, shape))
        for level, layer in enumerate([*net.layers, net.last]):
            reds = self.red.layers[level].weight.shape[1]
            self.red.layers[level].weight.copy_(layer.from_red[:, :reds])
            each = layer.from_red[:, reds:].unflatten(1, (towers, -1))
            for k, tower in enumerate(self.green):
                tower.layers[level].weight.copy_(torch.cat([each[:, k], layer.from_green[k]]))
        for level, norm in enumerate(net.norms):
            sizes = [tower.norms[level].num_features for tower in (self.red, *self.green)]
            for name in ("weight", "bias", "running_mean", "running_var"):
                for tower, part in zip((self.red, *self.green), getattr(norm, name).split(sizes), strict=True):
                    getattr(tower.norms[level], name).copy_(part)
        return self


class TowerCritics(nn.Module):
    """K plain DCGAN critics, called one after another.

    Args:
        towers: K.
        width: channels after the first convolution; each later one has twice as many.
        last: size of the last features, pixels.
    """

    def __init__(self, towers: int, width: int = 64, last: tuple[int, int] = (3, 5)):
        super().__init__()
        widths = [2] + [width * power for power in (1, 2, 4, 8)]
        self.each = nn.ModuleList()
        for _ in range(towers):
            layers: list[nn.Module] = []
            for inputs, outputs in pairwise(widths):
                layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
            self.each.append(nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, last, bias=False)))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, K, 2, H, W) to scores (B, K)."""
        return torch.stack([critic(samples[:, k]).flatten() for k, critic in enumerate(self.each)], 1)

    @torch.no_grad()
    def copy_from(self, net: nn.Module) -> TowerCritics:
        """Takes the weights of gantk's `cells/per_class` (its `net`)."""
        for k, critic in enumerate(self.each):
            convolutions = [layer for layer in critic if isinstance(layer, nn.Conv2d)]
            for convolution, layer in zip(convolutions, net.layers, strict=False):
                convolution.weight.copy_(layer.weight[k])
            convolutions[-1].weight.copy_(net.last[k].view_as(convolutions[-1].weight))
        return self


class TowerLoop(Tutorial):
    """The loop over towers in the losses too: each tower has a loss and a penalty of its own, and they are summed."""

    loss: LossName

    def critic_update(self, real: Tensor, latent: Tensor, mixing: Tensor | None) -> float:
        """One update of all critics; returns the sum of their losses."""
        self.critic.zero_grad()
        fake = self.generator(latent).detach()
        error = torch.zeros(())
        for k, critic in enumerate(self.critic.each):
            real_scores, fake_scores = critic(real[:, k]).flatten(), critic(fake[:, k]).flatten()
            if self.loss == "gan":
                error = error + nn.functional.softplus(-real_scores).mean()
                error = error + nn.functional.softplus(fake_scores).mean()
            else:
                error = error + fake_scores.mean() - real_scores.mean()
            if mixing is not None:
                error = error + 10 * self.tower_penalty(critic, real[:, k], fake[:, k], mixing[:, k])
        error.backward()
        self.critic_optimizer.step()
        if self.loss == "wgan":
            for parameter in self.critic.parameters():
                parameter.data.clamp_(-0.01, 0.01)
        return error.item()

    @staticmethod
    def tower_penalty(critic: nn.Module, real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        """The gradient penalty of one tower."""
        between = (mixing * real + (1 - mixing) * fake).requires_grad_(True)
        scores = critic(between)
        (gradient,) = torch.autograd.grad(
            scores, between, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
        )
        return ((gradient.reshape(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()

    def generator_update(self, latent: Tensor) -> float:
        """One update of the generator; returns the sum over towers."""
        self.generator.zero_grad()
        scores = self.critic(self.generator(latent))
        errors = nn.functional.softplus(-scores) if self.loss == "gan" else -scores
        error = errors.mean(0).sum()
        error.backward()
        self.generator_optimizer.step()
        return error.item()

    def mixing(self, real: Tensor) -> Tensor:
        """Where between real and fake the penalty looks, for each tower its own."""
        return torch.rand(*real.shape[:2], 1, 1, 1)
