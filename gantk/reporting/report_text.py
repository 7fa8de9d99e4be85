"""What a report says in words: what was run, on what, how long it took, and what to beware of."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from gantk.class_counts import in_words, too_few
from gantk.components.schedules import Schedule, Span, found_in, is_resolved
from gantk.messages import duration
from gantk.plots import Chart
from gantk.reporting.winning_critic import remedies
from gantk.training.schedules import rate_factor

Lines = Sequence[Mapping[str, Any]]


class Numbers:
    """What a report needs of metrics.jsonl, which may have millions of lines: of those of a step, its time alone.

    Args:
        lines: of the file; read as `passing` is gone through.
    """

    def __init__(self, lines: Iterable[Mapping[str, Any]]):
        self._lines = lines
        self.steps = array("d")
        self.seconds = array("d")
        self.others: list[Mapping[str, Any]] = []  # metrics, diversity, restorations

    def passing(self) -> Iterator[Mapping[str, Any]]:
        """The lines, one after another; afterwards all is known."""
        for line in self._lines:
            if isinstance(line.get("seconds"), int | float):
                self.steps.append(line["step"])
                self.seconds.append(line["seconds"])
            else:
                self.others.append(line)
            yield line

    @property
    def done(self) -> int:
        """The last step that anything is known of."""
        return int(max(max(self.steps, default=0), max((line["step"] for line in self.others), default=0)))

    @property
    def trained(self) -> float:
        """Seconds of training, in all sessions."""
        return max(self.seconds, default=0.0)


def steps_of(resolved: Mapping[str, Any]) -> int | None:
    """How many steps the recipe asks for, where it says so in steps."""
    return resolved["train"].get("steps")


def headline(numbers: Numbers, resolved: Mapping[str, Any]) -> str:
    """One sentence: how far it got, in what time."""
    step, seconds = numbers.done, numbers.trained
    wanted = steps_of(resolved)
    far = f"{step:,} steps" if wanted in (None, step) else f"{step:,} of {wanted:,} steps"
    return f"{far} in {duration(seconds)}"


def warnings(
    numbers: Numbers, history: Lines, env: Mapping[str, Any], resolved: Mapping[str, Any], judged: int | None
) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    if env.get("data_origin", "real") != "real":
        found.append(
            f"The data are {env['data_origin']}, not real. What is generated here is modelled on a simulation."
        )
    classes = env.get("data_classes", {})
    found += [f"{text[0].upper()}{text[1:]}." for text in too_few(classes.get("train", {}), classes.get("test", {}))]
    collapsed = [f"{line['step']:,}" for line in numbers.others if line.get("collapse_warning")]
    if collapsed:
        found.append(
            f"Mode collapse was suspected at step {', '.join(collapsed)}: the samples of a batch lay much closer "
            "together than real ones."
        )
    won = [f"{line['step']:,}" for line in numbers.others if line.get("critic_warning")]
    if won:
        found.append(
            f"The critic seemed to win at step {', '.join(won)}: it scored nearly all real samples above generated "
            f"ones while these came no nearer to the data. With few samples try {remedies(resolved['loss'])}."
        )
    last = history[-1] if history else {}
    if last.get("event") == "diverged":
        found.append(f"Training diverged. {last.get('reason', '')}")
    if last.get("event") == "interrupted":
        found.append(f"Training was interrupted at step {last['step']:,}; gantk resume goes on.")
    if judged is not None and last.get("event") in ("diverged", "interrupted"):
        found.append(
            f"The numbers and pictures of the end are those of an earlier end of this run, at step {judged:,}."
        )
    if last.get("event") == "failed":
        found.append(f"The run ended before its time. {last.get('reason', '')}")
    ended = [event for event in history if event["event"] == "trained" and event.get("reason")]
    if ended and ended[-1]["step"] == numbers.done:
        found.append(f"Training ended early, at step {ended[-1]['step']:,}: {ended[-1]['reason']}.")
    restored = [line for line in numbers.others if "diverged_at" in line]
    for line in restored:
        found.append(
            f"Training diverged at step {line['diverged_at']:,} ({line['cause']}) and went on from step "
            f"{line['step']:,} with {line['rate']:g} times the learning rates."
        )
    for session in env.get("sessions", []):
        for name, (before, now) in session.get("changed", {}).items():
            found.append(f"Since step {session['step']:,}, {name} is {now}; it was {before}.")
    resumed = [f"{event['step']:,}" for event in history if event["event"] == "resumed"]
    if resumed:
        times = {1: "once", 2: "twice"}.get(len(resumed), f"{len(resumed)} times")
        found.append(f"The run was stopped and resumed {times}, at step {', '.join(resumed)}.")
    return found


def facts(resolved: Mapping[str, Any], env: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, on what, where: names and values."""
    classes = env.get("data_classes") or {split: {"": count} for split, count in env.get("data", {}).items()}
    sizes = ", ".join(f"{split} {in_words(counts)}" for split, counts in classes.items())
    play, machine = resolved["play"], env.get("processor", "")
    accelerators = ", ".join(env.get("accelerators") or [])
    found = [
        ("Data", f"{resolved['data']['use']} ({sizes})"),
        ("Data fingerprint", env.get("data_fingerprint", "")),
        ("Generator", (resolved.get("generator") or {}).get("use", "none: only a critic is trained")),
        ("Critic", (resolved.get("critic") or {}).get("use", "none: only a generator is trained")),
        ("Loss", resolved["loss"]["use"]),
        ("Learning rate", _rates(resolved)),
        ("Updates a step", f"critic {play['critic_steps'] or 'none'}, generator {play['generator_steps']}"),
        ("Batch", f"{resolved['train']['batch']}, {resolved['train']['precision']}"),
        ("Seed", str(resolved["seed"])),
        ("Machine", f"{accelerators or machine} ({env.get('device', '')}), {env.get('platform', '')}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in env.get("versions", {}).items())),
        ("Plugins", ", ".join(f"{name} ({version})" for name, version in env.get("plugins", {}).items())),
        ("Git state", env.get("git") or "not in a git repository"),
    ]
    return [(name, value) for name, value in found if value]


def _sides(resolved: Mapping[str, Any]) -> dict[str, float | Schedule]:
    """The learning rate of each side, and of each group of one, whose optimiser says one."""
    there = {"critic": resolved.get("critic", {}) is not None, "generator": bool(resolved.get("generator"))}
    blocks = {side: resolved["play"][f"{side}_optimizer"] or {} for side, trained in there.items() if trained}
    for side, block in [*blocks.items()]:
        blocks |= {f"{side} {name}": said for name, said in (block.get("groups") or {}).items()}
    rates: dict[str, Any] = {side: block.get("lr") for side, block in blocks.items()}
    found = {side: Schedule.of(rate) if is_resolved(rate) else rate for side, rate in rates.items()}
    return {side: rate for side, rate in found.items() if isinstance(rate, int | float | Schedule)}


def _rates(resolved: Mapping[str, Any]) -> str:
    sides = _sides(resolved).items()
    rates = ", ".join(f"{side} {rate if isinstance(rate, Schedule) else f'{rate:g}'}" for side, rate in sides)
    if any(isinstance(rate, Schedule) for _, rate in sides):
        return rates
    return f"{rates}; {resolved['train'].get('schedule', 'constant')}" if rates else ""


def rate_chart(resolved: Mapping[str, Any], numbers: Numbers) -> Chart | None:
    """The learning rates over the steps that were done; None where they stayed the same."""
    schedule = resolved["train"].get("schedule", "constant")
    done = numbers.done
    restored = [(line["step"], line["rate"]) for line in numbers.others if "diverged_at" in line]
    whole = steps_of(resolved) or done
    sides = _sides(resolved)
    changing = schedule != "constant" or any(isinstance(rate, Schedule) for rate in sides.values())
    if (not changing and not restored) or not done:
        return None

    def rate_at(rate: float | Schedule, step: int) -> float:
        since = [lower for start, lower in restored if start <= step]
        usual = rate.at(step, span_of(resolved, whole)) if isinstance(rate, Schedule) else rate
        return usual * rate_factor(schedule, step, whole) * (since[-1] if since else 1.0)

    steps = _drawn_steps(done)
    curves = {
        side: ([step + 1.0 for step in steps], [rate_at(rate, step) for step in steps]) for side, rate in sides.items()
    }
    if len({tuple(values) for _, values in curves.values()}) == 1:
        curves = {"both sides": next(iter(curves.values()))} if len(curves) > 1 else curves
    return Chart("learning rate", curves, logarithmic=False, from_zero=True) if curves else None


def schedule_charts(resolved: Mapping[str, Any], numbers: Numbers) -> list[Chart]:
    """The other numbers that follow a schedule, over the steps that were done, each in a chart of its own."""
    span = span_of(resolved, steps_of(resolved) or numbers.done)
    steps = _drawn_steps(numbers.done) if numbers.done else []
    return [
        Chart(path, {"": ([step + 1.0 for step in steps], [each.at(step, span) for step in steps])}, logarithmic=False)
        for path, each in found_in(resolved)
        if steps and not path.endswith(".lr")
    ]


def span_of(resolved: Mapping[str, Any], steps: int) -> Span:
    """What the schedules of a run of so many steps measure by."""
    play = resolved["play"]
    return Span(max(1, steps), resolved["train"]["batch"] * (play["critic_steps"] or play["generator_steps"]))


def _drawn_steps(done: int) -> list[int]:
    return sorted({round(number * (done - 1) / 100) for number in range(101)})


def times(numbers: Numbers, history: Lines, resolved: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the time went: names and values."""
    steps, seconds = np.asarray(numbers.steps), np.asarray(numbers.seconds)
    found = []
    if len(steps) > 1 and seconds[-1] > 0:
        training, pauses = _split(steps, seconds, resolved)
        speed = (steps[-1] - steps[0]) / training if training > 0 else 0.0
        said = f"{speed:.3g} steps a second" if speed >= 1 or not speed else f"{1 / speed:.3g} s a step"
        found.append(("Training", f"{duration(seconds[-1])}; {said}"))
        if pauses >= 0.01 * seconds[-1]:
            found.append(("Of it, pauses", f"about {duration(pauses)} for pictures, validation and checkpoints"))
    judging = _seconds_between(history, "trained", "judged")
    if judging is not None:
        found.append(("Judging", f"{duration(judging)}, with the last pictures"))
    if history:
        found.append(("Started", f"{history[0]['time']}"))
        found.append(("Last written", f"{history[-1]['time']}"))
    return found


def _split(steps: np.ndarray, seconds: np.ndarray, resolved: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds of steps and seconds between them: a step that follows a picture or a checkpoint is longer by these.

    Args:
        steps: (N,), rising.
        seconds: (N,), when each was done.
        resolved: says after which steps there is something to do.
    """
    train, total = resolved["train"], float(seconds[-1] - seconds[0])
    every = [block.get("every") for block in resolved.get("evaluate") or []]
    pictured = train.get("sample_every") or max(1, int(steps_of(resolved) or steps[-1]) // 10)
    every += [train.get("checkpoint_every"), None if pictured == "epoch" else pictured]
    paused = np.any([steps[:-1] % each == 0 for each in every if each], axis=0)  # (N - 1,)
    took = np.diff(seconds)
    if paused.all() or not paused.any():
        return total, 0.0
    pauses = max(0.0, float(took[paused].sum() - took[~paused].mean() * paused.sum()))
    return total - pauses, pauses


def _seconds_between(history: Lines, first: str, then: str) -> float | None:
    """Seconds between the last two consecutive events of these names; None where the clock was set back."""
    if len(history) < 2 or [event["event"] for event in history[-2:]] != [first, then]:
        return None
    start, end = (datetime.fromisoformat(event["time"]) for event in history[-2:])
    seconds = (end - start).total_seconds()
    return seconds if seconds >= 0 else None
