"""The data set: every string holds the motif, at uniformly random places, and a seed means the same strings."""

from __future__ import annotations

import pytest
import torch
from gantk_motif.data import MotifStrings
from gantk_motif.motifs import as_bits, occurrences
from scipy.stats import chisquare

from gantk.data import take
from gantk.errors import DataError
from gantk.interfaces import SPLITS


def test_samples_are_what_the_spec_says() -> None:
    data = MotifStrings("train", length=60, samples=20, motif="1100")
    batch = data.batch(torch.tensor([3, 0, 3]), torch.Generator().manual_seed(0))
    assert batch.samples.shape == (3, *data.spec.shape) == (3, 1, 60)
    assert batch.samples.is_floating_point() and set(batch.samples.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(batch.samples[0], batch.samples[2])
    assert data.spec.attributes["motif"] == "1100"
    assert data.stored.dtype == torch.uint8


def test_motif_stands_at_every_place_equally_often() -> None:
    data = MotifStrings("train", length=128, samples=20_000)
    found = occurrences(data.stored[:, 0], as_bits("1100110011001100"))
    assert found.any(1).all()
    starts = data.truth["start"]
    assert found[torch.arange(len(data)), starts].all()
    assert chisquare(torch.bincount(starts, minlength=113).numpy()).pvalue > 1e-3


def test_letters_outside_the_motif_are_fair_coins() -> None:
    data = MotifStrings("train", samples=20_000, motif="1111")
    letters, starts = data.stored[:, 0].float(), data.truth["start"]
    outside = torch.ones_like(letters).scatter_(1, starts[:, None] + torch.arange(4), 0)
    share = float((letters * outside).sum() / outside.sum())
    assert abs(share - 0.5) < 5 * 0.5 / float(outside.sum()) ** 0.5


def test_same_seed_same_strings_and_splits_differ() -> None:
    splits = {split: take(MotifStrings(split, samples=50, held_out=50), 50) for split in SPLITS}
    again = take(MotifStrings("test", samples=99, held_out=50), 50)  # the size of another split changes nothing
    assert torch.equal(splits["test"].samples, again.samples)
    assert not torch.equal(splits["train"].samples, splits["validation"].samples)
    assert not torch.equal(splits["validation"].samples, splits["test"].samples)
    other = take(MotifStrings("test", held_out=50, seed=1), 50)
    assert not torch.equal(splits["test"].samples, other.samples)


def test_a_motif_longer_than_the_strings_is_refused_with_the_cure() -> None:
    with pytest.raises(DataError, match="set length to 16 or more"):
        MotifStrings("train", length=10)
