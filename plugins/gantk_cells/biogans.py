"""The scripts of BioGANs on Biowulf (train.py, predict.py, visualize.py) and the lines of gantk that do the same.

https://hpc.nih.gov/apps/biogans.html describes their options. What that page leaves to the algorithm ("depends on
gan_algorithm") is taken from the slides of the course that it belongs to: RMSprop with a critic's rate of 5e-5 for WGAN
and WGAN-GP; for GAN, Adam as Radford et al. 2016 set it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantk.errors import DataError

RECIPES = {
    "DCGAN": "lin_dcgan_paper",
    "DCGAN-separable": "lin_separable_paper",
    "DCGAN-starshaped": "lin_starshaped_paper",
}
LOSSES = {"GAN": "basics/gan", "WGAN": "basics/wgan", "WGAN-GP": "basics/wgan_gp"}
USUAL_OPTIMIZERS = {"GAN": "adam", "WGAN": "rmsprop", "WGAN-GP": "rmsprop"}
USUAL_CRITIC_RATES = {"adam": "2e-4", "rmsprop": "5e-5"}
ADAM_BETAS = "[0.5, 0.999]"


@dataclass(frozen=True)
class Training:
    """What train.py is told. None: not given, and not on the page either, so that the recipe's value stays.

    Args:
        data: the folder above `…_train` and `…_test`, one of these, or that of one protein.
        algorithm: GAN, WGAN or WGAN-GP.
        model: DCGAN, DCGAN-separable or DCGAN-starshaped.
        batch: samples in a batch.
        checkpoints: the folder that run folders are made in.
        iterations: generator updates.
        devices: how many GPUs.
        critic_rate: learning rate of the critic; None: the usual one of algorithm and optimiser.
        generator_rate: learning rate of the generator.
        monitor: iterations between two sample pictures.
        critic_steps: critic updates a step.
        generator_steps: generator updates a step.
        generator_width: filters of the generator's last hidden layer.
        critic_width: filters of the critic's first layer.
        optimizer: adam or rmsprop; None: the usual one of the algorithm.
        proteins: their names; none: all.
        seed: of the run.
        pretrained: whether to begin with the weights of the newest run of this model and algorithm.
        latent: length of the latent.
        clip: bound of a WGAN critic's weights.
        penalty: weight of WGAN-GP's gradient penalty.
    """

    data: str
    algorithm: str = "WGAN-GP"
    model: str = "DCGAN-starshaped"
    batch: int = 64
    checkpoints: Path = Path("checkpoints")
    iterations: int | None = None
    devices: int = 1
    critic_rate: float | None = None
    generator_rate: float = 2e-4
    monitor: int | None = None
    critic_steps: int | None = None
    generator_steps: int | None = None
    generator_width: int | None = None
    critic_width: int | None = None
    optimizer: str | None = None
    proteins: Sequence[str] = ()
    seed: int = 42
    pretrained: bool = False
    latent: int | None = None
    clip: float | None = None
    penalty: float | None = None


def training_line(told: Training) -> list[str]:
    """The words of the `gantk` command that trains as train.py would, without the word gantk.

    Raises:
        DataError: pretrained weights are asked for where there is no earlier run.
    """
    optimizer = told.optimizer or USUAL_OPTIMIZERS[told.algorithm]
    rates = {
        "generator": f"{told.generator_rate:g}",
        "critic": f"{told.critic_rate:g}" if told.critic_rate is not None else USUAL_CRITIC_RATES[optimizer],
    }
    earlier = earlier_runs(told.checkpoints, f"{told.model}.{told.algorithm}")
    out = told.checkpoints / f"{told.model}.{told.algorithm}-{len(earlier) + 1}"
    words = ["run", RECIPES[told.model], "--out", str(out), f"data.root={told.data}"]
    words.append(f"data.proteins=[{', '.join(told.proteins)}]" if told.proteins else "data.proteins=null")
    if told.algorithm != "WGAN-GP":
        words.append(f"loss.use={LOSSES[told.algorithm]}")
    for side, rate in rates.items():
        words += [f"play.{side}_optimizer.use=basics/{optimizer}", f"play.{side}_optimizer.lr={rate}"]
        if optimizer == "adam":
            words.append(f"play.{side}_optimizer.betas={ADAM_BETAS}")
    given = {
        "loss.clip": told.clip if told.algorithm == "WGAN" else None,
        "loss.penalty": told.penalty if told.algorithm == "WGAN-GP" else None,
        "play.critic_steps": told.critic_steps,
        "play.generator_steps": told.generator_steps,
        "generator.width": told.generator_width,
        "critic.width": told.critic_width,
        "generator.latent": told.latent,
        "train.steps": told.iterations,
        "train.batch": told.batch,
        "train.sample_every": told.monitor,
        "machine.devices": told.devices if told.devices > 1 else None,
        "seed": told.seed,
    }
    words += [f"{key}={value}" for key, value in given.items() if value is not None]
    if told.pretrained:
        if not earlier:
            raise DataError(
                f"-w asks for the weights of an earlier run, but {told.checkpoints} has none called "
                f"{told.model}.{told.algorithm}-1; leave -w out for the first"
            )
        words.append(f"train.start_from={earlier[-1]}")
    return words


def without_effect(told: Training) -> list[str]:
    """What was given and says nothing under this algorithm, as sentences."""
    found = []
    if told.clip is not None and told.algorithm != "WGAN":
        found.append(f"--wgan_clip_value is for -a WGAN alone: {told.algorithm} clips no weights")
    if told.penalty is not None and told.algorithm != "WGAN-GP":
        found.append(f"--wgangp_lambda is for -a WGAN-GP alone: {told.algorithm} has no gradient penalty")
    return found


def earlier_runs(folder: Path, name: str) -> list[Path]:
    """Run folders NAME-1, NAME-2, … in `folder`, up to the first number that is free."""
    found: list[Path] = []
    while (folder / f"{name}-{len(found) + 1}").exists():
        found.append(folder / f"{name}-{len(found) + 1}")
    return found


def prediction_lines(
    source: Path, images: Path, seed: str, proteins: Sequence[str], judged: bool, data: str | None
) -> tuple[list[list[str]], Path]:
    """The words of the `gantk` commands that do what predict.py would, and the file of the stack.

    Args:
        source: a run folder, or a checkpoint in one.
        images: the folder of stacks.
        seed: a number, or "random".
        proteins: green channels that the stack shall have; none: all.
        judged: whether samples are compared with real data.
        data: where these are; None: where the run says.
    """
    in_run = source.suffix == ".h5" and source.parent.name == "checkpoints"
    name = source.parent.parent.name if in_run else source.name.removesuffix(".h5")
    number = 1
    while (images / f"stack{number}.{name}.h5").exists():
        number += 1
    out = images / f"stack{number}.{name}.h5"
    sample = ["sample", str(source), "-n", "1", "--seed", seed, "-o", str(out)]
    if proteins:
        sample += ["--units", ",".join(proteins)]
    lines = [sample]
    if judged:
        place = [f"data.root={data}"] if data else []
        lines.append(["evaluate", str(source), *place, "evaluate=[{use: basics/critic_test}]"])
    return lines, out


def as_typed(words: Sequence[str]) -> str:
    """The line as a shell takes it."""
    return shlex.join(["gantk", *words])
