"""Samples and data sets as codes (N, L): what metrics, views and design count in. Codes from 4 on are ambiguous."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy
from torch import Tensor

from gantk.data import first_of_each, sample_names, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset, Samples
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, bases_in, one_hot, shared_codes
from gantk_dna.weights import COLUMN, copies_of

MOST = 100_000
"""Sequences of a data set that metrics look at, at most."""

Codes = NDArray[np.uint8]
"""Letters as `gantk_dna.alphabet` numbers them: 0 … 3 are A, C, G, T."""


def check_bases(spec: DataSpec) -> None:
    """Refuses samples that are not sequences of bases.

    Raises:
        DoesNotFit: the shape is not (4 or more channels, length), the first four being the bases.
    """
    if spec.unit_axes or len(spec.shape) != 2 or spec.shape[0] < BASES:
        raise DoesNotFit(f"DNA samples are (base, position) with 4 bases or more, not {spec.axes} {spec.shape}")
    if "".join(bases_in(spec)).upper().replace("U", "T") != "ACGT":
        raise DoesNotFit(f"the first four channels of DNA samples are A, C, G, T, not {', '.join(bases_in(spec))}")


def codes_of(samples: Samples) -> Codes:
    """Codes (N, L) of samples: the likeliest base, or the ambiguity code where a column is exactly its shares.

    Sequences that count more than once, by `weight` in their truth, stand there so often, in an order of no meaning.

    Raises:
        DoesNotFit: they are not sequences of bases.
    """
    check_bases(samples.spec)
    parts = [shared_codes(part.detach().cpu()).numpy() for part in samples.samples.split(8192)]
    codes = np.concatenate(parts) if parts else np.zeros((0, samples.spec.shape[1]), np.uint8)
    return codes[counted_rows(samples)]


def counted_rows(samples: Batch) -> NDArray[np.int64]:
    """The number of each sequence, as often as it counts by `weight` in its truth; without one, each once in order."""
    weights = samples.truth.get(COLUMN)
    if weights is None:
        return np.arange(len(samples))
    rows = np.repeat(np.arange(len(samples)), copies_of(weights.cpu().numpy(), MOST))
    return np.random.default_rng(0).permutation(rows)


def codes_in(dataset: Dataset) -> Codes:
    """Codes (N, L) of a data set: all of it, or `MOST` sequences that are always the same. Found once, then kept.

    What counts more than once stands there so often.
    """
    if dataset not in _known:
        check_bases(dataset.spec)
        found = _read(dataset, _some(torch.arange(len(dataset))))
        codes = np.concatenate([codes_of(part) for part in found]) if found else None
        _known[dataset] = np.zeros((0, dataset.spec.shape[1]), np.uint8) if codes is None else codes
    return _known[dataset]


_known: WeakKeyDictionary[Dataset, Codes] = WeakKeyDictionary()


def distinct_in(dataset: Dataset) -> tuple[Codes, list[str] | None]:
    """The different sequences of a data set, each once, and what they are called; `MOST` of them at most.

    Returns:
        (N, L) codes, and (N,) names or None.
    """
    check_bases(dataset.spec)
    chosen = _some(first_of_each(dataset))
    parts = [shared_codes(each.samples).numpy() for each in _read(dataset, chosen)]
    codes = np.concatenate(parts) if parts else np.zeros((0, dataset.spec.shape[1]), np.uint8)
    names = sample_names(dataset, chosen)
    _, first = np.unique(codes, axis=0, return_index=True)
    first = np.sort(first)
    return codes[first], None if names is None else [names[at] for at in first]


def _some(indices: Tensor) -> Tensor:
    """At most `MOST` of them, always the same."""
    if len(indices) <= MOST:
        return indices
    return indices[torch.randperm(len(indices), generator=torch.Generator().manual_seed(0))[:MOST]]


def _read(dataset: Dataset, chosen: Tensor) -> list[Samples]:
    """The samples of these numbers, on the CPU, in parts."""
    batches = (dataset.batch(part, None).to("cpu") for part in chosen.split(8192) if len(part))
    return [Samples(samples=each.samples, truth=each.truth, spec=dataset.spec) for each in batches]


def versions(codes: Codes, like: Dataset) -> list[Codes]:
    """Every version of sequences that a data set treats as the same, (N, L) each, the sequences themselves first.

    Args:
        codes: (N, L).
        like: says which these are: of one with `both_strands`, the sequences and their reverse complements.
    """
    channels = like.spec.shape[0]
    if len(variants(like, torch.zeros(1, channels, codes.shape[1]))) == 1:
        return [codes]
    parts = []
    for part in torch.from_numpy(codes).split(8192):
        samples = one_hot(part)  # (n, 4, L)
        empty = samples.new_zeros(len(samples), channels - BASES, samples.shape[2])
        parts.append([shared_codes(each).numpy() for each in variants(like, torch.cat([samples, empty], 1))])
    return [np.concatenate(each) for each in zip(*parts, strict=True)] if parts else [codes]


def first_version(codes: Codes, like: Dataset) -> Codes:
    """Of each sequence the version that comes first in alphabetical order: equal for those that are the same.

    Args:
        codes: (N, L).
        like: the data set that says which versions are the same.
    """
    best, *others = versions(codes, like)
    for other in others:
        apart = other != best
        first = apart.argmax(1)[:, None]  # where they differ first
        lower = np.take_along_axis(other, first, 1) < np.take_along_axis(best, first, 1)  # (N, 1)
        best = np.where(lower, other, best)
    return best


def random_part(codes: Codes, n: int, rng: torch.Generator) -> Codes:
    """n rows at random (all where there are fewer), in random order."""
    return codes[torch.randperm(len(codes), generator=rng)[:n].numpy()]


G, C = 2, 1


def gc_content(codes: Codes) -> NDArray[np.float64]:
    """Share of G and C among the known letters of each sequence: (N,); .5 where none is known."""
    known = (codes < BASES).sum(1)
    return np.where(known > 0, ((codes == G) | (codes == C)).sum(1) / np.maximum(known, 1), 0.5)


def base_shares(codes: Codes) -> NDArray[np.float64]:
    """Share of each base among the known letters at each position: (4, L); .25 each where none is known."""
    counts = np.stack([(codes == base).sum(0) for base in range(BASES)]).astype(float)
    total = counts.sum(0)
    return np.where(total > 0, counts / np.maximum(total, 1), 1 / BASES)


def information(shares: NDArray[np.float64], n: int | None = None) -> NDArray[np.float64]:
    """Information content of each position, the height of a sequence logo: 2 bits less the entropy.

    Schneider & Stephens 1990 (Nucleic Acids Res. 18:6097), less what n random letters hold by chance, e(n) =
    3 / (2 ln 2 n) (Schneider et al. 1986, J. Mol. Biol. 188:415).

    Args:
        shares: (4, L), each column summing to 1.
        n: sequences that they were counted in; None: without the correction.

    Returns:
        (L,) of 0 … 2 bits.
    """
    chance = 0.0 if n is None else (BASES - 1) / (2 * np.log(2) * max(n, 1))
    return np.maximum(2 + xlogy(shares, shares).sum(0) / np.log(2) - chance, 0)
