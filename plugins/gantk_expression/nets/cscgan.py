"""The nets of the conditional single-cell GAN: labels in the generator's norms, counts that sum to a library size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Interval, Lt, MinLen
from gantk_basics.nets.labels import ClassNorm, Projection, class_count, through
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.logarithms import gene_count
from gantk_expression.nets.counts import LARGEST_LOG, QUICKER, CountLayer, LibrarySizeLayer, scale_of

Size = Annotated[int, Ge(1)]


class CscganGenerator(nn.Module):
    """Generator of cscGAN: dense layers with a batch normalisation for each cell type, ReLU, and a sum that is given.

    Each hidden layer is dense without bias → batch normalisation with the scale and shift of the class → ReLU; the last
    one is dense → ReLU → library-size layer. Marouf et al. 2020, "Realistic in silico generation and augmentation of
    single-cell RNA-seq data using generative adversarial networks", Methods. Of data that are log(1 + x) the ReLU gives
    logarithms, and the library-size layer scales what they are logarithms of.

    `noise` and `counts` are ours. A net of 128 latents makes genes that vary together; real counts also vary by chance,
    each gene on its own. `noise` adds to each gene a normal number of its own before the ReLU, with a learnt weight;
    `counts` draws molecules by chance (Poisson) from what the net expects, as many a cell as the data have, and has a
    softplus for the ReLU, since chance makes the zeros and an expectation of 0 has no gradient; `zero_inflation` loses
    counts, frequent ones more rarely (`gantk_expression.nets.counts.ZeroInflation`). All of it is part of the latent:
    `cell`, `noise`, `counts`, `zeros` and `depth` may each be held fixed.

    Args:
        spec: what one sample is: numbers of genes, none of them negative.
        latent: length of the latent, without what `noise` and `counts` add.
        hidden: sizes of the hidden layers.
        labels: norm: the scale and shift of each normalisation are those of the class; none: they are the same for all.
        library_size: whether samples are scaled to the sum that the data have (`data.transform: [library_size]`).
        noise: sd of the noise that each gene has of its own, at first, before the ReLU; it is learnt. 0: none.
        counts: whether molecules are drawn by chance.
        zero_inflation: share of cells that lose a gene of which one molecule is expected, at first; it is learnt. Needs
            `counts`; 0: none do.
        depth: molecules in a cell at the median, where `counts` and `library_size` need it; null: as the data say.
        depth_spread: sd of its natural logarithm; null: as the data say.
        memory: over which share of the steps so far the batch statistics are averaged that samples are made with, for a
            long moving average of the weights; 0: over some ten batches, as usual.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Size = 128,
        hidden: Annotated[Sequence[Size], MinLen(1)] = (256, 512, 1024),
        labels: Literal["none", "norm"] = "norm",
        library_size: bool = True,
        noise: Annotated[float, Ge(0)] = 0.0,
        counts: bool = False,
        zero_inflation: Annotated[float, Ge(0), Lt(1)] = 0.0,
        depth: Annotated[float, Gt(0)] | None = None,
        depth_spread: Annotated[float, Ge(0)] | None = None,
        memory: Annotated[float, Interval(ge=0, le=1)] = 0.0,
    ):
        super().__init__()
        genes = gene_count(spec, "expression/cscgan")
        refuse_negative(spec, "expression/cscgan")
        classes = class_count(labels, spec, "expression/cscgan")
        scale, total = scale_of(spec, "expression/cscgan") if library_size or counts else ("counts", None)
        if library_size and total is None:
            raise DoesNotFit(
                "expression/cscgan with `library_size: true` scales what it makes to the sum that samples have, and "
                "these have no common one: let data.transform end with library_size, or give the generator "
                "`library_size: false`"
            )
        if zero_inflation and not counts:
            raise DoesNotFit(
                "expression/cscgan with `zero_inflation` loses counts that it draws: set `counts: true` or "
                "`zero_inflation: 0`"
            )
        self.takes_labels = labels != "none"
        self.logarithms = scale == "log1p" and (library_size or counts)
        chance = {"noise": bool(noise), "counts": counts, "zeros": bool(zero_inflation)}
        sizes = {"cell": latent} | {name: genes for name, drawn in chance.items() if drawn}
        if counts and library_size:
            known = spec.attributes.get("depth") or {}
            typical = depth or known.get("median")
            if typical is None:
                raise DoesNotFit(
                    "expression/cscgan with `counts: true` draws as many molecules a cell as the data have, and these "
                    "do not say how many: give the generator `depth`, the median count of a cell"
                )
            spread = known.get("spread", 0.3) if depth_spread is None else depth_spread
            self.depths: Tensor
            self.register_buffer("depths", torch.tensor([float(typical), float(spread)]))
            sizes["depth"] = 1
        ends = list(accumulate(sizes.values(), initial=0))
        self.latent_parts = {name: slice(*part) for name, part in zip(sizes, pairwise(ends), strict=True)}
        self.latent_shape = (ends[-1],)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([latent, *hidden]):
            affine = not classes
            norm = RememberingNorm(outputs, memory, affine) if memory else nn.BatchNorm1d(outputs, affine=affine)
            layers += [
                nn.Linear(inputs, outputs, bias=False),
                ClassNorm(norm, classes, outputs) if classes else norm,
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(hidden[-1], genes)
        self.noise = nn.Parameter(torch.full((genes,), noise / QUICKER)) if noise else None
        self.scaled = LibrarySizeLayer(total) if library_size and total is not None else nn.Identity()
        self.counted = CountLayer(scale, total if library_size else None, zero_inflation) if counts else None

    def latent_weights(self) -> dict[str, tuple[slice, Tensor]]:
        """What multiplies the numbers for the whole cell; what varies by chance enters at the end."""
        first = self.layers[0]
        assert isinstance(first, nn.Linear)
        return {"cell": (self.latent_parts["cell"], first.weight)}

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and, where it is told the class, labels (B,) to (B, genes)."""
        parts = {name: latent[:, place] for name, place in self.latent_parts.items()}
        raw = self.last(through(self.layers, parts["cell"], labels))
        if self.noise is not None:
            raw = raw + QUICKER * self.noise * parts["noise"]
        values = raw.relu() if self.counted is None else softplus(raw)
        if self.logarithms:
            values = values.clamp(max=LARGEST_LOG).expm1()
        values = self.scaled(values)
        if self.counted is None:
            return values.log1p() if self.logarithms else values
        depth = None
        if "depth" in parts:
            depth = self.depths[0] * (self.depths[1] * parts["depth"]).exp()
        return self.counted(values, parts["counts"], depth, parts.get("zeros"))


class RememberingNorm(nn.BatchNorm1d):
    """Batch normalisation whose running statistics are those of a share of all steps so far, beside averaged weights.

    A moving average of weights has the statistics of the weights as they are (gantk copies them); those of the last ten
    batches are noisy, and wrong where the average is of thousands of steps.

    Args:
        features: length of what is normalised.
        memory: the share, above 0.
        affine: whether it learns a scale and shift.
    """

    def __init__(self, features: int, memory: float, affine: bool):
        super().__init__(features, affine=affine)
        self.usual: float = self.momentum or 0.1
        self.memory = memory

    def at_step(self, step: int) -> None:
        """The weight that the next batches have."""
        self.momentum = min(self.usual, 1 / (self.memory * (step + 1)))


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
        genes = gene_count(spec, "expression/cscgan")
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
