"""IcGAN (Perarnau et al. 2016): an encoder behind a conditional GAN: a real sample is given another class."""

from typing import Any

from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, declares, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec
from gantk_zoo.encoders.bigan import Bidirectional


class IcGan(LossWrapper):
    """The loss of a conditional GAN, and an encoder that finds the latents of its samples again.

    Encoder: E ‖z - E_z(G(z, c))‖², the mean over the numbers of a latent; no gradient of it reaches the generator. The
    paper trains its encoder when the GAN is done, this one trains beside it, on the samples as they are then. What the
    paper's second encoder says, the class of a real sample, stands in the data here. `gantk encode RUN` gives the
    latents of real samples, `gantk sample RUN --latents FILE --label 7` makes them anew as sevens.

    Perarnau et al. 2016, "Invertible conditional GANs for image editing".

    Args:
        loss: the conditional GAN's, as a nested `use:`.
        encoder: samples to latents, as a nested `use:`.
    """

    def __init__(self, *, loss: Loss, encoder: nn.Module):
        super().__init__(loss)
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """The generator together with the encoder.

        Raises:
            DoesNotFit: a generator that is not told a class, or latents of another length than the encoder's.
        """
        generator, critic = super().prepare(generator, critic, spec)
        if generator is None or not declares(generator, "labels"):
            raise DoesNotFit("zoo/icgan needs a generator that is told the class: give it `labels: concat`")
        if member(generator, "encode") is not None:
            raise DoesNotFit("zoo/icgan brings an encoder, and the loss that it wraps has one already: wrap another")
        shape: Any = member(generator, "latent_shape")
        encoder = self._given[0]
        at = next(generator.parameters())
        with evaluating(encoder):
            coded = tuple(encoder(at.new_zeros((2, *spec.shape))).shape[1:])
        if shape is None or coded != tuple(shape):
            raise DoesNotFit(
                f"the encoder gives latents of {coded}, the generator takes {shape}: give the encoder as many outputs"
            )
        return Bidirectional(generator, encoder), critic

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The wrapped loss, and `encoder`."""
        terms, wrapped = super().generator_loss(play), play.generator
        assert isinstance(wrapped, Bidirectional) and play.latent is not None
        apart = (wrapped.encode(play.fake.detach()) - play.latent).flatten(1).square().mean(1)
        return {**terms, "encoder": apart.mean()}
