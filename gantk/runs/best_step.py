"""Which step is the best so far, by the metric that `keep_best` names, and how long to wait for a better one."""

from __future__ import annotations

from gantk.runs.setup import Parts


def is_better(value: float, best: float | None, better: str | None, reference: float | None) -> bool:
    """Whether `value` beats `best`, for a number that should be higher, lower, or near its reference."""
    if best is None:
        return True
    if better == "near" and reference is not None:
        return abs(value - reference) < abs(best - reference)
    return value < best if better == "lower" else value > best


def out_of_patience(parts: Parts) -> str:
    """Why `train.patience` is over, or "".

    Args:
        parts: of the run; what is due at their step has been measured.
    """
    patience, best = parts.values["train"]["patience"], parts.best
    if patience is None or not best:
        return ""
    every = next(each.every for each in parts.metrics if each.name == best["metric"].partition(".")[0])
    measured = parts.state.step // every - best["step"] // every if every else 0
    if measured < patience:
        return ""
    return f"{best['metric']} has not become better since step {best['step']} (train.patience={patience})"
