"""The nets of the NIH course "Deep Learning by Example on Biowulf", class 4: its first GAN, on 0/1 strings.

What its slides give is kept: which layers, batch normalisation, no activation between the generator's layers, the
critic's single convolution. What they do not show is a parameter: sizes of latent, channels and kernels.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import scale_to_range
from gantk.spec import DataSpec
from gantk_motif.nets.layers import bits_shape, string_shape

DOUBLINGS = 3  # the generator starts from an eighth of the length
BATCH_MOMENTUM = 0.2  # of new statistics; Keras counts the old ones' share, .8


def initialise(net: nn.Module) -> None:
    """Draws weights as Keras does by default: Glorot uniform (Glorot & Bengio 2010, equation 16), biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.ConvTranspose1d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def doubling(narrow: int, wide: int, kernel: int) -> nn.ConvTranspose1d:
    """A transposed convolution that doubles the length exactly, whatever the kernel ("same" of Keras)."""
    padding = (kernel - 1) // 2
    return nn.ConvTranspose1d(narrow, wide, kernel, 2, padding, output_padding=2 * padding - (kernel - 2))


class CourseGenerator(nn.Module):
    """Dense → (channels, L/8) → two transposed convolutions → one of a single channel → sigmoid.

    Batch normalisation stands behind the dense layer and behind both transposed convolutions. There is no activation
    before the sigmoid: in evaluation mode the logits are an affine function of the latent.

    Args:
        spec: what one sample is: (C, L), L a multiple of 8.
        latent: numbers in one latent; not to be read on the slide.
        channels: of the dense layer's result and of each transposed convolution but the last; not to be read either.
        kernel: letters that one kernel spans; the last transposed convolution spans 3, as on the slide.

    Raises:
        DoesNotFit: the length is not a multiple of 8.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        channels: Annotated[int, Ge(1)] = 32,
        kernel: Annotated[int, Ge(2)] = 16,
    ):
        super().__init__()
        made, length = bits_shape(spec, "motif/course")
        if length % 2**DOUBLINGS:
            near = max(1, round(length / 8)) * 8
            raise DoesNotFit(
                f"motif/course doubles the length three times, so it must be a multiple of 8, not {length}; "
                f"set data.length to {near}, or take motif/dcgan1d"
            )
        self.spec = spec
        self.latent_shape = (latent,)
        short = length // 2**DOUBLINGS
        self.dense = nn.Sequential(
            nn.Linear(latent, short * channels),
            nn.Unflatten(1, (channels, short)),
            nn.BatchNorm1d(channels, momentum=BATCH_MOMENTUM),
        )
        stages: list[nn.Module] = []
        for _ in range(DOUBLINGS - 1):
            stages += [doubling(channels, channels, kernel), nn.BatchNorm1d(channels, momentum=BATCH_MOMENTUM)]
        self.stages = nn.Sequential(*stages, doubling(channels, made, 3))
        initialise(self)

    def forward(self, latent: Tensor) -> Tensor:
        """Samples (B, C, L) within the range of the data, from latents (B, latent)."""
        return scale_to_range(self.stages(self.dense(latent)).sigmoid(), self.spec)


class CourseCritic(nn.Module):
    """One convolution without stride or padding → ReLU → flatten → dense. The sigmoid is the loss's.

    Args:
        spec: what one sample is: (C, L).
        channels: of the convolution; not to be read on the slide.
        kernel: letters that one kernel spans, at most L; not to be read either.

    Raises:
        DoesNotFit: the strings are shorter than the kernel.
    """

    def __init__(self, spec: DataSpec, *, channels: Annotated[int, Ge(1)] = 32, kernel: Annotated[int, Ge(1)] = 16):
        super().__init__()
        seen, length = string_shape(spec, "motif/course")
        if kernel > length:
            raise DoesNotFit(
                f"motif/course sees {kernel} letters at once, but the strings have {length}; "
                f"set critic.kernel to {length} or less"
            )
        self.stages = nn.Sequential(nn.Conv1d(seen, channels, kernel), nn.ReLU(), nn.Flatten())
        self.dense = nn.Linear(channels * (length - kernel + 1), 1)
        initialise(self)

    def features(self, samples: Tensor) -> Tensor:
        """(B, F) from samples (B, C, L)."""
        return self.stages(samples)

    def head(self, features: Tensor) -> Tensor:
        """Scores (B,) from features (B, F)."""
        return self.dense(features)[:, 0]

    def forward(self, samples: Tensor) -> Tensor:
        """Scores (B,) from samples (B, C, L)."""
        return self.head(self.features(samples))
