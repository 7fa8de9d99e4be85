"""The nets of the course "Object-oriented GANs" (UTSW) for images, as its slides describe them.

What the slides give is kept: strided (transposed) convolutions, batch normalisation after every layer, ReLU in both
nets, a sigmoid at both ends. What they do not show is a parameter: sizes of latent and layers.
"""

from itertools import pairwise
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from gantk.interfaces import into_range
from gantk.spec import DataSpec
from gantk_basics.nets.dcgan import stage_sizes, start_as_dcgan

Count = Annotated[int, Ge(1)]


class CourseGenerator(nn.Module):
    """Dense layer, transposed convolutions (4 x 4, stride 2), normalised over the batch, with ReLU; at last a sigmoid.

    The sigmoid is scaled to the range of the data: from -1 to 1 it is tanh of half the argument, the end of
    `basics/dcgan` but for the size of the last weights.

    Args:
        spec: what one image is.
        latent: numbers in one latent; not on the slides.
        width: channels before the last convolution, twice as many a stage before; not on the slides.
        stages: how often the size doubles; by default as often as fits (28 x 28: twice, from 7 x 7).
    """

    def __init__(self, spec: DataSpec, *, latent: Count = 100, width: Count = 64, stages: Count | None = None):
        super().__init__()
        sizes = stage_sizes(spec, stages)[::-1]
        channels = [width * 2**power for power in range(len(sizes) - 1)][::-1]
        self.spec = spec
        self.latent_shape = (latent,)
        self.start = (channels[0], *sizes[0])
        self.project = nn.Linear(latent, channels[0] * sizes[0][0] * sizes[0][1], bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(channels[0]), nn.ReLU()]
        for (size, target), (narrow, wide) in zip(pairwise(sizes), pairwise([*channels, spec.shape[0]]), strict=True):
            last = target == sizes[-1]
            lost = (target[0] - 2 * size[0], target[1] - 2 * size[1])  # 0 or 1 each
            layers.append(nn.ConvTranspose2d(narrow, wide, 4, 2, 1, output_padding=lost, bias=last))
            layers += [] if last else [nn.BatchNorm2d(wide), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.apply(start_as_dcgan)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, C, H, W)."""
        features = self.project(latent).reshape(-1, *self.start)
        return into_range(self.layers(features), self.spec, "sigmoid")


class CourseCritic(nn.Module):
    """Convolutions (4 x 4, stride 2), batch normalisation and ReLU behind each, then a dense layer to the score.

    The score is the argument of the course's last sigmoid, which the loss applies: σ(score) is its probability of
    "real".

    Args:
        spec: what one image is.
        width: channels of the first convolution, twice as many a stage later; not on the slides.
        stages: how often the size is halved; by default as often as fits.
    """

    def __init__(self, spec: DataSpec, *, width: Count = 64, stages: Count | None = None):
        super().__init__()
        sizes = stage_sizes(spec, stages)
        channels = [spec.shape[0], *(width * 2**stage for stage in range(len(sizes) - 1))]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels[-1] * sizes[-1][0] * sizes[-1][1], 1)
        self.apply(start_as_dcgan)

    def features(self, samples: Tensor) -> Tensor:
        """(B, C, H, W) to (B, F), behind the last ReLU."""
        return self.layers(samples).flatten(1)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, C, H, W) to scores (B,)."""
        return self.head(self.features(samples)).squeeze(-1)
