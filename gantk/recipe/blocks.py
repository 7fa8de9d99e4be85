"""The blocks of a recipe, each field with its type, default and meaning: what is checked, shown and documented."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt
from pydantic import Field

from gantk.components.annotations import Kind, Scheduled, SomeOf

Bar = dict[Literal[">=", ">", "<=", "<"], float]
Positive = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class OptimizerEntry:
    """What may stand beside `use` and the optimiser's own parameters.

    Args:
        groups: submodules of that side, of the net or of the loss, by name, and those of the optimiser's parameters
            that are other for them: {encoder: {lr: 1e-4}}.
    """

    groups: Annotated[dict[str, Any], SomeOf()] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlayBlock:
    """How the two nets are played against each other. What is not said here, the loss may say by its defaults.

    Args:
        critic_steps: critic updates in a step; null where there is no critic.
        generator_steps: generator updates in a step.
        generator_optimizer: what updates the generator; needed where the loss has no default.
        critic_optimizer: what updates the critic; needed where the loss has no default.
        clip_gradients: the norm to which all gradients of a side together are scaled down where theirs is greater;
            null: never.
    """

    critic_steps: Positive | None = 1
    generator_steps: Positive = 1
    generator_optimizer: Annotated[Any, Kind("optimizer", beside=OptimizerEntry)] | None = None
    critic_optimizer: Annotated[Any, Kind("optimizer", beside=OptimizerEntry)] | None = None
    clip_gradients: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True, kw_only=True)
class KeepBest:
    """Which number decides what checkpoint is the best.

    Args:
        metric: `entry.value`: the name of an `evaluate` entry that has `every`, a dot, the name of its value
            ("motif_rate.hits"). Measured on the validation split.
    """

    metric: Annotated[str, Field(pattern=r"^[^.]+\..+$")]


@dataclass(frozen=True, kw_only=True)
class Train:
    """How long training goes on, with what batches, and what is kept of it.

    Args:
        steps: how many steps; give either this or `epochs`.
        epochs: how many times the training data are drawn; give either this or `steps`.
        batch: samples in a batch, over all devices.
        balance: how often each class is drawn: none, as often as the data have it; classes, all equally often, real
            and generated labels alike, so that a rare class is seen. Needs data with classes.
        ema: decay of the moving average of the generator's weights, which is then what is sampled; null: none.
        ema_half_life: the same average, by how many samples the critic sees until a weight counts half; 0: what is
            sampled are the weights as they are; null: as `ema` says.
        schedule: the factor on both learning rates over the run: constant 1; linear or cosine from 1 to 0; tail: 1 for
            the first half, then linearly to 0.
        precision: what the nets compute in; bfloat16 by autocast.
        sample_every: steps between sample pictures; epoch: one each time that the critic has seen as many samples as
            the data have; null: about ten pictures in the run.
        samples: how many samples a picture shows.
        checkpoint_every: steps between checkpoints; null: none but the last.
        checkpoint_minutes: after how many minutes without a checkpoint one is kept besides: a single file that the next
            one replaces, and that `keep`, `keep_best` and `on_divergence` do not see; null: none.
        keep: how many of the last checkpoints are kept.
        keep_best: which number decides what checkpoint is kept as the best; null: none is.
        patience: how many measurements of keep_best in a row may bring nothing better before training ends; null: it
            goes on to the last step.
        callbacks: what is told of the run while it goes on.
        start_from: a checkpoint whose weights training starts from; null: from new weights.
        on_divergence: what happens where a loss term or weight is no longer finite: stop the run; or restore the last
            checkpoint (before the first: the start) and go on from there with lower learning rates.
        restore_times: how often it is restored before the run stops all the same.
        restore_rate: the factor on both learning rates each time it is restored.
    """

    steps: Positive | None = None
    epochs: Annotated[float, Gt(0)] | None = None
    batch: Positive = 64
    balance: Literal["none", "classes"] = "none"
    ema: Annotated[float, Ge(0), Lt(1), Scheduled()] | None = None
    ema_half_life: Annotated[float, Ge(0), Scheduled()] | None = None
    schedule: Literal["constant", "linear", "cosine", "tail"] = "constant"
    precision: Literal["float32", "bfloat16"] = "float32"
    sample_every: Positive | Literal["epoch"] | None = None
    samples: Positive = 16
    checkpoint_every: Positive | None = None
    checkpoint_minutes: Annotated[float, Gt(0)] | None = 5.0
    keep: Positive = 3
    keep_best: KeepBest | None = None
    patience: Positive | None = None
    callbacks: list[Annotated[Any, Kind("callback")]] = field(default_factory=list)
    start_from: Path | None = None
    on_divergence: Literal["stop", "restore"] = "stop"
    restore_times: Positive = 3
    restore_rate: Annotated[float, Gt(0), Lt(1)] = 0.5


@dataclass(frozen=True, kw_only=True)
class EvaluateEntry:
    """What may stand in an entry of `evaluate` beside `use` and the metric's own parameters.

    Args:
        name: what the entry is called in tables and files; null: the metric's short name. No two may be the same.
        every: also measured every so many steps during training, on the validation split; null: only at the end.
        require: bars that the numbers must reach: {">=": 0.9} where the metric has one main value, else by the name
            of the value: {hits: {">=": 850}}. A run that misses one ends with exit code 1.
        by_class: also computed of each class on its own, as `hits[CLASS]`, where data have classes and the generator
            is told them; each class gets its share of the metric's `samples`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")] | None = None
    every: Positive | None = None
    require: Bar | dict[str, Bar] | None = None
    by_class: bool = False


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where the run computes. Changes nothing about its result and may be changed when it is resumed.

    Args:
        device: auto takes a GPU where there is one.
        devices: how many processes `gantk run` starts on this machine, which share each batch; `torchrun`, which
            starts them itself on one machine or several, counts instead of it.
        threads: CPU threads of each process; null: as many as torch takes.
        engine: how gradients are computed: eager, or graphs, which replays CUDA graphs; auto takes eager. Both give the
            same up to rounding, or refuse; `gantk bench` says which is faster. What was once compiled: take eager.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Positive = 1
    threads: Positive | None = None
    engine: Literal["auto", "eager", "graphs"] = "auto"


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """One complete run.

    Args:
        about: what this run is, in a sentence.
        seed: where all randomness comes from.
        data: the samples to learn from.
        generator: makes samples; null: only the critic is trained.
        critic: judges samples; null: only the generator is trained, by a loss that needs no critic (zoo/vae).
        loss: how the two are scored.
        play: how the two are played against each other.
        train: how long, with what batches, and what is kept.
        evaluate: what is measured.
        view: what draws samples; null: what the data name.
        machine: where it runs.
    """

    about: str = ""
    seed: Annotated[int, Ge(0)] = 0
    data: Annotated[Any, Kind("dataset")]
    generator: Annotated[Any, Kind("generator")] | None = None
    critic: Annotated[Any, Kind("critic")] | None
    loss: Annotated[Any, Kind("loss")]
    play: PlayBlock = field(default_factory=dict)  # type: ignore[assignment]  # JSON-like, as recipes are
    train: Train = field(default_factory=dict)  # type: ignore[assignment]
    evaluate: list[Annotated[Any, Kind("metric", beside=EvaluateEntry)]] = field(default_factory=list)
    machine: Machine = field(default_factory=dict)  # type: ignore[assignment]
    view: Annotated[Any, Kind("view")] | None = None
