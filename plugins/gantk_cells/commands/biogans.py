"""The command `gantk biogans`: the options of BioGANs' train.py, predict.py and visualize.py, as gantk's own lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from gantk import console
from gantk_cells import biogans as scripts

KERAS = b"\x89HDF"  # what a file of the scripts starts with; gantk's begin with a seal
only_printed = click.option("--print", "only_printed", is_flag=True, help="Print the lines, and do nothing.")


@click.group()
def biogans() -> None:
    """BioGANs as on Biowulf: train, predict and visualize take the options of train.py, predict.py and visualize.py
    (https://hpc.nih.gov/apps/biogans.html), print the gantk line that does the same, and run it.

    \b
    gantk biogans train -d data -e 2000 -a WGAN -m DCGAN-separable
    gantk biogans predict -i checkpoints/DCGAN-separable.WGAN-1
    gantk biogans visualize -i images/stack1.DCGAN-separable.WGAN-1.h5
    """


def _named(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def net_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that train.py and predict.py share."""
    for option in (
        click.option("-z", "--nz", type=click.IntRange(1), help="Length of the latent."),
        click.option("--wgangp_lambda", type=click.FloatRange(0), help="Weight of WGAN-GP's penalty. [recipe: 10]"),
        click.option("--wgan_clip_value", type=click.FloatRange(0, min_open=True), help="For WGAN. [recipe: 0.01]"),
        click.option("-w", "--use_pretrained_weights", is_flag=True, help="Begin with those of the newest run."),
        click.option("-v", "--verbose", is_flag=True, help="No effect: what is done is said anyway."),
        click.option("-s", "--seed", "seed", metavar="SEED", help="A number. [train: 42; predict: random]"),
        click.option("-p", "--polarity_factors", metavar="A,B,…", callback=_named, help="Proteins. [all]"),
        click.option("-o", "--optimizer", type=click.Choice(["default", "adam", "rmsprop"]), default="default"),
        click.option("--ngf", type=click.IntRange(1), help="Filters of the generator. [recipe: 64]"),
        click.option("--ndf", type=click.IntRange(1), help="Filters of the critic. [recipe: 64]"),
        click.option("-m", "--network_model", type=click.Choice(list(scripts.RECIPES)), help="[DCGAN-starshaped]"),
        click.option("--lrG", "lr_generator", type=click.FloatRange(0, min_open=True), help="[2e-4]"),
        click.option("--lrD", "lr_critic", type=click.FloatRange(0, min_open=True), help="[by -a and -o]"),
        click.option("-c", "--checkpoints_dir", type=click.Path(path_type=Path), help="[checkpoints]"),
        click.option("-b", "--batch_size", type=click.IntRange(1), help="[64]"),
    ):
        command = option(command)
    return command


@biogans.command()
@click.option("-d", "--data", required=True, help="The folder of the images, or one above or below it.")
@click.option("-a", "--gan_algorithm", type=click.Choice(list(scripts.LOSSES)), default="WGAN-GP", show_default=True)
@click.option("-e", "--epochs", type=click.IntRange(1), help="Iterations: generator updates. [recipe: 50000]")
@click.option("-g", "--num_gpus", type=click.IntRange(1), default=1, show_default=True)
@click.option("-M", "--monitor_progress", type=click.IntRange(1), help="Iterations between pictures. [recipe: 500]")
@click.option("--num_D_iters", "critic_steps", type=click.IntRange(1), help="Critic updates a step. [by the loss]")
@click.option("--num_G_iters", "generator_steps", type=click.IntRange(1), help="Generator updates a step. [1]")
@net_options
@only_printed
def train(only_printed: bool, **given: Any) -> None:
    """Train a network model by a GAN algorithm on two-channel images, as train.py does."""
    told = scripts.Training(
        data=given["data"],
        algorithm=given["gan_algorithm"],
        model=given["network_model"] or "DCGAN-starshaped",
        batch=given["batch_size"] or 64,
        checkpoints=given["checkpoints_dir"] or Path("checkpoints"),
        iterations=given["epochs"],
        devices=given["num_gpus"],
        critic_rate=given["lr_critic"],
        generator_rate=given["lr_generator"] or 2e-4,
        monitor=given["monitor_progress"],
        critic_steps=given["critic_steps"],
        generator_steps=given["generator_steps"],
        generator_width=given["ngf"],
        critic_width=given["ndf"],
        optimizer=None if given["optimizer"] == "default" else given["optimizer"],
        proteins=given["polarity_factors"],
        seed=_number(given["seed"], 42),
        pretrained=given["use_pretrained_weights"],
        latent=given["nz"],
        clip=given["wgan_clip_value"],
        penalty=given["wgangp_lambda"],
    )
    for sentence in scripts.without_effect(told):
        console.warn(sentence)
    _carry_out([scripts.training_line(told)], only_printed)


@biogans.command()
@click.option("-i", "--input_file", type=click.Path(path_type=Path), required=True, metavar="RUN|FILE")
@click.option("-d", "--data", help="Where the real images are, for -e. [as the run says]")
@click.option("-D", "--debug", is_flag=True, help="No effect: what is done is said anyway.")
@click.option("-e", "--evaluate", "judged", is_flag=True, help="Compare generated images with real ones.")
@net_options
@only_printed
def predict(input_file: Path, data: str | None, judged: bool, only_printed: bool, **given: Any) -> None:
    """Draw one stack, red and all greens, of a cell at a random stage of its cycle, as predict.py does."""
    from gantk.files import hdf5

    if input_file.is_file() and hdf5.starts_with(input_file, KERAS):
        raise click.UsageError(
            f"{input_file} is no checkpoint of gantk. Files of the BioGANs scripts hold weights of Keras for nets of "
            "another form; train anew with `gantk biogans train -d DATA`, and give predict the folder that it prints"
        )
    nets = {"batch_size", "checkpoints_dir", "lr_critic", "lr_generator", "network_model", "ndf", "ngf", "nz"}
    others = {"wgan_clip_value", "wgangp_lambda"}
    idle = sorted(name for name in nets | others if given[name] is not None)
    if idle:
        names = {"lr_critic": "lrD", "lr_generator": "lrG"}
        console.warn("no effect here, since the checkpoint says it: " + ", ".join(names.get(it, it) for it in idle))
    seed = "random" if given["seed"] is None else str(_number(given["seed"], 0))
    lines, out = scripts.prediction_lines(input_file, Path("images"), seed, given["polarity_factors"], judged, data)
    _carry_out(lines, only_printed)
    if not only_printed:
        console.say(f"see it with: gantk biogans visualize -i {out}")


@biogans.command()
@click.option("-i", "input_file", type=click.Path(path_type=Path, exists=True), required=True, metavar="FILE")
@click.option("-v", "verbose", is_flag=True, help="No effect: what is done is said anyway.")
@only_printed
def visualize(input_file: Path, verbose: bool, only_printed: bool) -> None:
    """Make a picture of a stack or of an image file, as visualize.py does: a PNG beside it."""
    out = input_file.with_name(f"{input_file.name.partition('.h5')[0]}.view.png")
    _carry_out([["view", str(input_file), "-o", str(out), "--force"]], only_printed)


def _number(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    try:
        return int(text)
    except ValueError:
        raise click.UsageError(f"--seed is a whole number, not {text!r}") from None


def _carry_out(lines: Sequence[Sequence[str]], only_printed: bool) -> None:
    group = click.get_current_context().find_root().command
    for words in lines:
        if only_printed:
            console.answer(scripts.as_typed(words))
        else:
            console.say(scripts.as_typed(words))
            group.main(args=list(words), prog_name="gantk", standalone_mode=False)
