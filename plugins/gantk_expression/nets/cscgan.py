"""The nets of the conditional single-cell GAN: labels in the generator's norms, counts that sum to a library size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge, MinLen
from gantk_basics.nets.labels import ClassNorm, Projection, class_count, through
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.transforms import LibrarySize, transforms_of

Size = Annotated[int, Ge(1)]


def sample_sum(spec: DataSpec, component: str) -> float:
    """What samples sum to: the target of the step `library_size` of `data.transform`.

    Args:
        spec: of the data.
        component: named in messages: "expression/cscgan".

    Raises:
        DoesNotFit: samples were not scaled to one sum, or were changed afterwards.
    """
    steps = transforms_of(spec)
    if steps and isinstance(steps[-1], LibrarySize):
        return steps[-1].target
    raise DoesNotFit(
        f"{component} with `library_size: true` scales what it makes to the sum that samples have, and these have no "
        "common one: let data.transform end with library_size, or give the generator `library_size: false`"
    )


class LibrarySizeLayer(nn.Module):
    """Scales each sample to one sum, as library-size normalisation does with counts.

    Args:
        total: that sum.
    """

    def __init__(self, total: float):
        super().__init__()
        self.total = total

    def forward(self, values: Tensor) -> Tensor:
        """(B, genes), not negative, to (B, genes) with the sum `total`; a sample of zeros stays one."""
        return values * (self.total / values.sum(1, keepdim=True).clamp(min=1e-6))


class CscganGenerator(nn.Module):
    """Generator of cscGAN: dense layers with a batch normalisation for each cell type, ReLU, and a sum that is given.

    Each hidden layer is dense without bias → batch normalisation with the scale and shift of the class → ReLU; the last
    one is dense → ReLU → library-size layer. Marouf et al. 2020, "Realistic in silico generation and augmentation of
    single-cell RNA-seq data using generative adversarial networks", Methods.

    Args:
        spec: what one sample is: numbers of genes, none of them negative.
        latent: length of the latent.
        hidden: sizes of the hidden layers.
        labels: norm: the scale and shift of each normalisation are those of the class; none: they are the same for all.
        library_size: whether samples are scaled to the sum that the data have (`data.transform: [library_size]`).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Size = 128,
        hidden: Annotated[Sequence[Size], MinLen(1)] = (256, 512, 1024),
        labels: Literal["none", "norm"] = "norm",
        library_size: bool = True,
    ):
        super().__init__()
        genes = vector_length(spec, "expression/cscgan")
        refuse_negative(spec, "expression/cscgan")
        classes = class_count(labels, spec, "expression/cscgan")
        self.takes_labels = labels != "none"
        self.latent_shape = (latent,)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([latent, *hidden]):
            norm = nn.BatchNorm1d(outputs, affine=not classes)
            layers += [
                nn.Linear(inputs, outputs, bias=False),
                ClassNorm(norm, classes, outputs) if classes else norm,
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(hidden[-1], genes)
        self.scaled = LibrarySizeLayer(sample_sum(spec, "expression/cscgan")) if library_size else nn.Identity()

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and, where it is told the class, labels (B,) to (B, genes)."""
        return self.scaled(self.last(through(self.layers, latent, labels)).relu())


class CscganCritic(nn.Module):
    """Critic of cscGAN: dense layers with ReLU and without normalisation, and a projection for the cell type.

    Marouf et al. 2020, Methods; the projection is Miyato & Koyama 2018, equation 3.

    Args:
        spec: what one sample is: a vector of numbers of genes.
        hidden: sizes of the hidden layers.
        labels: projection: yᵀ V φ(x) joins the score, with φ the last hidden layer; none: it is not told the class.
        input: what the first layer sees: samples as they are, or log(1 + x) of them (ours, not the paper's), in which
            rare molecules count as much as frequent ones.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Annotated[Sequence[Size], MinLen(1)] = (1024, 512, 256),
        labels: Literal["none", "projection"] = "projection",
        input: Literal["samples", "log1p"] = "samples",
    ):
        super().__init__()
        genes = vector_length(spec, "expression/cscgan")
        classes = class_count(labels, spec, "expression/cscgan")
        if input == "log1p":
            refuse_negative(spec, "expression/cscgan with `input: log1p`")
        self.takes_labels = labels != "none"
        self.logarithm = input == "log1p"
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([genes, *hidden]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(hidden[-1], 1)
        self.projection = Projection(classes, hidden[-1]) if classes else None

    def features(self, samples: Tensor) -> Tensor:
        """(B, genes) to (B, F), the last hidden layer."""
        return self.layers(samples.clamp(min=0).log1p() if self.logarithm else samples)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, genes) and, where it is told the class, labels (B,) to scores (B,)."""
        features = self.features(samples)
        scores = self.head(features).squeeze(-1)
        return scores if self.projection is None else scores + self.projection(features, labels)


def vector_length(spec: DataSpec, component: str) -> int:
    """How many numbers a sample has.

    Args:
        spec: of the data.
        component: named in messages.

    Raises:
        DoesNotFit: samples are no vectors.
    """
    if len(spec.shape) != 1 or spec.unit_axes or spec.categorical:
        raise DoesNotFit(
            f"{component} takes samples that are vectors, one number for each gene, and these have the axes "
            f"{', '.join(spec.axes)}: take the nets of another plugin"
        )
    return spec.shape[0]


def refuse_negative(spec: DataSpec, component: str) -> None:
    """Raises DoesNotFit where samples may be negative.

    Args:
        spec: of the data.
        component: named in messages.
    """
    numbers = spec.attributes.get("numbers")
    if numbers == "scaled" or (spec.range is not None and spec.range[0] < 0):
        raise DoesNotFit(
            f"{component} makes numbers of 0 and more, and these data have negative ones (they are centred or scaled): "
            "name a layer with counts or their logarithms, leave standardise out of data.transform, or take basics/mlp"
        )
