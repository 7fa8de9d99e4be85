"""Residual nets for images of any size and channel count, of two kinds of block: SN-GAN's and R3GAN's.

Sizes come from the DataSpec, as for basics/dcgan: each stage halves height and width, rounding down, and the generator
draws the size that was halved. Both kinds have stages of blocks, with one change of size and channels each, and differ
in the block, the resampling, and how a vector becomes the first picture and the last picture a vector. With `patch`
the largest stage works on patches of pixels, which is where a net without strides spends most of its time.
"""

from dataclasses import replace
from itertools import pairwise
from math import sqrt
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec
from gantk_basics.nets.dcgan import normalise, stage_sizes
from gantk_basics.nets.labels import (
    CriticLabels,
    GeneratorLabels,
    LabelledLatent,
    Projection,
    class_count,
    join,
    through,
)
from gantk_basics.nets.layers import spectrally_normalise
from gantk_basics.nets.residual_blocks import R3ganBlock, Resampling, SnganBlock, convolution

Block = Literal["sngan", "r3gan"]
End = Literal["squash", "clip"]
Count = Annotated[int, Ge(1)]
NAME = "basics/residual"


def widths(width: int, stages: int, widest: int) -> list[int]:
    """Channels at each size, from the largest picture down: doubled at each stage, up to `widest`.

    Args:
        width: channels at the largest size.
        stages: how often the size is halved.
        widest: most channels; never less than `width`.
    """
    return [min(width * 2**stage, max(widest, width)) for stage in range(stages + 1)]


def patch_sizes(spec: DataSpec, stages: int | None, patch: int) -> list[tuple[int, int]]:
    """Heights and widths in patches, from the largest stage down.

    Args:
        spec: what one image is.
        stages: how often the size is halved, or None.
        patch: side of a patch, in pixels.

    Raises:
        DoesNotFit: these are no images, their sides are no multiples of the patch, or cannot be halved so often.
    """
    if patch == 1 or len(spec.shape) != 3 or spec.unit_axes:
        return stage_sizes(spec, stages, NAME)
    channels, height, width = spec.shape
    if height % patch or width % patch:
        raise DoesNotFit(
            f"images of {height} x {width} do not divide into patches of {patch} x {patch}: give basics/residual "
            "`patch: 1`, or the data another `size`"
        )
    return stage_sizes(replace(spec, shape=(channels, height // patch, width // patch)), stages, NAME)


class ResidualGenerator(nn.Module):
    """A dense layer, then stages that double the size, each of residual blocks.

    sngan: Miyato et al. 2018, table 3: blocks with batch normalisation and nearest neighbours, then batch
    normalisation, ReLU, a 3 x 3 convolution. r3gan: Huang et al. 2024, figure 3: each number of a dense layer scales a
    learnt picture, blocks without normalisation, bilinear resampling, a 1 x 1 convolution. Other than in these papers:
    channels double from stage to stage up to `widest`, edges are repeated where images are made smooth, and r3gan's
    samples end in the range of the data, too.

    Args:
        spec: what one image is; its range chooses tanh, the logistic function or nothing at the end.
        latent: length of the latent.
        width: channels at the full size; twice as many at each smaller one.
        widest: most channels.
        stages: how often the size doubles; by default as often as fits (48 x 80: four, from 3 x 5).
        block: "sngan" or "r3gan".
        blocks: residual blocks at each size; 1 in SN-GAN, 2 in R3GAN.
        group: channels that a 3 x 3 kernel of r3gan sees (16 in the authors' settings).
        patch: side of the squares of pixels that the largest stage takes for one place, through a 3 x 3 convolution; 1,
            as in the papers: each pixel is a place.
        end: squash: by tanh or the logistic function to the range of the data. clip: in training as it comes, as R3GAN
            ends in a convolution, and cut off at the range when samples are drawn; dark pixels keep their gradients.
        labels: how it is told the class. concat: one-hot beside the latent (Mirza & Osindero 2014). embed: the latent
            times a learnt vector of the class. norm, for sngan: a scale and shift for each class in the batch
            normalisation (de Vries et al. 2017).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Count = 128,
        width: Count = 64,
        widest: Count = 512,
        stages: Count | None = None,
        block: Block = "sngan",
        blocks: Count = 1,
        group: Count = 16,
        patch: Count = 1,
        end: End = "squash",
        labels: GeneratorLabels = "none",
    ):
        super().__init__()
        sizes = patch_sizes(spec, stages, patch)[::-1]
        channels = widths(width, len(sizes) - 1, widest)[::-1]
        classes = class_count(labels, spec, NAME)
        if labels == "norm" and block == "r3gan":
            raise DoesNotFit(
                "basics/residual has `labels: norm` in its batch normalisation, and `block: r3gan` has none: choose "
                "`labels: concat` or `labels: embed`, or `block: sngan`"
            )
        own = classes if labels == "norm" else 0
        self.spec, self.patch, self.end = spec, patch, end
        drawn = spec.shape[0] * patch**2
        self.takes_labels = labels != "none"
        self.latent_shape = (latent,)
        self.start = (channels[0], *sizes[0])
        self.memory_format = torch.channels_last
        self.told = LabelledLatent(labels, classes, latent)
        self.basis: nn.Parameter | None = None
        made: list[nn.Module] = []
        if block == "r3gan":
            self.project = nn.Linear(self.told.outputs, channels[0], bias=False)
            nn.init.normal_(self.project.weight, 0.0, self.told.outputs**-0.5)
            self.basis = nn.Parameter(torch.randn(self.start))
            made += [R3ganBlock(channels[0], group, len(sizes) * blocks) for _ in range(blocks)]
            for (inputs, outputs), size in zip(pairwise(channels), sizes[1:], strict=True):
                made.append(Resampling(inputs, outputs, size, up=True))
                made += [R3ganBlock(outputs, group, len(sizes) * blocks) for _ in range(blocks)]
            self.last = nn.Sequential(convolution(channels[-1], drawn, 1 if patch == 1 else 3, 1.0))
        else:
            self.project = nn.Linear(self.told.outputs, channels[0] * sizes[0][0] * sizes[0][1])
            for (inputs, outputs), size in zip(pairwise(channels), sizes[1:], strict=True):
                for number in range(blocks):
                    before, to = (outputs, None) if number else (inputs, size)
                    made.append(SnganBlock(before, outputs, to, up=True, normalised=True, classes=own))
            output = convolution(channels[-1], drawn, 3, 1.0, bias=True)
            self.last = nn.Sequential(*normalise("batch", channels[-1], own), nn.ReLU(), output)
        self.blocks = nn.ModuleList(made)
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # the weights of convolutions

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and, where it is told the class, labels (B,) to (B, C, H, W)."""
        made = self.project(self.told(latent, labels))
        values = made.reshape(-1, *self.start) if self.basis is None else made[:, :, None, None] * self.basis
        if values.device.type in ("cpu", "cuda"):
            values = values.contiguous(memory_format=self.memory_format)
        for block in self.blocks:
            values = block(values, labels)
        drawn = through(self.last, values, labels)
        if self.patch > 1:
            drawn = F.pixel_shuffle(drawn, self.patch)
        if self.end == "squash" or self.spec.range is None or self.spec.categorical:
            return into_range(drawn, self.spec)
        low, high = self.spec.range
        drawn = (high + low) / 2 + (high - low) / 2 * drawn
        return drawn if self.training else drawn.clamp(low, high)


class ResidualCritic(nn.Module):
    """Stages of residual blocks that halve the size, then a vector of features and one dense layer to the score.

    sngan: Miyato et al. 2018, table 3: blocks with spectral normalisation and mean pooling, two more at the smallest
    size, ReLU, the sum over places. r3gan: Huang et al. 2024, figure 3: a 1 x 1 convolution, blocks without
    normalisation, bilinear resampling, and in the end a learnt picture that weighs the places of each channel. Nothing
    is normalised over a batch, so gradient penalties fit.

    Args:
        spec: what one image is.
        width: channels at the full size (r3gan) or behind the first block (sngan); twice as many at each smaller size.
        widest: most channels.
        stages: how often the size is halved; by default as often as fits (48 x 80: four, down to 3 x 5).
        block: "sngan" or "r3gan".
        blocks: residual blocks at each size; 1 in SN-GAN, 2 in R3GAN.
        group: channels that a 3 x 3 kernel of r3gan sees (16 in the authors' settings).
        patch: side of the squares of pixels that the largest stage takes for one place, through a 3 x 3 convolution; 1,
            as in the papers: each pixel is a place.
        labels: how it is told the class. concat: constant maps beside the channels (Mirza & Osindero 2014).
            projection: yᵀ V φ(x) joins the score (Miyato & Koyama 2018).
        spectral: spectral normalisation of every weight (Miyato et al. 2018); null: as the paper of the block, with
            for sngan. r3gan cannot have it.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 64,
        widest: Count = 512,
        stages: Count | None = None,
        block: Block = "sngan",
        blocks: Count = 1,
        group: Count = 16,
        patch: Count = 1,
        labels: CriticLabels = "none",
        spectral: bool | None = None,
    ):
        super().__init__()
        sizes = patch_sizes(spec, stages, patch)
        channels = widths(width, len(sizes) - 1, widest)
        classes = class_count(labels, spec, NAME)
        self.takes_labels = labels != "none"
        self.joined = classes if labels == "concat" else 0
        self.memory_format = torch.channels_last
        self.basis: nn.Parameter | None = None
        made: list[nn.Module] = []
        self.patch = patch
        seen = (spec.shape[0] + self.joined) * patch**2
        if block == "r3gan":
            made.append(convolution(seen, channels[0], 1 if patch == 1 else 3, 1.0))
            for (inputs, outputs), size in zip(pairwise(channels), sizes[1:], strict=True):
                made += [R3ganBlock(inputs, group, len(sizes) * blocks) for _ in range(blocks)]
                made.append(Resampling(inputs, outputs, size, up=False))
            made += [R3ganBlock(channels[-1], group, len(sizes) * blocks) for _ in range(blocks)]
            self.basis = nn.Parameter(torch.randn(channels[-1], *sizes[-1]) / sqrt(sizes[-1][0] * sizes[-1][1]))
        else:
            wide = channels[:-1]
            for stage, ((inputs, outputs), size) in enumerate(zip(pairwise([seen, *wide]), sizes[1:], strict=True)):
                for number in range(blocks):
                    before, to = (outputs, None) if number else (inputs, size)
                    made.append(SnganBlock(before, outputs, to, raw=stage == number == 0))
            made += [SnganBlock(wide[-1], wide[-1], None) for _ in range(2)]
        self.blocks = nn.ModuleList(made)
        count = channels[-1] if block == "r3gan" else channels[-2]
        self.head = nn.Linear(count, 1, bias=block == "sngan")
        self.projection = Projection(classes, count) if labels == "projection" else None
        if spectral and block == "r3gan":
            raise DoesNotFit(
                "basics/residual with `block: r3gan` starts the last convolution of each block at zero, which no "
                "spectral norm divides: leave `spectral` out, or choose `block: sngan`"
            )
        if spectral if spectral is not None else block == "sngan":
            spectrally_normalise(self, NAME)
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # the weights of convolutions

    def features(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to (B, F); of `labels: concat`, beside labels (B,)."""
        values = join(samples, labels, self.joined, 1)
        if self.patch > 1:
            values = F.pixel_unshuffle(values, self.patch)
        if values.device.type in ("cpu", "cuda"):
            values = values.contiguous(memory_format=self.memory_format)
        for block in self.blocks:
            values = block(values)
        return values.relu().sum((2, 3)) if self.basis is None else (values * self.basis).sum((2, 3))

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and, where it is told the class, labels (B,) to scores (B,)."""
        features = self.features(samples, labels)
        scores = self.head(features).squeeze(-1)
        return scores if self.projection is None else scores + self.projection(features, labels)
