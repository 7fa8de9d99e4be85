"""LAPGAN (Denton et al. 2015): a pyramid of generators, each adding what its size shows more than the next smaller."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, softplus

from gantk.autograd import leaf
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, into_range
from gantk.spec import DataSpec

Count = Annotated[int, Ge(1)]


def smaller(images: Tensor) -> Tensor:
    """d: means of 2 x 2 pixels, (B, C, H, W) to (B, C, H / 2, W / 2)."""
    return avg_pool2d(images, 2)


def larger(images: Tensor) -> Tensor:
    """u: linear between pixels, (B, C, H, W) to (B, C, 2 H, 2 W)."""
    return interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)


def level_shapes(spec: DataSpec, levels: int) -> list[tuple[int, int, int]]:
    """Shapes of I_0, the image itself, to I_K, the smallest.

    Args:
        spec: what one image is.
        levels: K, how often it is halved.

    Raises:
        DoesNotFit: these are no images, or they cannot be halved so often.
    """
    if spec.unit_axes or len(spec.shape) != 3 or spec.categorical:
        raise DoesNotFit(
            f"zoo/pyramid makes and scores single images (channel, y, x), but these samples are "
            f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)}): use basics/mlp, which takes any shape"
        )
    channels, height, width = spec.shape
    if height % 2**levels or width % 2**levels or min(height, width) < 2 ** (levels + 1):
        raise DoesNotFit(
            f"images of {height} x {width} cannot be halved {levels} times down to 2 x 2 or more: give zoo/pyramid "
            "fewer `levels`, or bring the images to another size (data.size)"
        )
    return [(channels, height >> level, width >> level) for level in range(levels + 1)]


class PyramidGenerator(nn.Module):
    """Dense layers make the smallest image; at each larger size convolutions add detail to it.

    I_K = G_K(z_K), I_k = u(I_{k+1}) + G_k(z_k, u(I_{k+1})): equation 5. z_k of the others is one plane of noise, a
    channel beside those of the image. The last sum is cut off at the range of the data.

    Denton et al. 2015, "Deep generative image models using a Laplacian pyramid of adversarial networks", section 2.3.

    Args:
        spec: what one image is.
        levels: K, how often the image is halved.
        latent: numbers of z_K.
        hidden: numbers of each of the two hidden layers of G_K.
        width: channels of each of the two hidden layers of the others.
    """

    def __init__(
        self, spec: DataSpec, *, levels: Count = 1, latent: Count = 32, hidden: Count = 256, width: Count = 32
    ):
        super().__init__()
        shapes = level_shapes(spec, levels)
        self.spec = spec
        self.levels = levels
        self.smallest = shapes[-1]
        self.planes = [shape[1:] for shape in shapes[:-1]]
        self.latent_parts = {"smallest": slice(0, latent)}
        end = latent
        for level in range(levels - 1, -1, -1):  # from coarse to fine, as they are drawn
            self.latent_parts[f"detail{level}"] = slice(end, end + prod(self.planes[level]))
            end += prod(self.planes[level])
        self.latent_shape = (end,)
        self.coarse = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, prod(self.smallest)),
        )
        channels = spec.shape[0]
        self.details = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels + 1, width, 5, padding=2),
                nn.ReLU(),
                nn.Conv2d(width, width, 5, padding=2),
                nn.ReLU(),
                nn.Conv2d(width, channels, 5, padding=2),
            )
            for _ in range(levels)
        )

    def image(self, level: int, latent: Tensor, low: Tensor | None) -> Tensor:
        """I_k of these latents: (B, C, H_k, W_k).

        Args:
            level: k, from 0 for the largest to K.
            latent: of all levels, (B, latent).
            low: u(I_{k+1}), (B, C, H_k, W_k); None for the smallest.
        """
        if low is None:
            raw = self.coarse(latent[:, self.latent_parts["smallest"]])
            return into_range(raw.reshape(-1, *self.smallest), self.spec)
        noise = latent[:, self.latent_parts[f"detail{level}"]].reshape(-1, 1, *self.planes[level])
        return low + self.details[level](torch.cat([low, noise], 1))

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, *spec.shape)."""
        image = self.image(self.levels, latent, None)
        for level in range(self.levels - 1, -1, -1):
            image = self.image(level, latent, larger(image))
        return image if self.spec.range is None else image.clamp(*self.spec.range)


class PyramidCritic(nn.Module):
    """A net for each size of an image: dense layers for the smallest, convolutions for the others.

    Denton et al. 2015, section 3, without its dropout.

    Args:
        spec: what one image is.
        levels: K, how often the image is halved.
        hidden: numbers of each of the two hidden layers of D_K.
        width: channels of each of the two hidden layers of the others.
    """

    def __init__(self, spec: DataSpec, *, levels: Count = 1, hidden: Count = 256, width: Count = 32):
        super().__init__()
        shapes = level_shapes(spec, levels)
        self.levels = levels
        self.judges = nn.ModuleList()
        for channels, height, across in shapes[:-1]:
            self.judges.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, 5, padding=2),
                    nn.LeakyReLU(0.2),
                    nn.Conv2d(width, width, 5, stride=2, padding=2),
                    nn.LeakyReLU(0.2),
                    nn.Flatten(),
                    nn.Linear(width * (height // 2) * (across // 2), 1),
                )
            )
        self.judges.append(
            nn.Sequential(
                nn.Flatten(),
                nn.Linear(prod(shapes[-1]), hidden),
                nn.LeakyReLU(0.2),
                nn.Linear(hidden, hidden),
                nn.LeakyReLU(0.2),
                nn.Linear(hidden, 1),
            )
        )

    def level_scores(self, level: int, images: Tensor) -> Tensor:
        """D_k of images of its size: (B, C, H_k, W_k) to (B,).

        Args:
            level: k, from 0 for the largest to K.
            images: h_k + l_k.
        """
        return self.judges[level](images).squeeze(1)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B,): the mean of what all levels say of an image."""
        scores = []
        for level in range(self.levels + 1):
            scores.append(self.level_scores(level, samples))
            if level < self.levels:
                samples = smaller(samples)
        return torch.stack(scores).mean(0)


class Lapgan(Loss):
    """A conditional GAN at each level of a Laplacian pyramid of the real images; no level is told of another.

    With I_0 = x, I_{k+1} = d(I_k), l_k = u(I_{k+1}) and h_k = I_k - l_k, D = σ(score):

        critic_k    = -E log D_k(h_k + l_k) - E log(1 - D_k(G_k(z_k, l_k) + l_k))
        generator_k = -E log D_k(G_k(z_k, l_k) + l_k)

    and for the smallest, K, the GAN loss of I_K and G_K(z_K). Low-pass images of training are the real ones, so that
    all levels learn at once, and what they make of each other's images is never judged. d and u, which the paper leaves
    open, are means of 2 x 2 pixels and linear interpolation. `r1` adds γ/2 E|∇D_k(I_k)|² (Mescheder et al. 2018) to
    each critic, which the paper does not have.

    Denton et al. 2015, "Deep generative image models using a Laplacian pyramid of adversarial networks", equation 2 and
    section 2.3.

    Args:
        r1: γ, weight of that penalty; 0 switches it off.
    """

    def __init__(self, *, r1: Annotated[float, Ge(0)] = 0.0):
        super().__init__()
        self.r1 = r1

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: other nets than zoo/pyramid, or of other numbers of levels.
        """
        if not isinstance(generator, PyramidGenerator) or not isinstance(critic, PyramidCritic):
            raise DoesNotFit("zoo/lapgan trains the levels of a pyramid: take zoo/pyramid as generator and as critic")
        if generator.levels != critic.levels:
            raise DoesNotFit(
                f"levels: the generator has {generator.levels}, the critic {critic.levels}; give both as many"
            )
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Real and generated images of each level, and the penalty on real ones."""
        terms = {}
        for level, (image, low) in enumerate(self.pyramid(play)):
            with torch.no_grad():
                fake = self.made(play, level, low)
            real = leaf(image) if self.r1 else image
            score = play.critic.level_scores(level, real)
            terms[f"critic_real_{level}"] = softplus(-score).mean()
            terms[f"critic_fake_{level}"] = softplus(play.critic.level_scores(level, fake)).mean()
            if self.r1:
                (slope,) = torch.autograd.grad(score.sum(), real, create_graph=True)
                terms[f"r1_{level}"] = self.r1 / 2 * slope.flatten(1).square().sum(1).mean()
        return terms

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To pass for real at each level."""
        return {
            f"generator_{level}": softplus(-play.critic.level_scores(level, self.made(play, level, low))).mean()
            for level, (_, low) in enumerate(self.pyramid(play))
        }

    @staticmethod
    def pyramid(play: Play) -> list[tuple[Tensor, Tensor | None]]:
        """I_k and l_k of the real images, from the largest to the smallest, which has no l_k."""
        images = [play.real]
        for _ in range(play.critic.levels):
            images.append(smaller(images[-1]))
        return [*((image, larger(below)) for image, below in pairwise(images)), (images[-1], None)]

    @staticmethod
    def made(play: Play, level: int, low: Tensor | None) -> Tensor:
        """G_k(z_k, l_k) + l_k, or G_K(z_K)."""
        generator: Any = play.generator
        return generator.image(level, play.latent, low)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, .5, .999), as DCGAN; the paper has SGD with a falling rate and rising momentum."""
        return adam_defaults(2e-4, (0.5, 0.999))
