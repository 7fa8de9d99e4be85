"""Dense nets for samples of any shape."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec
from gantk_basics.nets.labels import (
    ClassNorm,
    CriticLabels,
    GeneratorLabels,
    LabelledLatent,
    Projection,
    class_count,
    join,
    through,
)
from gantk_basics.nets.layers import dense, spectrally_normalise

Activation = Literal["relu", "leaky_relu", "elu", "tanh"]
Size = Annotated[int, Ge(1)]


def activate(name: Activation) -> nn.Module:
    """The activation of this name; the leaky one has the slope 0.2 below 0.

    Args:
        name: which one.
    """
    known: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(0.2),
        "elu": nn.ELU,
        "tanh": nn.Tanh,
    }
    return known[name]()


class MlpGenerator(nn.Module):
    """Dense layers from the latent to a sample of any shape.

    Args:
        spec: what one sample is.
        latent: length of the latent.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
        labels: how it is told the class. concat: one-hot beside the latent (Mirza & Osindero 2014). embed: the latent
            times a learnt vector of the class. norm: batch normalisation behind each hidden layer, with a scale and
            shift for each class (de Vries et al. 2017).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Size = 64,
        hidden: Sequence[Size] = (128, 128),
        activation: Activation = "relu",
        labels: GeneratorLabels = "none",
    ):
        super().__init__()
        classes = class_count(labels, spec, "basics/mlp")
        if labels == "norm" and not hidden:
            raise DoesNotFit("basics/mlp has `labels: norm` behind its hidden layers, and has none: give it `hidden`")
        self.spec = spec
        self.takes_labels = labels != "none"
        self.latent_shape = (latent,)
        self.told = LabelledLatent(labels, classes, latent)
        sizes = [self.told.outputs, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers.append(nn.Linear(inputs, outputs))
            if labels == "norm":
                layers.append(ClassNorm(nn.BatchNorm1d(outputs, affine=False), classes, outputs))
            layers.append(activate(activation))
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], prod(spec.shape)))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and, where it is told the class, labels (B,) to (B, *spec.shape)."""
        raw = through(self.layers, self.told(latent, labels), labels)
        return into_range(raw.reshape(-1, *self.spec.shape), self.spec)


class MlpCritic(nn.Module):
    """Dense layers from a sample of any shape to its score; where samples have units, each unit has layers of its own.

    Args:
        spec: what one sample is.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
        labels: how it is told the class. concat: one-hot beside the sample's numbers (Mirza & Osindero 2014).
            projection: yᵀ V φ(x) joins the score, with φ the last hidden layer (Miyato & Koyama 2018).
        spectral: spectral normalisation of every weight (Miyato et al. 2018); for samples without units.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Sequence[Size] = (128, 128),
        activation: Activation = "leaky_relu",
        labels: CriticLabels = "none",
        spectral: bool = False,
    ):
        super().__init__()
        classes = class_count(labels, spec, "basics/mlp")
        self.takes_labels = labels != "none"
        self.joined = classes if labels == "concat" else 0
        self.flattened = (*spec.units, -1)
        sizes = [prod(spec.own_shape) + self.joined, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [dense(spec.units, inputs, outputs), activate(activation)]
        self.layers = nn.Sequential(*layers)
        self.head = dense(spec.units, sizes[-1], 1)
        self.projection = Projection(classes, sizes[-1], spec.units) if labels == "projection" else None
        if spectral:
            spectrally_normalise(self, "basics/mlp")

    def features(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, *spec.shape) to (B, *units, F), the last hidden layer; of `labels: concat`, beside labels (B,)."""
        return self.layers(join(samples.reshape(len(samples), *self.flattened), labels, self.joined, -1))

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, *spec.shape) and, where it is told the class, labels (B,) to scores (B, *units)."""
        features = self.features(samples, labels)
        scores = self.head(features).squeeze(-1)
        return scores if self.projection is None else scores + self.projection(features, labels)
