"""Augmentation of sequences before a critic: against strings that are moved and complemented letter by letter."""

from __future__ import annotations

import pytest
import torch
from gantk_dna.losses import AugmentedSequences, SequencePolicy
from torch import Tensor, nn

from gantk.cli import run_command_line
from gantk.interfaces import Batch, Play
from gantk.randomness import Streams
from gantk.spec import DataSpec

LENGTH, BATCH = 9, 64
SPEC = DataSpec(
    (4, LENGTH), ("base", "position"), range=(0.0, 1.0), categorical=True, names={"base": ("A", "C", "G", "T")}
)
PAIRS = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}


def as_text(sample: Tensor) -> str:
    return "".join("N" if column.max() < 0.9 else "ACGT"[int(column.argmax())] for column in sample.T)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4 * LENGTH, dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return torch.tanh(samples.flatten(1) @ self.weight)


def play_of(side: str = "critic") -> Play:
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(1)
    real, made = (
        nn.functional.one_hot(torch.randint(4, (BATCH, LENGTH), generator=rng), 4).transpose(1, 2).double()
        for _ in range(2)
    )
    streams = Streams(3, side, 0, 0, torch.device("cpu"))
    play = Play(side, nn.Identity(), Linear(), SPEC, lambda: Batch(real), streams, batch=BATCH)  # type: ignore[arg-type]
    play.fake = made
    return play


def test_sequences_are_moved_and_read_from_the_other_strand() -> None:
    policy = SequencePolicy(shift=3)
    play = play_of()
    drawn = policy.draw(play, torch.tensor(0.8))
    changed = policy.apply(play.real, drawn, SPEC)
    kinds = set()
    for before, after, moved, turned in zip(play.real, changed, drawn["moves"], drawn["reversed"], strict=True):
        text, by = as_text(before), int(moved)
        if turned:
            text = "".join(PAIRS[letter] for letter in reversed(text))
        text = ("N" * by + text)[:LENGTH] if by >= 0 else text[-by:] + "N" * -by
        assert as_text(after) == text
        kinds.add((by, bool(turned)))
    assert {by for by, _ in kinds} == set(range(-3, 4)) and {turned for _, turned in kinds} == {True, False}
    assert torch.allclose(changed.sum(1), torch.ones(BATCH, LENGTH, dtype=torch.float64))


def test_terms_are_those_of_changed_sequences() -> None:
    from gantk_basics.losses.gan import Gan

    loss = AugmentedSequences(loss=Gan(r1=1.0), probability=0.8)
    play, other = play_of(), play_of()
    drawn = loss.policy.draw(other, torch.tensor(0.8))
    expected = Gan().critic_loss
    terms = loss.critic_loss(play)
    other.data = Batch(loss.policy.apply(other.real, drawn, SPEC))
    other.fake = loss.policy.apply(other.fake, drawn, SPEC)
    for name, value in expected(other).items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-12)
    assert terms["r1"] > 0


@pytest.mark.parametrize(
    ("recipe", "overrides", "told"),
    [
        ("dna_planted", ["loss.policy.shift=5000"], "out of sight"),
        ("digits_dcgan", [], "DNA samples are"),
    ],
)
def test_mistakes(recipe: str, overrides: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["validate", recipe, "loss.use=dna/augmented", "loss.loss={use: basics/gan}", *overrides]
    assert run_command_line(line) == 1
    assert told in " ".join(capsys.readouterr().err.split())
