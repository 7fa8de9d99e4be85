"""Rules of generators and critics alike: what comes out, gradients, repeatability, checkpoints, devices."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from gantk.interfaces import Loss, call, draw_latent
from gantk.spec import DataSpec
from gantk.testing.rule import NotChecked, demand, demand_finite, demand_shape, rule
from gantk.testing.subject import Subject
from gantk.testing.toys import inputs, noise
from gantk.training import checkpoint
from gantk.training.state import State

COUNT = 4


def first_input(net: nn.Module, subject: Subject, spec: DataSpec, count: int = COUNT) -> Tensor | None:
    """What a net is called with: latents, or samples."""
    if subject.declared.kind == "generator":
        return draw_latent(net, count, torch.Generator().manual_seed(1))
    return noise(spec, count)


def output(net: nn.Module, subject: Subject, spec: DataSpec, count: int = COUNT, seed: int = 3) -> Tensor:
    """What a net makes of them; layers that draw for themselves draw from `seed`."""
    first = first_input(net, subject, spec, count)
    torch.manual_seed(seed)
    return call(net, first, **inputs(net, spec, count))


@rule(
    "shapes",
    "generator",
    says="`forward` gives finite samples of the shape (B, *spec.shape) for every DataSpec that it takes.",
    each_spec=True,
)
def shapes_of_generator(subject: Subject, spec: DataSpec) -> None:
    """Samples as the spec says."""
    demand_shape(output(subject.net(spec), subject, spec), (COUNT, *spec.shape), "samples")


@rule(
    "shapes",
    "critic",
    says="`forward` gives finite scores of the shape (B, *spec.units) or (B, *spec.units, *patches).",
    each_spec=True,
)
def shapes_of_critic(subject: Subject, spec: DataSpec) -> None:
    """Scores, one for each unit or for each patch of it."""
    scores = output(subject.net(spec), subject, spec)
    units = (COUNT, *spec.units)
    demand(
        tuple(scores.shape[: len(units)]) == units, f"scores of shape {units} or {units} + patches", tuple(scores.shape)
    )
    demand_finite(scores, "scores")


@rule(
    "batch_of_one",
    "generator",
    "critic",
    says="A batch of one sample works in eval mode, and keeps its batch axis.",
    each_spec=True,
)
def batch_of_one(subject: Subject, spec: DataSpec) -> None:
    """One sample, the same as it is among others."""
    net = subject.net(spec).eval()
    with torch.no_grad():
        alone = output(net, subject, spec, 1)
    expected = (1, *spec.shape) if subject.declared.kind == "generator" else (1, *spec.units)
    found = tuple(alone.shape[: len(expected)])
    demand(found == expected, f"shape {expected}", tuple(alone.shape))


@rule(
    "gradients",
    "generator",
    "critic",
    says="Gradients reach every parameter that is trained, and are finite.",
    each_spec=True,
)
def gradients(subject: Subject, spec: DataSpec) -> None:
    """Checks that every parameter gets a gradient."""
    net = subject.net(spec)
    output(net, subject, spec).square().sum().backward()
    trained = {name: weight for name, weight in net.named_parameters() if weight.requires_grad}
    missed = [name for name, weight in trained.items() if weight.grad is None]
    demand(not missed, "a gradient for every parameter", f"none for {', '.join(missed[:6])}")
    for name, weight in trained.items():
        assert weight.grad is not None
        demand_finite(weight.grad, f"the gradient of {name}")


@rule(
    "repeatable",
    "generator",
    "critic",
    says="The same seed gives the same weights and the same output, in train and in eval mode: torch's random "
    "numbers are the only ones.",
    each_spec=True,
)
def repeatable(subject: Subject, spec: DataSpec) -> None:
    """Two nets of one seed are the same net."""
    one, other = subject.net(spec), subject.net(spec)
    for training in (True, False):
        with torch.no_grad():
            first = output(one.train(training), subject, spec)
            second = output(other.train(training), subject, spec)
        mode = "train" if training else "eval"
        apart = (first - second).abs().max().item()
        demand(torch.equal(first, second), f"equal outputs in {mode} mode", f"outputs {apart:.2g} apart")


@rule(
    "checkpoint",
    "generator",
    "critic",
    says="A gantk checkpoint holds all of its state: parameters and buffers, nothing in plain attributes.",
)
def round_trip(subject: Subject) -> None:
    """Written, read into a net of another seed, and the same again."""
    spec = subject.a_spec()
    net = subject.net(spec)
    output(net, subject, spec)  # batch statistics move
    other = subject.net(spec, seed=9)
    stand_in = nn.Linear(1, 1)
    state = State(net, stand_in, Loss(), None, None, torch.optim.SGD(stand_in.parameters(), lr=0.1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.h5"
        checkpoint.write_checkpoint(path, state, recipe="", spec=spec, plugins={})
        found = checkpoint.read_checkpoint(path)
    checkpoint.load_module(other, found.tensors["generator"], subject.declared.kind)
    with torch.no_grad():
        kept = output(net.eval(), subject, spec)
        loaded = output(other.eval(), subject, spec)
    apart = (kept - loaded).abs().max().item()
    demand(torch.equal(kept, loaded), "the same output from the net that was read back", f"outputs {apart:.2g} apart")


@rule("gpu", "generator", "critic", says="On a GPU it gives what it gives on the CPU, up to rounding.")
def on_gpu(subject: Subject) -> None:
    """Compares the output on the GPU with that on the CPU."""
    if not torch.cuda.is_available():
        raise NotChecked("there is no GPU here")
    spec = subject.a_spec()
    net = subject.net(spec).eval()
    first, more = first_input(net, subject, spec), inputs(net, spec, COUNT)
    with torch.no_grad():
        expected = call(net, first, **more)
        moved = {name: None if value is None else value.cuda() for name, value in more.items()}
        came = call(net.cuda(), None if first is None else first.cuda(), **moved)
    demand(came.is_cuda, "an output on the GPU", f"on {came.device}")
    apart = (came.cpu() - expected).abs().max().item()
    demand(apart <= 1e-2 * (1 + expected.abs().max().item()), "what the CPU gives", f"{apart:.2g} apart")


@rule(
    "range",
    "generator",
    says="Samples lie within spec.range; where the spec is categorical, the channels of a position sum to 1.",
    each_spec=True,
)
def in_range(subject: Subject, spec: DataSpec) -> None:
    """Checks the range of samples, also of latents far from 0."""
    net = subject.net(spec)
    latent = first_input(net, subject, spec, 8)
    made = call(net, None if latent is None else 20 * latent, **inputs(net, spec, 8)).detach()
    if spec.range is not None:
        low, high = spec.range
        inside = bool(((made >= low - 1e-5) & (made <= high + 1e-5)).all())
        demand(inside, f"values in [{low:g}, {high:g}]", f"from {made.min().item():.3g} to {made.max().item():.3g}")
    if spec.categorical:
        sums = made.sum(1 + spec.unit_axes)
        worst = (sums - 1).abs().max().item()
        demand(worst < 1e-3, "channels that sum to 1 at each position", f"sums up to {worst:.3g} off")
