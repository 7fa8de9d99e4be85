"""The nets of the conditional WGAN-GP for bulk expression: covariates, embedded, beside the latent and the profile."""

from collections.abc import Mapping, Sequence
from math import isqrt, prod
from typing import Any

import torch
from gantk_basics.nets.mlp import Activation, Size
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples, into_range
from gantk.spec import DataSpec
from gantk_expression.data.landmarks import landmarks_of
from gantk_expression.nets.ggan import dense_layers
from gantk_expression.profiles import LANDMARK_STEPS


def covariates_of(spec: DataSpec, component: str) -> list[dict[str, Any]]:
    """What each number of the condition is: its `name`, and of a categorical one its `values`, which it indexes.

    Raises:
        DoesNotFit: data without covariates as the condition.
    """
    about = [dict(each) for each in spec.attributes.get("condition", ())]
    if spec.condition_shape is None or len(about) != prod(spec.condition_shape):
        raise DoesNotFit(
            f"{component} is told covariates, and these data have none, or do not say what each number of their "
            "condition is (attribute `condition`): of a table, name columns, data.covariates=[tissue, age]"
        )
    return about


class Covariates(nn.Module):
    """Covariates as numbers: of a categorical one with v values ⌊√v⌋ + 1 learnt ones, the others as they are.

    Viñas et al. 2022, "Adversarial generation of gene expression data"; each net has its own.

    Args:
        about: of each covariate its `name`, and of a categorical one its `values`.
    """

    def __init__(self, about: Sequence[Mapping[str, Any]]):
        super().__init__()
        counts = [len(each["values"]) if each.get("values") else 0 for each in about]
        self.numbers = [at for at, count in enumerate(counts) if not count]
        self.categories = [at for at, count in enumerate(counts) if count]
        self.embeddings = nn.ModuleList([nn.Embedding(count, isqrt(count) + 1) for count in counts if count])
        self.outputs = len(self.numbers) + sum(isqrt(count) + 1 for count in counts if count)

    def forward(self, condition: Tensor) -> Tensor:
        """(B, C) to (B, outputs): the continuous ones, then the embedded ones."""
        parts = [condition[:, self.numbers]]
        for at, embedding in zip(self.categories, self.embeddings, strict=True):
            assert isinstance(embedding, nn.Embedding)
            number = condition[:, at].round().long().clamp(0, embedding.num_embeddings - 1)  # no look at the values
            parts.append(embedding(number))
        return torch.cat(parts, 1)


class BulkGenerator(nn.Module):
    """Generator for bulk profiles of given covariates: latent and embedded covariates through two dense layers.

    Viñas et al. 2022, "Adversarial generation of gene expression data".

    Args:
        spec: what one sample is; its condition are covariates.
        latent: length of the latent.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Size = 64,
        hidden: Sequence[Size] = (256, 256),
        activation: Activation = "relu",
    ):
        super().__init__()
        self.spec = spec
        self.about = covariates_of(spec, "expression/bulk")
        self.latent_shape = (latent,)
        self.covariates = Covariates(self.about)
        sizes = [latent + self.covariates.outputs, *hidden]
        self.layers = dense_layers(sizes, activation, 0.0)
        self.last = nn.Linear(sizes[-1], prod(spec.shape))

    @property
    def condition_settings(self) -> dict[str, tuple[str, ...]]:
        """Every covariate, with the values that a categorical one takes; landmark genes are not set one by one."""
        if LANDMARK_STEPS in self.spec.attributes:
            return {}
        return {each["name"]: tuple(map(str, each.get("values") or ())) for each in self.about}

    def condition_from(self, samples: Samples | None, settings: Mapping[str, Any]) -> Tensor:
        """Covariates as they are set, or else those of samples: (N, C), of one row where there are no samples.

        Args:
            samples: with a condition of the same covariates; or, where genes are the condition, with these genes.
            settings: covariate to its value; of a continuous one in the units of its column.

        Raises:
            DoesNotFit: a covariate that neither says.
        """
        if LANDMARK_STEPS in self.spec.attributes and samples is not None:
            return landmarks_of(samples, self.spec)
        given = None if samples is None else samples.condition
        if samples is not None and given is None and len(settings) < len(self.about):
            raise DoesNotFit(f"these samples have no covariates: set {self._unsaid(settings)} (--set NAME=VALUE)")
        if given is None and len(settings) < len(self.about):
            raise DoesNotFit(f"set {self._unsaid(settings)}, too (--set NAME=VALUE)")
        rows = torch.zeros(1, len(self.about)) if given is None else given.clone().float()
        for at, each in enumerate(self.about):
            if each["name"] not in settings:
                continue
            said = settings[each["name"]]
            if each.get("values"):
                rows[:, at] = list(map(str, each["values"])).index(said)
            else:
                rows[:, at] = (said - each.get("mean", 0.0)) / each.get("sd", 1.0)
        return rows

    def _unsaid(self, settings: Mapping[str, Any]) -> str:
        return ", ".join(each["name"] for each in self.about if each["name"] not in settings)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """(B, latent) and covariates (B, C) to (B, *spec.shape)."""
        raw = self.last(self.layers(torch.cat([latent, self.covariates(condition)], 1)))
        return into_range(raw.reshape(-1, *self.spec.shape), self.spec)


class BulkCritic(nn.Module):
    """Critic of bulk profiles beside their covariates, embedded by a table of its own.

    Viñas et al. 2022, "Adversarial generation of gene expression data".

    Args:
        spec: what one sample is; its condition are covariates.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
    """

    def __init__(self, spec: DataSpec, *, hidden: Sequence[Size] = (256, 256), activation: Activation = "relu"):
        super().__init__()
        self.covariates = Covariates(covariates_of(spec, "expression/bulk"))
        sizes = [prod(spec.shape) + self.covariates.outputs, *hidden]
        self.layers = dense_layers(sizes, activation, 0.0)
        self.head = nn.Linear(sizes[-1], 1)

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """(B, *spec.shape) beside covariates (B, C) to scores (B,)."""
        return self.head(self.layers(torch.cat([samples.flatten(1), self.covariates(condition)], 1))).squeeze(1)
