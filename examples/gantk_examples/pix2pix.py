"""pix2pix (Isola et al. 2017): from one picture to another of the same thing, learnt from pairs."""

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares, into_range
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


class Translator(nn.Module):
    """A small U-Net from a condition to a sample of the same height and width. Its only noise is dropout in training.

    Isola et al. 2017, section 3.2.1; they keep dropout when they sample, here equal conditions give equal samples.

    Args:
        spec: what one sample is; its condition must be an image of the same height and width, both multiples of 4.
        width: channels of the first layer.
        dropout: share of the innermost channels that is dropped in training.
    """

    latent_shape = None

    def __init__(self, spec: DataSpec, *, width: Size = 16, dropout: Annotated[float, Ge(0)] = 0.5):
        super().__init__()
        given = spec.condition_shape
        if spec.unit_axes or len(spec.shape) != 3 or given is None or given[1:] != spec.shape[1:]:
            raise DoesNotFit(
                "examples/translator makes an image (channel, y, x) from another of the same height and width, but "
                f"samples are {spec.shape} and their condition is {given}; examples/channel_pairs makes such data"
            )
        if spec.categorical or spec.shape[1] % 4 or spec.shape[2] % 4:
            raise DoesNotFit(f"examples/translator halves images twice: {spec.shape[1:]} must be multiples of 4")
        self.spec = spec
        self.outer = nn.Sequential(nn.Conv2d(given[0], width, 4, 2, 1), nn.LeakyReLU(0.2))  # 1/2
        self.inner = nn.Sequential(
            nn.Conv2d(width, 2 * width, 4, 2, 1),  # 1/4
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, 1, 1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),  # 1/2
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.last = nn.ConvTranspose2d(2 * width, spec.shape[0], 4, 2, 1)

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        """No latent and conditions (B, *spec.condition_shape) to samples (B, *spec.shape)."""
        seen = self.outer(condition)  # (B, W, H/2, W/2)
        raw = self.last(torch.cat([seen, self.inner(seen)], 1))
        return into_range(raw, self.spec, "sigmoid")


class PatchCritic(nn.Module):
    """Scores overlapping patches of images that it sees beside their condition (Isola et al. 2017, section 3.2.2).

    Args:
        spec: what one sample is; its condition must be an image of the same height and width.
        width: channels of the first layer.
    """

    def __init__(self, spec: DataSpec, *, width: Size = 16):
        super().__init__()
        given = spec.condition_shape
        if spec.unit_axes or len(spec.shape) != 3 or given is None or given[1:] != spec.shape[1:]:
            raise DoesNotFit("examples/patches sees images beside a condition of the same height and width")
        self.layers = nn.Sequential(
            nn.Conv2d(given[0] + spec.shape[0], width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, 1, 1),
        )

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """(B, *spec.shape) beside (B, *spec.condition_shape) to scores (B, h, w)."""
        return self.layers(torch.cat([condition, samples], 1)).squeeze(1)


class Pix2Pix(Loss):
    """The GAN loss under a critic that sees the condition, and the distance to the sample that belongs to it.

    Critic: half of -E log D(x, y) - E log(1 - D(x, G(x, z))), with D = σ(score). Generator: -E log D(x, G(x, z)), and
    λ E ‖y - G(x, z)‖₁, as the mean over the values of a sample, which is how the authors' code takes it.
    Under a critic that takes no condition the first part is their equation 2.

    Isola et al. 2017, "Image-to-image translation with conditional adversarial networks", equations 1, 3 and 4, and
    section 3.3 for the half and for -log D in place of log(1 - D).

    Args:
        weight: λ of the distance.
    """

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 100.0):
        super().__init__()
        self.weight = weight

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: data without a condition, or a generator that takes none.
        """
        if spec.condition_shape is None:
            raise DoesNotFit("examples/pix2pix needs data with a condition, such as examples/channel_pairs")
        if generator is not None and not declares(generator, "condition"):
            raise DoesNotFit("examples/pix2pix needs a generator that takes a condition, such as examples/translator")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Pairs with a real second half against pairs with a fake one."""
        real, fake = play.scores()
        return {"critic_real": play.mean(softplus(-real)) / 2, "critic_fake": play.mean(softplus(fake)) / 2}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To pass for real, and to be near the truth."""
        return {
            "generator": play.mean(softplus(-play.score(play.fake))),
            "distance": self.weight * play.mean((play.real - play.fake).abs()),
        }

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Isola et al. 2017, section 3.3: Adam(2e-4, 0.5, 0.999)."""
        return adam_defaults(2e-4, (0.5, 0.999))
