"""DCGAN for images of any size and channel count (Radford et al. 2016).

Sizes come from the DataSpec. Each stage of the critic halves height and width, rounding down; the generator doubles
them again, and adds the row or column that was lost to rounding. 48 x 80 starts at 3 x 5 with four stages, 28 x 28 at
7 x 7 with two.
"""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.autograd import upsampling
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
from gantk_basics.nets.layers import spectrally_normalise

Normalisation = Literal["batch", "layer", "instance", "none"]
Initialisation = Literal["dcgan", "default"]
Count = Annotated[int, Ge(1)]


def normalise(kind: Normalisation, channels: int, classes: int = 0) -> list[nn.Module]:
    """The normalisation layer of this kind, if any.

    Args:
        kind: over the batch, over all channels of a sample ("layer"), over each channel of a sample ("instance").
        channels: how many channels it sees.
        classes: where there are some, each has a scale and shift of its own.
    """
    if kind == "none":
        return []
    groups, own = 1 if kind == "layer" else channels, not classes
    layer = nn.BatchNorm2d(channels, affine=own) if kind == "batch" else nn.GroupNorm(groups, channels, affine=own)
    return [ClassNorm(layer, classes, channels) if classes else layer]


def start_as_dcgan(module: nn.Module) -> None:
    """Radford et al. 2016, section 3: weights from N(0, 0.02), scales from N(1, 0.02), biases 0.

    Args:
        module: one layer.
    """
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    bias = getattr(module, "bias", None)
    if isinstance(bias, nn.Parameter):
        nn.init.zeros_(bias)


def stage_sizes(spec: DataSpec, stages: int | None, component: str = "basics/dcgan") -> list[tuple[int, int]]:
    """Heights and widths from the image down to where the generator starts.

    Without `stages`: halve while both sides are even and the shorter one stays at 3 or more; then, rounding down,
    while it is above 8, or there are fewer than two stages and it is 4 or more.

    Args:
        spec: what one image is.
        stages: how often to halve, or None.
        component: named in messages.

    Raises:
        DoesNotFit: these are no images, or they cannot be halved so often.
    """
    if spec.unit_axes or len(spec.shape) != 3:
        raise DoesNotFit(
            f"{component} makes and scores single images (channel, y, x), but these samples are "
            f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)}), {spec.unit_axes} of the axes being units; "
            "use nets written for such samples, or basics/mlp, which takes any shape"
        )
    size = (spec.shape[1], spec.shape[2])
    most = min(size).bit_length() - 1
    if not 1 <= (stages or 1) <= most:
        raise DoesNotFit(
            f"images of {size[0]} x {size[1]} can be halved {most} times, not {stages or 1}: "
            + (f"give {component} `stages: {most}` or fewer" if most else "use basics/mlp")
        )
    sizes = [size]
    while len(sizes) <= (most if stages is None else stages):
        height, width = sizes[-1]
        shorter = min(height, width)
        even = height % 2 == 0 and width % 2 == 0 and shorter >= 6
        if stages is None and len(sizes) > 1 and not (even or shorter > 8 or (len(sizes) < 3 and shorter >= 4)):
            break
        sizes.append((height // 2, width // 2))
    return sizes


class Upsampling(nn.ConvTranspose2d):
    """A transposed convolution, 4 x 4 with stride 2 and padding 1, faster for few outputs on a CPU."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, h, w) to (B, C', 2 h, 2 w)."""
        if any(self.output_padding) or output_size is not None:
            return super().forward(input, output_size)
        drawn = upsampling(input, self.weight)
        return drawn if self.bias is None else drawn + self.bias[:, None, None]


class DcganGenerator(nn.Module):
    """A dense layer, then transposed convolutions (4 x 4, stride 2), each followed by normalisation and ReLU.

    Radford et al. 2016, section 3 and figure 1. Channels halve from stage to stage, down to `width` before the last.

    Args:
        spec: what one image is; its range chooses tanh, the logistic function or nothing at the end.
        latent: length of the latent.
        width: channels before the last convolution.
        stages: how often the size doubles; by default as often as fits (48 x 80: four, from 3 x 5).
        normalisation: after each layer but the last.
        initialisation: "dcgan": weights from N(0, 0.02); "default": PyTorch's.
        labels: how it is told the class. concat: one-hot beside the latent (Mirza & Osindero 2014). embed: the latent
            times a learnt vector of the class. norm: normalisation with a scale and shift for each class (de Vries et
            al. 2017).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Count = 100,
        width: Count = 64,
        stages: Count | None = None,
        normalisation: Normalisation = "batch",
        initialisation: Initialisation = "dcgan",
        labels: GeneratorLabels = "none",
    ):
        super().__init__()
        sizes = stage_sizes(spec, stages)[::-1]
        classes = class_count(labels, spec, "basics/dcgan")
        if labels == "norm" and normalisation == "none":
            raise DoesNotFit(
                "basics/dcgan has `labels: norm` in its normalisation, and `normalisation: none` leaves none: "
                "choose batch, layer or instance, or tell it the class by `labels: concat`"
            )
        channels = [width * 2**power for power in range(len(sizes) - 1)][::-1]
        biased = normalisation == "none"
        self.spec = spec
        self.takes_labels = labels != "none"
        self.latent_shape = (latent,)
        self.start = (channels[0], *sizes[0])
        self.memory_format = torch.channels_last
        self.told = LabelledLatent(labels, classes, latent)
        self.project = nn.Linear(self.told.outputs, channels[0] * sizes[0][0] * sizes[0][1], bias=biased)
        own = classes if labels == "norm" else 0
        layers: list[nn.Module] = [*normalise(normalisation, channels[0], own), nn.ReLU(inplace=True)]
        for stage, (size, target) in enumerate(pairwise(sizes)):
            last = stage == len(sizes) - 2
            lost = (target[0] - 2 * size[0], target[1] - 2 * size[1])  # 0 or 1 each
            wide = spec.shape[0] if last else channels[stage + 1]
            layers.append(Upsampling(channels[stage], wide, 4, 2, 1, output_padding=lost, bias=last or biased))
            if not last:
                layers += [*normalise(normalisation, wide, own), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        if initialisation == "dcgan":
            self.apply(start_as_dcgan)
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # the weights of convolutions

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and, where it is told the class, labels (B,) to (B, C, H, W)."""
        features = self.project(self.told(latent, labels)).reshape(-1, *self.start)
        if features.device.type in ("cpu", "cuda"):
            features = features.contiguous(memory_format=self.memory_format)
        return into_range(through(self.layers, features, labels), self.spec)


class DcganCritic(nn.Module):
    """Convolutions (4 x 4, stride 2) with LeakyReLU(0.2), then one dense layer to the score.

    Radford et al. 2016, section 3, who normalise over the batch; here that is a choice, as gradient penalties do not
    allow it, and as real and fake samples can share a forward pass without it.

    Args:
        spec: what one image is.
        width: channels of the first convolution; each further one has twice as many.
        stages: how often the size is halved; by default as often as fits (48 x 80: four, down to 3 x 5).
        normalisation: after each convolution but the first; "batch" is the paper's.
        initialisation: "dcgan": weights from N(0, 0.02); "default": PyTorch's.
        labels: how it is told the class. concat: constant maps beside the channels (Mirza & Osindero 2014).
            projection: yᵀ V φ(x) joins the score, with φ the last convolution's output (Miyato & Koyama 2018).
        spectral: spectral normalisation of every weight (Miyato et al. 2018); with `normalisation: none`, as there.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 64,
        stages: Count | None = None,
        normalisation: Normalisation = "none",
        initialisation: Initialisation = "dcgan",
        labels: CriticLabels = "none",
        spectral: bool = False,
    ):
        super().__init__()
        sizes = stage_sizes(spec, stages)
        classes = class_count(labels, spec, "basics/dcgan")
        self.takes_labels = labels != "none"
        self.joined = classes if labels == "concat" else 0
        layers: list[nn.Module] = []
        inputs = spec.shape[0] + self.joined
        for stage in range(len(sizes) - 1):
            outputs = width * 2**stage
            kind = normalisation if stage else "none"
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=kind == "none"))
            layers += [*normalise(kind, outputs), nn.LeakyReLU(0.2, inplace=True)]
            inputs = outputs
        self.memory_format = torch.channels_last
        self.layers = nn.Sequential(*layers)
        count = inputs * sizes[-1][0] * sizes[-1][1]
        self.head = nn.Linear(count, 1)
        self.projection = Projection(classes, count) if labels == "projection" else None
        if initialisation == "dcgan":
            self.apply(start_as_dcgan)
        if spectral:
            spectrally_normalise(self, "basics/dcgan")
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # the weights of convolutions

    def features(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to (B, F), the last convolution's output; of `labels: concat`, beside labels (B,)."""
        samples = join(samples, labels, self.joined, 1)
        if samples.device.type in ("cpu", "cuda"):
            samples = samples.contiguous(memory_format=self.memory_format)
        return self.layers(samples).flatten(1)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and, where it is told the class, labels (B,) to scores (B,)."""
        features = self.features(samples, labels)
        scores = self.head(features).squeeze(-1)
        return scores if self.projection is None else scores + self.projection(features, labels)
