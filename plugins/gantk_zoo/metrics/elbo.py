"""Metric `elbo`: how likely held-out samples are under a VAE, as bounds from below, in nats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from PIL import Image
from torch import Tensor

from gantk.components import component
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value, call_encode
from gantk.sampling import evaluating, render
from gantk_zoo.encoders.vae import EncodedGenerator, divergence

ROWS = 10_000
"""Decoded samples that are in memory at once."""

SHOWN, SIDE = 32, 16
"""Reconstructions in a picture; decoded latents in a row of the plane."""


@dataclass(frozen=True)
class Bounds:
    """What was found of N samples.

    Args:
        log_likelihood: E_q log p(x|z), (N,).
        kl: KL(q(z|x) ‖ p(z)), (N,).
        bound: the importance-weighted bound, (N,).
        means: of q(z|x), (N, latent).
    """

    log_likelihood: Tensor
    kl: Tensor
    bound: Tensor
    means: Tensor


class Elbo(Metric):
    """Bounds on log p(x) of held-out samples under a VAE, in nats a sample: the larger, the likelier.

    `elbo` is E_q log p(x|z) - KL(q(z|x) ‖ p(z)), whatever β it was trained with; `reconstruction` (-E_q log p(x|z)) and
    `kl` are its two terms. `bound` is the importance-weighted one, E log 1/K Σ p(x, z_k) / q(z_k|x), which lies between
    `elbo` and log p(x). `active_units` are the latents whose mean varies over samples by more than `active`, so that
    they say something of them. The reference is the same of as many training samples: what it knows better by heart.
    Of a Bernoulli likelihood the pixels are made black or white at random once more, by their grey values. Numbers of
    different likelihoods cannot be compared, and those of a Gaussian depend on the unit of the data.

    Burda et al. 2016, equation 8 (bound) and section 5.2 (active units).

    Args:
        looked_at: how many samples of a split, at most.
        draws: K, latents drawn for each sample.
        active: variance of a latent's mean above which it is active.
    """

    samples = 0

    def __init__(
        self,
        *,
        looked_at: Annotated[int, Ge(2)] = 200,
        draws: Annotated[int, Ge(1)] = 500,
        active: Annotated[float, Gt(0)] = 0.01,
    ):
        self.looked_at = looked_at
        self.draws = draws
        self.active = active

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`elbo`, `reconstruction`, `kl`, `bound`, `active_units`.

        Raises:
            DoesNotFit: a model without an encoder that gives a distribution.
        """
        generator: Any = inputs.nets.get("generator")
        if not isinstance(generator, EncodedGenerator):
            raise DoesNotFit("zoo/elbo needs a model with q(z|x) and p(x|z): one that zoo/vae or zoo/cvae trained")
        test, train = (self.bounds(generator, data, inputs.rng) for data in (inputs.test, inputs.train))

        def value(found: Tensor, reference: Tensor, better: Any, note: str) -> Value:
            spread = float(found.std() / len(found) ** 0.5)
            mean = float(found.mean())
            return Value(
                mean,
                better,
                float(reference.mean()),
                note,
                low=mean - 1.96 * spread,
                high=mean + 1.96 * spread,
                n=len(found),
                n_reference=len(reference),
            )

        elbos = [each.log_likelihood - each.kl for each in (test, train)]
        active = [float((each.means.var(0) > self.active).sum()) for each in (test, train)]
        return {
            "elbo": value(elbos[0], elbos[1], "higher", "nats a sample; beside it training samples"),
            "reconstruction": value(-test.log_likelihood, -train.log_likelihood, "lower", "-E log p(x|z)"),
            "kl": value(test.kl, train.kl, None, "KL(q(z|x) ‖ p(z))"),
            "bound": value(test.bound, train.bound, "higher", f"importance-weighted, {self.draws} draws"),
            "active_units": Value(active[0], None, active[1], f"of {test.means.shape[1]} latents"),
        }

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """`reconstructions` beside their test samples; of two latents also `latents`, the plane of what they stand for.

        Kingma & Welling 2014, figure 4: a grid that is even in the unit square, through the inverse of the normal
        distribution function.

        Args:
            inputs: as `compute` is given them.
        """
        generator: Any = inputs.nets.get("generator")
        spec = inputs.test.spec
        if not isinstance(generator, EncodedGenerator) or spec.view is None:
            return {}
        real = take(inputs.test, SHOWN, torch.Generator().manual_seed(0))
        labels = real.labels if generator.conditional else None
        at = next(generator.parameters()).device
        with evaluating(generator):
            latents = call_encode(generator, real.samples.to(at), None if labels is None else labels.to(at)).cpu()
        again = render(generator, spec, latents, len(latents), labels=labels, device=at)
        again.attributes["origin"] = "reconstructed"
        found = {"reconstructions": component("view", {"use": spec.view}, spec=spec).draw(again, real=real)}
        if latents.shape[1:] == (2,) and not generator.conditional and spec.view == "basics/images":
            plane = render(generator, spec, grid(SIDE), SIDE**2, device=at)
            view = component("view", {"use": spec.view, "columns": SIDE, "most": SIDE**2}, spec=spec)
            found["latents"] = view.draw(plane)
        return found

    def bounds(self, generator: EncodedGenerator, data: Dataset, rng: torch.Generator) -> Bounds:
        """Both bounds of up to `looked_at` samples.

        Args:
            generator: with its encoder.
            data: where the samples come from.
            rng: chooses samples, pixels and latents.
        """
        real = take(data, self.looked_at, rng)
        uniform = torch.rand(real.samples.shape, generator=rng)
        at = next(generator.parameters()).device
        rows = max(1, ROWS // self.draws)
        found = []
        with evaluating(generator):
            for start in range(0, len(real), rows):
                part = slice(start, start + rows)
                x = generator.observed(real.samples[part].to(at), uniform[part].to(at))
                labels = None if real.labels is None or not generator.conditional else real.labels[part].to(at)
                mean, log_variance = generator.posterior(x, labels)
                noise = torch.randn((len(x), self.draws, *mean.shape[1:]), generator=rng).to(mean)
                z = (mean[:, None] + noise * (log_variance / 2).exp()[:, None]).flatten(0, 1)
                told = {} if labels is None else {"labels": labels.repeat_interleave(self.draws)}
                made = generator(z, **told)
                explained = generator.log_likelihood(x.repeat_interleave(self.draws, 0), made)
                explained = explained.reshape(len(x), self.draws)
                prior = -noise_squares(z).reshape(len(x), self.draws) / 2
                drawn = -(noise.flatten(2).square().sum(2) + log_variance.flatten(1).sum(1)[:, None]) / 2
                weights = explained + prior - drawn  # the factors 2π of both Gaussians cancel
                bound = weights.logsumexp(1) - log(self.draws)
                found.append((explained.mean(1), divergence(mean, log_variance), bound, mean.flatten(1)))
        return Bounds(*(torch.cat(each).double().cpu() for each in zip(*found, strict=True)))


def grid(side: int) -> Tensor:
    """side² latents of two numbers, (side², 2), even in the unit square: rows from above, columns from the left.

    Args:
        side: how many in a row.
    """
    line = torch.special.ndtri((torch.arange(side) + 0.5) / side)
    rows, columns = torch.meshgrid(line.flip(0), line, indexing="ij")
    return torch.stack([columns, rows], -1).reshape(-1, 2)


def noise_squares(latents: Tensor) -> Tensor:
    """‖z‖² of each latent, (N,).

    Args:
        latents: (N, *latent_shape).
    """
    return latents.flatten(1).square().sum(1)
