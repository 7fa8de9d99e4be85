"""PertVAE and Dr.VAE: nets that make a treated profile of an untreated one, and say how the cells respond."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_expression.matching import as_trained
from gantk_expression.nets.gaussians import Moments, bounded, drawn
from gantk_expression.nets.transition import LOG_VARIANCE, Given, Transition
from gantk_expression.perturbation import PairLayout
from gantk_expression.transforms import transforms_of

HIDDEN = 200  # of the nets that Dr.VAE adds, as in the authors' code


class PerturbedDecoder(nn.Module):
    """One encoder and one decoder for untreated and treated profiles, and the transition between their latents.

    `forward` makes treated profiles: the control stands in the condition, z₁ is drawn from q(z₁|x₁), z₂ from
    p(z₂|z₁), and the decoder gives the mean of p(x₂|z₂).

    Args:
        generator: the decoder, (B, latents) to (B, genes).
        encoder: profiles to vectors of twice the latents' length.
        spec: of the pairs.
        latents: length of z₁ and z₂.
        given: what the transition depends on.
    """

    def __init__(self, generator: nn.Module, encoder: nn.Module, spec: DataSpec, latents: int, given: Given):
        super().__init__()
        self.spec = spec
        self.layout = PairLayout.of(spec)
        self.generator = generator
        self.encoder = encoder
        self.latents = latents
        self.latent_shape = (2 * latents,)
        self.latent_parts = {"control": slice(0, latents), "treated": slice(latents, 2 * latents)}
        at = next(generator.parameters()).device
        with at:
            self.transition = Transition(spec, latents, given)
            self.log_variance_of_genes = nn.Parameter(torch.zeros(self.layout.genes))

    @property
    def condition_settings(self) -> dict[str, tuple[str, ...]]:
        """What `gantk sample --set` may say of a condition."""
        return {"drug": self.layout.drugs, "dose": ()}

    def condition_from(self, samples: Samples | None, settings: Mapping[str, Any]) -> Tensor:
        """Controls of a file with a drug and a dose, (N, *spec.condition_shape).

        Genes are matched by name, and numbers are transformed as those of the training data were.

        Args:
            samples: untreated profiles with names of their genes.
            settings: `drug`, and `dose` above 0 in the unit of the training data.

        Raises:
            DoesNotFit: no controls, no drug or dose, genes that are missing, or numbers of another kind.
        """
        missing = [name for name in ("drug", "dose") if name not in settings]
        if samples is None or missing:
            what = (
                "controls are missing: --condition controls.h5ad" if samples is None else f"say {' and '.join(missing)}"
            )
            raise DoesNotFit(
                f"{what}; a treated profile is made of a control (--condition), --set drug=… and --set dose=…"
            )
        if not settings["dose"] > 0:
            raise DoesNotFit(f"a dose is above 0, and here it is {settings['dose']:g}")
        controls = as_trained(samples, self.spec.names["gene"], transforms_of(self.spec))
        said = torch.tensor([self.layout.drugs.index(settings["drug"]), log10(settings["dose"])])
        return torch.cat([controls, said.to(controls).expand(len(controls), 2)], 1)

    def posterior(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x): (B, genes) to (B, latents) each."""
        mean, log_variance = self.encoder(samples).chunk(2, 1)
        return mean, bounded(log_variance + LOG_VARIANCE)

    def latents_of(self, condition: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """z₁ and z₂ of controls: (B, latents) each.

        Args:
            condition: (B, *spec.condition_shape), with the controls.
            noise: (B, 2 · latents), from N(0, I); 0 for the means.
        """
        first, second = noise.chunk(2, 1)
        before = drawn(*self.posterior(self.layout.control(condition)), first)
        moved: Moments = self.transition(before, condition)
        return before, drawn(*moved, second)

    def forward(
        self, latent: Tensor, condition: Tensor, *, spread: Annotated[float, Interval(ge=0, le=1)] = 1.0
    ) -> Tensor:
        """(B, 2 · latents) and the condition (B, *spec.condition_shape) to treated profiles (B, genes).

        Args:
            latent: noise of z₁ and z₂.
            condition: control, drug and dose.
            spread: what the noise is multiplied with; 0: the one profile that is expected.
        """
        return self.generator(self.latents_of(condition, spread * latent)[1])


class RespondingDecoder(PerturbedDecoder):
    """The same with the response y: q(y|z₁, z₂ - z₁), q(z₃|z₁, y) and p(z₁|z₃, y), one hidden layer each.

    Args:
        generator: the decoder.
        encoder: profiles to vectors of twice the latents' length.
        spec: of the pairs.
        latents: length of z₁, z₂ and z₃.
        given: what the transition depends on.
        classes: of the response.
    """

    def __init__(
        self, generator: nn.Module, encoder: nn.Module, spec: DataSpec, latents: int, given: Given, classes: int
    ):
        super().__init__(generator, encoder, spec, latents, given)
        self.classes_of_response = classes
        with next(generator.parameters()).device:
            self.classifier = nn.Linear(2 * latents, classes)
            self.encoder_of_cause = _gaussian(latents + classes, latents)
            self.decoder_of_cause = _gaussian(latents + classes, latents)

    def log_response(self, before: Tensor, after: Tensor) -> Tensor:
        """log q(y|z₁, z₂): (B, latents) each to (B, classes)."""
        return self.classifier(torch.cat([before, after - before], 1)).log_softmax(1)

    def cause(self, before: Tensor, response: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z₃|z₁, y): (B, latents) each; y is (B, classes), one-hot."""
        return _moments(self.encoder_of_cause(torch.cat([before, response], 1)))

    def before(self, cause: Tensor, response: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of p(z₁|z₃, y): (B, latents) each; y is (B, classes), one-hot."""
        return _moments(self.decoder_of_cause(torch.cat([cause, response], 1)))

    def response(self, condition: Tensor) -> Tensor:
        """Probabilities of the response from the control alone, at the means of z₁ and z₂: (B, classes).

        Args:
            condition: (B, *spec.condition_shape).
        """
        noise = torch.zeros((condition.shape[0], *self.latent_shape), device=condition.device, dtype=condition.dtype)
        return self.log_response(*self.latents_of(condition, noise)).exp()


def _gaussian(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, 2 * outputs))


def _moments(found: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_variance = found.chunk(2, 1)
    return mean, bounded(log_variance + LOG_VARIANCE)


def is_perturbed(net: Any) -> bool:
    """Whether a net makes treated profiles of untreated ones."""
    return isinstance(net, PerturbedDecoder)
