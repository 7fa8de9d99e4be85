"""EBGAN (Zhao et al. 2017): the critic is an energy, an autoencoder's error, and pushes fakes up to a margin only."""

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_member
from gantk.spec import DataSpec


def pulling_away(codes: Tensor) -> Tensor:
    """f_PT = 1/(N(N-1)) Σ_i Σ_{j≠i} (s_iᵀs_j / ‖s_i‖‖s_j‖)², 0 where all codes are at right angles and 1 on one line.

    Args:
        codes: of a batch, (N, F); of a batch of one it is 0.
    """
    count = len(codes)
    cosines = normalize(codes.flatten(1), dim=1) @ normalize(codes.flatten(1), dim=1).T
    others = ~torch.eye(count, dtype=torch.bool, device=codes.device)
    return (cosines.square() * others).sum() / max(count * (count - 1), 1)


class Ebgan(Loss):
    """Energies instead of probabilities: low for real samples, and for fakes at least the margin.

    With the energy D, minus the critic's score: critic D(x) + max(0, m - D(G(z))), generator D(G(z)) plus, with a
    weight, the pulling-away term, the mean squared cosine between the codes of a batch's fakes: EBGAN-PT.
    At the equilibrium the fakes are distributed as the data, and D is a constant within [0, m] (theorem 2).

    Zhao et al. 2017, "Energy-based generative adversarial network", sections 2.1 (equations 1 and 2) and 2.4.

    Args:
        margin: m, in units of the energy; of basics/autoencoder that is its error, a mean over the values of a sample.
        pulling_away: weight of the pulling-away term (.1 in the paper); 0 leaves it out.
    """

    def __init__(self, *, margin: Annotated[float, Gt(0)] = 0.5, pulling_away: Annotated[float, Ge(0)] = 0.1):
        super().__init__()
        self.margin = margin
        self.pulling_away = pulling_away

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: a critic whose score is no reconstruction error, one without codes, or no generator.
        """
        if generator is None or not has_member(critic, "reconstruct"):
            raise DoesNotFit(
                "zoo/ebgan needs a generator, and a critic whose score is a reconstruction error with a minus "
                "(it has `reconstruct`), such as basics/autoencoder"
            )
        if self.pulling_away and not has_member(critic, "encode"):
            raise DoesNotFit(
                "the pulling-away term of zoo/ebgan compares the critic's codes, but this critic has no `encode`: "
                "take basics/autoencoder, or loss.pulling_away=0"
            )
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """D(x) and max(0, m - D(G(z)))."""
        real, fake = play.scores()
        return {"critic_real": play.mean(-real), "critic_fake": play.mean(relu(self.margin + fake))}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """D(G(z)), and the pulling-away term."""
        terms = {"generator": play.mean(-play.score(play.fake))}
        if self.pulling_away:
            encode: Any = play.critic.encode
            terms["pulling_away"] = self.pulling_away * pulling_away(encode(play.fake))
        return terms

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(1e-3, 0.5, 0.999), for small images."""
        return adam_defaults(1e-3, (0.5, 0.999))
