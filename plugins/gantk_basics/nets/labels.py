"""How nets are told the class of a sample: one piece for all generators, one for all critics.

A net of `labels: none` has the parameters that it would have without this module, drawn in the same order. It says
`takes_labels = False`, so that nobody gives it labels.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

GeneratorLabels = Literal["none", "concat", "embed", "norm"]
CriticLabels = Literal["none", "concat", "projection"]


def class_count(labels: str, spec: DataSpec, component: str) -> int:
    """How many classes a net is told of: 0 for `labels: none`.

    Args:
        labels: the parameter of the net.
        spec: what one sample is.
        component: named in messages: "basics/mlp".

    Raises:
        DoesNotFit: labels are wanted, but the data name no classes.
    """
    if labels == "none":
        return 0
    if not spec.classes:
        raise DoesNotFit(
            f"{component} with `labels: {labels}` is told the class of each sample, but these data have no classes; "
            "leave `labels` out, or choose data with labels"
        )
    return len(spec.classes)


def one_hot(labels: Tensor | None, classes: int, dtype: torch.dtype) -> Tensor:
    """(B,) to (B, classes): 1 for the label's own class, 0 elsewhere.

    Args:
        labels: 0 … classes - 1.
        classes: how many there are.
        dtype: of the result.

    Raises:
        DoesNotFit: there are no labels.
    """
    known = _given(labels)
    return (known.unsqueeze(-1) == torch.arange(classes, device=known.device)).to(dtype)  # no look at the values


def _given(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise DoesNotFit("this net is told the class of each sample, and was given none: give it labels")
    return labels


class LabelledLatent(nn.Module):
    """What the first layer of a generator sees: the latent, and its label by `concat` or `embed`.

    concat: the latent with one more number for each class behind it, 1 for the label's (Mirza & Osindero 2014, section
    3.2, without their hidden layer). embed: the latent times a learnt vector of the class. Otherwise the latent.

    Args:
        labels: how the generator is told.
        classes: how many there are.
        latent: length of the latent.
    """

    def __init__(self, labels: GeneratorLabels, classes: int, latent: int):
        super().__init__()
        self.labels = labels
        self.classes = classes
        self.outputs = latent + classes if labels == "concat" else latent
        self.vectors = nn.Embedding(classes, latent) if labels == "embed" else None

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and labels (B,) to (B, outputs)."""
        if self.labels == "concat":
            return torch.cat([latent, one_hot(labels, self.classes, latent.dtype)], 1)
        return latent if self.vectors is None else latent * self.vectors(_given(labels))


class ClassNorm(nn.Module):
    """A normalisation whose scale and shift are the class's own: γ[y] · norm(x) + β[y], at first 1 and 0.

    De Vries et al. 2017, section 3, with a table in place of their net; Dumoulin et al. 2017, equation 5.

    Args:
        normalised: normalises without a scale and shift of its own: `nn.BatchNorm2d(channels, affine=False)`.
        classes: how many there are.
        channels: of its input.
    """

    def __init__(self, normalised: nn.Module, classes: int, channels: int):
        super().__init__()
        self.normalised = normalised
        self.scale = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, channels, …) and labels (B,) to (B, channels, …)."""
        known = _given(labels)
        shape = (*values.shape[:2], *[1] * (values.dim() - 2))
        return self.normalised(values) * self.scale(known).view(shape) + self.shift(known).view(shape)


def through(layers: nn.Sequential, values: Tensor, labels: Tensor | None) -> Tensor:
    """The layers one behind another; each `ClassNorm` among them is given the labels.

    Args:
        layers: of a generator.
        values: of the first layer.
        labels: (B,), or None where no layer takes them.
    """
    for layer in layers:
        values = layer(values, labels) if isinstance(layer, ClassNorm) else layer(values)
    return values


def join(values: Tensor, labels: Tensor | None, classes: int, axis: int) -> Tensor:
    """Values with the label behind them on one axis: 1 for its own class and 0 for the others, repeated along the rest.

    Of images, on the axis of channels, these are a constant map for each class (Mirza & Osindero 2014).

    Args:
        values: (B, …).
        labels: (B,).
        classes: how many there are, C; 0 leaves the values as they are.
        axis: which axis becomes longer by C.

    Raises:
        DoesNotFit: there are no labels.
    """
    if not classes:
        return values
    if labels is None:
        raise DoesNotFit(
            "the features of a critic with `labels: concat` depend on the class, so a loss or metric that looks at the "
            "features of samples alone cannot have them: give the critic `labels: projection`, or none"
        )
    shape, wide = [len(values)] + [1] * (values.dim() - 1), list(values.shape)
    shape[axis] = wide[axis] = classes
    return torch.cat([values, one_hot(labels, classes, values.dtype).reshape(shape).expand(wide)], axis)


class Projection(nn.Module):
    """What a class adds to a score: yᵀ V φ(x), each unit with a V of its own (Miyato & Koyama 2018, equation 3).

    Args:
        classes: how many there are.
        features: length F of φ(x).
        units: sizes of the unit axes.
    """

    def __init__(self, classes: int, features: int, units: tuple[int, ...] = ()):
        super().__init__()
        self.shape = (*units, features)
        count = features
        for size in units:
            count *= size
        self.direction = nn.Embedding(classes, count)
        nn.init.normal_(self.direction.weight, std=features**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Features (B, *units, F) and labels (B,) to (B, *units)."""
        directions = self.direction(_given(labels)).reshape(-1, *self.shape)
        return (directions * features).sum(-1)
