"""Variational autoencoders: VAE, β-VAE and conditional VAE, trained without a critic.

Kingma & Welling 2014, "Auto-encoding variational Bayes"; Higgins et al. 2017, "β-VAE"; Sohn et al. 2015, "Learning
structured output representation using deep conditional generative models".
"""

from __future__ import annotations

from contextlib import nullcontext
from math import log, pi, prod
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gantk.components import Fixed
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, declares, has_member, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec

Likelihood = Literal["bernoulli", "gaussian"]
EDGE = 1e-6
"""Probabilities of pixels stay this far from 0 and 1, so that no logarithm is infinite."""


class EncodedGenerator(nn.Module):
    """A decoder with its encoder: one module, so that the moving average, checkpoints and metrics have both.

    `forward` is the decoder, from the prior N(0, I); `encode` gives the mean of q(z|x) = N(μ(x), diag σ²(x)).

    Args:
        generator: the decoder.
        encoder: samples to vectors of twice the latent's length: the mean, then the logarithm of the variance.
        spec: what one sample is.
        likelihood: p(x|z).
        sigma: standard deviation of the Gaussian likelihood; "learnt": one number, which is trained, from 1.
        classes: how many classes the encoder is told; 0: it is told none.
    """

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        spec: DataSpec,
        likelihood: Likelihood,
        sigma: float | Literal["learnt"],
        classes: int = 0,
    ):
        super().__init__()
        self.generator = generator
        self.encoder = encoder
        self.spec = spec
        self.likelihood = likelihood
        self.latent_shape: tuple[int, ...] = member(generator, "latent_shape")
        at = next(generator.parameters()).device
        start = torch.tensor(0.0 if sigma == "learnt" else log(sigma), device=at)
        if likelihood == "gaussian" and sigma == "learnt":
            self.log_sigma: Tensor = nn.Parameter(start)
        else:
            self.register_buffer("log_sigma", start)
        own = classes and not declares(encoder, "labels")
        self.told = nn.Linear(classes, 2 * prod(self.latent_shape), bias=False, device=at) if own else None
        self.conditional = classes > 0

    @property
    def passes_on_to(self) -> nn.Module:
        """The net that labels and a condition are for."""
        return self.generator

    @property
    def latent_parts(self) -> Any:
        """Those of the decoder."""
        return member(self.generator, "latent_parts")

    def forward(self, latent: Tensor, **given: Any) -> Tensor:
        """The decoder: (B, *latent_shape) to (B, *spec.shape), the mean of p(x|z)."""
        return self.generator(latent, **given)

    def posterior(self, samples: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z|x), or q(z|x, y): (B, *latent_shape) each.

        Args:
            samples: (B, *spec.shape).
            labels: (B,) where the encoder is told classes.
        """
        if self.conditional and self.told is None:
            found = self.encoder(samples, labels=labels)
        else:
            found = self.encoder(samples)
        if self.told is not None:
            assert labels is not None
            found = found + self.told(one_hot(labels, self.told.in_features).to(found))
        mean, log_variance = found.reshape(len(samples), 2, *self.latent_shape).unbind(1)
        return mean, log_variance

    def observed(self, samples: Tensor, uniform: Tensor | None) -> Tensor:
        """What is encoded and explained: the samples, or for the Bernoulli likelihood black and white pixels.

        Args:
            samples: (B, *spec.shape).
            uniform: from [0, 1), of that shape: a pixel is white with the probability that its grey value is; None: it
                is white from one half on.
        """
        if self.likelihood == "gaussian":
            return samples
        low, high = self.spec.range or (0.0, 1.0)
        shares = (samples - low) / (high - low)
        white = shares >= 0.5 if uniform is None else uniform < shares
        return low + (high - low) * white.to(samples.dtype)

    def log_likelihood(self, observed: Tensor, made: Tensor) -> Tensor:
        """log p(x|z) in nats, summed over all numbers of a sample: (B,).

        Args:
            observed: (B, *spec.shape), from `observed`.
            made: (B, *spec.shape), what the decoder makes of z.
        """
        precise = torch.promote_types(made.dtype, torch.float32)
        observed, made = observed.to(precise), made.to(precise)
        if self.likelihood == "gaussian":
            squares = ((observed - made) * torch.exp(-self.log_sigma)).square()
            each = -squares / 2 - self.log_sigma - log(2 * pi) / 2
        else:
            low, high = self.spec.range or (0.0, 1.0)
            white = (observed - low) / (high - low)
            share = EDGE + (1 - 2 * EDGE) * (made - low) / (high - low)
            each = white * share.log() + (1 - white) * (1 - share).log()
        return each.flatten(1).sum(1)

    def encode(self, samples: Tensor) -> Tensor:
        """The mean of q(z|x): (B, *spec.shape) to (B, *latent_shape)."""
        return self.posterior(self.observed(samples, None))[0]


class ConditionalGenerator(EncodedGenerator):
    """The same where the encoder is told the class, which `encode` then declares."""

    def encode(self, samples: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]  # says that it needs them
        """The mean of q(z|x, y): (B, *spec.shape) and (B,) to (B, *latent_shape)."""
        return self.posterior(self.observed(samples, None), labels)[0]


class LabelledDecoder(nn.Module):
    """A generator that takes no labels, given one: one-hot behind the latent, which is shorter by that.

    Args:
        generator: takes a flat latent.
        classes: how many there are.
    """

    def __init__(self, generator: nn.Module, classes: int):
        super().__init__()
        self.generator = generator
        self.classes = classes
        self.latent_shape = (member(generator, "latent_shape")[0] - classes,)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """(B, latent) and (B,) to (B, *spec.shape)."""
        return self.generator(torch.cat([latent, one_hot(labels, self.classes).to(latent)], 1))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) in nats of each sample, (B,): Kingma & Welling 2014, appendix B.

    Args:
        mean: μ, (B, *latent_shape).
        log_variance: log σ², of that shape.
    """
    return (mean.square() + log_variance.exp() - log_variance - 1).flatten(1).sum(1) / 2


class Vae(Loss):
    """VAE, and with β other than 1 β-VAE: -E_q log p(x|z) + β KL(q(z|x) ‖ N(0, I)), in nats a sample.

    The likelihood is summed over all numbers of a sample, and averaged over the batch. `bernoulli`: the decoder gives
    the probability that a pixel is white, and each time that a sample is drawn its pixels are made black or white at
    random, by their grey values; on grey values as they are, cross-entropy is no likelihood of anything. `gaussian`:
    N(decoder, σ² I); where σ is fixed, β and σ² are one knob (only β σ² counts), and where it is learnt, β is another.
    One draw of z a sample. There is no critic: `critic: null`.

    Kingma & Welling 2014, equations 3, 7 and 10; β: Higgins et al. 2017, equation 4.

    Args:
        encoder: samples to vectors of twice the latent's length, as a nested `use:`.
        likelihood: p(x|z).
        beta: weight of the divergence from the prior.
        sigma: standard deviation of the Gaussian likelihood, in the units of the data; learnt: one number, trained.
    """

    name = "zoo/vae"

    def __init__(
        self,
        *,
        encoder: nn.Module,
        likelihood: Likelihood = "gaussian",
        beta: Annotated[float, Ge(0)] = 1.0,
        sigma: Annotated[
            Annotated[float, Gt(0)] | Literal["learnt"], Fixed("the generator keeps it; beta is the same knob")
        ] = "learnt",
    ):
        super().__init__()
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone
        self.likelihood: Likelihood = likelihood
        self.beta = beta
        self.sigma: float | Literal["learnt"] = sigma

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, None]:
        """The decoder together with the encoder.

        Raises:
            DoesNotFit: nets or data that a VAE cannot have; the message says what to take.
        """
        if generator is None or critic is not None:
            raise DoesNotFit(f"{self.name} trains a generator and no critic: write critic: null")
        self._refuse_data(generator, spec)
        wrapped = self._wrapped(generator, spec)
        wanted = 2 * prod(wrapped.latent_shape)
        some = torch.zeros((2, *spec.shape), device=next(generator.parameters()).device)
        labels = torch.zeros(2, dtype=torch.int64, device=some.device) if wrapped.conditional else None
        with evaluating(wrapped):
            given = {"labels": labels} if declares(wrapped.encoder, "labels") else {}
            found = wrapped.encoder(some, **given)
        if tuple(found.shape) != (2, wanted):
            raise DoesNotFit(
                f"the encoder of {self.name} gives the mean and the variance of each of {wanted // 2} latents, so "
                f"{wanted} numbers, and this one gives {tuple(found.shape[1:])}: write outputs: {wanted}"
            )
        return wrapped, None

    def _refuse_data(self, generator: nn.Module, spec: DataSpec) -> None:
        if member(generator, "latent_shape") is None or has_member(generator, "draw_latent"):
            raise DoesNotFit(f"{self.name} needs a generator with a latent from N(0, I), such as basics/mlp")
        if declares(generator, "condition"):
            raise DoesNotFit(f"the encoder of {self.name} is told no condition: choose a generator that takes none")
        if spec.categorical:
            raise DoesNotFit(f"{self.name} has no likelihood of letters (one-hot data)")
        if self.likelihood == "bernoulli" and spec.range is None:
            raise DoesNotFit("likelihood: bernoulli is for pixels within a range; these data have none: take gaussian")

    def _wrapped(self, generator: nn.Module, spec: DataSpec) -> EncodedGenerator:
        if declares(generator, "labels") and spec.classes:
            raise DoesNotFit("this generator is told classes, and the encoder of zoo/vae is not: choose zoo/cvae")
        return EncodedGenerator(generator, self._given[0], spec, self.likelihood, self.sigma)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """`reconstruction` (-log p) and β times `kl`, which is logged as it is, too."""
        coded, observed, mean, log_variance = encoded(play)
        noise = play.normal(play.batch, *coded.latent_shape, purpose="posterior").to(mean)
        made = play.generate(mean + noise * (log_variance / 2).exp())
        kl = divergence(mean, log_variance).mean()
        return {
            "reconstruction": -coded.log_likelihood(observed, made).mean(),
            "weighted_kl": self.beta * kl,
            "kl": kl.detach(),
        }

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(1e-3), as its authors' later code has it (the paper has Adagrad)."""
        return {"generator_optimizer": {"use": "basics/adam", "lr": 1e-3}}


def encoded(play: Play, *, graph: bool = True) -> tuple[EncodedGenerator, Tensor, Tensor, Tensor]:
    """The prepared generator, what it observes of the real batch, and mean and log-variance of q(z|x).

    Args:
        play: an update.
        graph: whether gradients reach the encoder.
    """
    coded: Any = play.generator
    uniform = None
    if coded.likelihood == "bernoulli":
        uniform = play.uniform(play.batch, *play.spec.shape, purpose="binarisation").to(play.real)
    observed = coded.observed(play.real, uniform)
    with nullcontext() if graph else torch.no_grad():
        mean, log_variance = coded.posterior(observed, play.labels if coded.conditional else None)
        precise = torch.promote_types(mean.dtype, torch.float32)
        return coded, observed, mean.to(precise), log_variance.to(precise)


class ConditionalVae(Vae):
    """Conditional VAE: -E_q log p(x|z, y) + β KL(q(z|x, y) ‖ N(0, I)): encoder and decoder are told the class y.

    The prior stays N(0, I) whatever the class, so that the latent says what the class does not: of digits the hand. A
    decoder without labels gets y one-hot behind its latent, of which then so many numbers fewer are drawn. An encoder
    without labels gets it one-hot beside its last hidden layer, which adds a learnt vector to its outputs.

    Sohn et al. 2015, section 4.1, with the prior relaxed to one that is independent of what is given.

    Args:
        encoder: samples to vectors of twice the latent's length, as a nested `use:`.
        likelihood: p(x|z, y), as of zoo/vae.
        beta: weight of the divergence from the prior.
        sigma: standard deviation of the Gaussian likelihood, in the units of the data; learnt: one number, trained.
    """

    name = "zoo/cvae"

    def _wrapped(self, generator: nn.Module, spec: DataSpec) -> EncodedGenerator:
        classes = len(spec.classes or ())
        if not classes:
            raise DoesNotFit("zoo/cvae needs data with classes, and these name none: choose zoo/vae")
        if not declares(generator, "labels"):
            shape = member(generator, "latent_shape")
            if len(shape) != 1 or shape[0] <= classes:
                raise DoesNotFit(
                    f"zoo/cvae puts the class, {classes} numbers, behind the latent, and this generator takes "
                    f"{' × '.join(map(str, shape))}: give it more, latent: {classes + 16}, or one that takes labels"
                )
            generator = LabelledDecoder(generator, classes)
        return ConditionalGenerator(generator, self._given[0], spec, self.likelihood, self.sigma, classes)
