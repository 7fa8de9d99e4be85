"""How like real profiles predicted ones are as a set: variance, spectrum, gene-gene correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_GENES = 2000


def variance_share(made: Array, real: Array) -> float:
    """Variance over samples, summed over genes, of made profiles as a share of that of real ones: (N, G) each."""
    return float(made.var(0).sum() / max(real.var(0).sum(), 1e-300))


def spectrum(values: Array) -> Array:
    """Eigenvalues of the covariance over samples, the largest first, (min(N, G),): (N, G) given."""
    centred = values - values.mean(0)
    return np.linalg.svd(centred, compute_uv=False) ** 2 / len(values)


def spectrum_distance(made: Array, real: Array) -> float:
    """Σ_k |λ_k(made) - λ_k(real)| / Σ_k λ_k(real): 0 where spectra are equal, 1 where nothing varies.

    Args:
        made: (N, G).
        real: (M, G); with M as N, since eigenvalues depend on how many samples there are.
    """
    one, other = spectrum(made), spectrum(real)
    length = max(len(one), len(other))
    one, other = (np.pad(each, (0, length - len(each))) for each in (one, other))
    return float(np.abs(one - other).sum() / max(other.sum(), 1e-300))


def gamma(made: Array, real: Array) -> float:
    """γ(Dx, Dz) of Viñas et al. 2022: Pearson's r between the upper triangles of the matrices of 1 - r of gene pairs.

    Genes that are constant on either side are left out.

    Args:
        made: (N, G).
        real: (M, G).
    """
    varies = (made.std(0) > 1e-9) & (real.std(0) > 1e-9)
    genes = np.flatnonzero(varies)[:MOST_GENES]
    if len(genes) < 3:
        return 0.0
    upper = np.triu_indices(len(genes), 1)
    one, other = (np.atleast_2d(np.corrcoef(each[:, genes], rowvar=False))[upper] for each in (made, real))
    if one.std() < 1e-12 or other.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
