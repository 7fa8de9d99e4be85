"""Metric `composition`: GC content, the bases at each position, and whether the positions that matter still do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk_dna.alphabet import BASES
from gantk_dna.codes import Codes, base_shares, gc_content, information
from gantk_dna.metrics.baselines import compared, floors_note, too_few

GC_OFF = 0.02
SPREAD_OFF = 0.2
SIGNAL_KEPT = 0.25


class Composition(Metric):
    """GC content and its spread, the bases at each position, and the information content where real data hold some.

    Information content is that of sequence logos, in bits against equal shares of the bases. Positions with a signal
    are those where the training set has at least `signal` bits.

    Args:
        samples: how many generated sequences are judged.
        signal: bits that a position of the training set must hold to count as one with a signal.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 5000, signal: Annotated[float, Interval(gt=0, lt=2)] = 0.15):
        self.samples = samples
        self.signal = signal

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """GC first, then positions; `signal_error` is the largest relative error of the information at a position.

        Raises:
            DoesNotFit: generated and real sequences are of different length.
        """
        sets = compared(inputs, self.samples)
        if sets.generated.shape[1] != sets.training.shape[1]:
            lengths = f"{sets.generated.shape[1]} letters generated, {sets.training.shape[1]} real"
            raise DoesNotFit(f"dna/composition compares positions, but sequences differ in length: {lengths}")
        sizes = {"n": len(sets.generated), "n_reference": len(sets.held_out)}
        gc, real_gc = gc_content(sets.generated), gc_content(sets.held_out)
        real = base_shares(sets.versions(sets.held_out))
        shares = {name: base_shares(sets.versions(each)) for name, each in sets.all.items()}
        trained = base_shares(sets.versions(sets.training))
        distances = {name: _distance(each, real) for name, each in shares.items()}
        reach = 1.96 * float(gc.std()) / len(gc) ** 0.5
        values = {
            "gc": Value(
                float(gc.mean()),
                "near",
                float(real_gc.mean()),
                "share of G and C; held-out real",
                low=float(gc.mean()) - reach,
                high=float(gc.mean()) + reach,
                **sizes,
            ),
            "gc_sd": Value(
                float(gc.std()), "near", float(real_gc.std()), "its spread over sequences; held-out real", **sizes
            ),
            "position_bases": Value(
                distances["generated"], "lower", distances["real"], floors_note(distances), **sizes
            ),
        }
        known = information(trained, len(sets.training))  # (L,) bits
        places = np.flatnonzero(known >= self.signal)
        held_out = information(real, len(sets.held_out))
        contents = {name: information(each, len(sets.all[name])) for name, each in shares.items()}
        invented = contents["generated"] - known  # (L,) bits
        most = int(invented.argmax())
        values["invented"] = Value(
            float(invented[most]),
            "lower",
            float((contents["real"] - known).max()),
            f"bits at {'ACGT'[int(shares['generated'][:, most].argmax())]}{most} beyond the training set; real",
            **sizes,
        )
        values["information"] = Value(
            float(contents["generated"].mean()),
            "near",
            float(held_out.mean()),
            "bits a position, mean; held-out real",
            **sizes,
        )
        values["signal_positions"] = Value(len(places), None, None, self._listed(places))
        if len(places):
            means = {name: float(each[places].mean()) for name, each in contents.items()}
            errors = {name: _worst(each[places], known[places]) for name, each in contents.items()}
            values["signal_information"] = Value(
                means["generated"],
                "near",
                float(known[places].mean()),
                floors_note(means, "bits there, training"),
                **sizes,
            )
            values["signal_error"] = Value(
                errors["generated"],
                "lower",
                _worst(held_out[places], known[places]),
                "worst relative error there",
                **sizes,
            )
            for place in places[np.argsort(-known[places])][:8]:
                best = "ACGT"[int(trained[:, place].argmax())]
                values[f"position_{place}"] = Value(
                    float(contents["generated"][place]),
                    "near",
                    float(known[place]),
                    f"bits at {best}{place}; training",
                    **sizes,
                )
        return values

    def _listed(self, places: NDArray[np.int64]) -> str:
        listed = ", ".join(map(str, places[:20])) + (", …" if len(places) > 20 else "")
        return f"with {self.signal:g} bits or more, from 0: {listed or 'none'}"

    def summary(self, values: Mapping[str, Value]) -> str:
        """GC and positional signal in words."""
        gc, spread = values["gc"], values["gc_sd"]
        few = too_few(gc.n, gc.n_reference)
        if few:
            return f"composition: {few}; GC {gc.value:.3f}, real {gc.reference or 0.0:.3f}"
        n, n_real = gc.n or 1, gc.n_reference or 1
        error = 1.96 * (spread.value**2 / n + (spread.reference or 0.0) ** 2 / n_real) ** 0.5  # of the difference
        off = []
        if abs(gc.value - (gc.reference or 0)) > max(GC_OFF, error):
            off.append(f"GC {gc.value:.3f}, real {gc.reference:.3f}")
        chance = 1.96 * (1 / (2 * n) + 1 / (2 * n_real)) ** 0.5  # relative error of the ratio of two spreads
        if spread.reference and abs(spread.value / spread.reference - 1) > max(SPREAD_OFF, chance):
            off.append(f"its spread {spread.value:.3f}, real {spread.reference:.3f}")
        line = "composition off: " + ", ".join(off) if off else f"composition right: GC {gc.value:.3f}"
        invented = values["invented"]
        if invented.value > max(self.signal, 2 * (invented.reference or 0.0)):
            line += f"; positional signal invented: {invented.value:.2f} {invented.note.rpartition(';')[0]}"
        if "signal_error" not in values:
            return f"{line}; these data have no positional signal"
        wrong, places = values["signal_error"], int(values["signal_positions"].value)
        kept = "kept" if wrong.value <= max(SIGNAL_KEPT, wrong.reference or 0.0) else "weakened or distorted"
        if wrong.value > max(0.75, wrong.reference or 0.0):
            kept = "lost"
        return (
            f"{line}; positional signal {kept}: information at {places} positions within {wrong.value:.0%} of the "
            f"real one (held-out real {wrong.reference or 0.0:.0%})"
        )


def overall_distance(one: Codes, other: Codes) -> float:
    """Total variation distance of the frequencies of the four bases, wherever they stand: 0 … 1."""
    found = [np.bincount(codes[codes < BASES], minlength=BASES) for codes in (one, other)]
    shares = [counts / max(counts.sum(), 1) for counts in found]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Total variation distance of the bases at a position, mean over the positions; 1 where lengths differ."""
    return float(np.abs(one - other).sum(0).mean() / 2) if one.shape == other.shape else 1.0


def _worst(found: NDArray[np.float64], real: NDArray[np.float64]) -> float:
    return float((np.abs(found - real) / real).max())
