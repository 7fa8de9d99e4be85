"""Rules of critics alone: gradients, independence of samples and units, features."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from gantk.interfaces import call, declares, has_batch_statistics, has_second_order
from gantk.interfaces.optional_members import has_member
from gantk.spec import DataSpec
from gantk.testing.rule import NotChecked, demand, demand_finite, rule
from gantk.testing.rules.nets import COUNT, output
from gantk.testing.subject import Subject
from gantk.testing.toys import inputs, noise

STEP = 1e-8  # of finite differences, in float64
ATTEMPTS = 4


@rule(
    "input_gradient",
    "critic",
    says="Scores have a gradient with respect to the samples: a generator can learn from them.",
    each_spec=True,
)
def input_gradient(subject: Subject, spec: DataSpec) -> None:
    """The gradient to the samples is there, finite and not zero everywhere."""
    net = subject.net(spec)
    samples = noise(spec, COUNT).requires_grad_()
    call(net, samples, **inputs(net, spec, COUNT)).sum().backward()
    demand(samples.grad is not None, "a gradient that reaches the samples", "none")
    assert samples.grad is not None
    demand_finite(samples.grad, "the gradient to the samples")
    demand(bool(samples.grad.any()), "a gradient to the samples that is not zero", "zeros only")


@rule(
    "second_order",
    "critic",
    says="The gradient of a score can be differentiated once more, rightly, as gradient penalties do; a critic for "
    "which that is not so has `second_order = False`.",
    each_spec=True,
)
def second_order(subject: Subject, spec: DataSpec) -> None:
    """The gradient of ‖∇ score‖² agrees with finite differences, in float64."""
    net = subject.net(spec)
    if not has_second_order(net):
        raise NotChecked("it is declared to have no second order")
    net = deepcopy(net).double().eval()
    torch.manual_seed(0)
    samples = noise(spec, COUNT).double()
    samples = samples + 1e-2 * torch.randn_like(samples)  # off the corners of one-hot data
    trained = [weight for weight in net.parameters() if weight.requires_grad]

    def penalty() -> Tensor:
        point = samples.clone().requires_grad_()
        scores = call(net, point, **_double(inputs(net, spec, COUNT)))
        (gradient,) = torch.autograd.grad(scores.sum(), point, create_graph=True)
        demand(gradient.requires_grad, "a gradient that depends on the weights", "one without a graph")
        return gradient.square().sum()

    found = torch.autograd.grad(penalty(), trained, allow_unused=True)
    for attempt in range(ATTEMPTS):  # a step may cross the corner of a ReLU
        ways = [torch.randn_like(weight) for weight in trained]
        promised = sum(float((each * way).sum()) for each, way in zip(found, ways, strict=True) if each is not None)
        measured = _change(penalty, trained, ways)
        if abs(promised - measured) <= 0.02 * max(abs(promised), abs(measured)) + 1e-6:
            return
        last = attempt == ATTEMPTS - 1
        demand(not last, f"a second derivative of {measured:.4g}, by finite differences", f"{promised:.4g}")


def _change(value: Callable[[], Tensor], weights: list[nn.Parameter], ways: list[Tensor]) -> float:
    """How `value` changes along `ways`, by finite differences."""

    def at(by: float) -> float:
        with torch.no_grad():
            for weight, way in zip(weights, ways, strict=True):
                weight.add_(way, alpha=by)
        return value().item()

    above = at(STEP)
    below = at(-2 * STEP)
    at(STEP)
    return (above - below) / (2 * STEP)


def _double(given: dict[str, Tensor | None]) -> dict[str, Tensor | None]:
    return {name: v.double() if v is not None and v.is_floating_point() else v for name, v in given.items()}


@rule(
    "independent",
    "critic",
    says="A sample's score does not depend on the others of its batch, unless the critic has batch normalisation or "
    "says `batch_statistics = True`.",
    each_spec=True,
)
def independent(subject: Subject, spec: DataSpec) -> None:
    """The first sample's score stays when the others change."""
    net = subject.net(spec)
    if has_batch_statistics(net):
        raise NotChecked("it says that its samples see each other")
    samples, others = noise(spec, COUNT), noise(spec, COUNT, seed=1)
    others[0] = samples[0]
    demand_same(net, spec, samples, others, lambda scores: scores[0], "the score of a sample among others")


@rule("units", "critic", says="The score of a unit depends on that unit alone.")
def units_apart(subject: Subject) -> None:
    """The first unit's score stays when the other units change, for one spec with units of each family."""
    subject.insist()
    for spec in subject.some_specs():
        if spec.unit_count > 1:
            _first_unit_apart(subject, spec)


def _first_unit_apart(subject: Subject, spec: DataSpec) -> None:
    net = subject.net(spec)
    samples, others = noise(spec, COUNT), noise(spec, COUNT, seed=1)
    flat, replaced = samples.flatten(1, spec.unit_axes), others.flatten(1, spec.unit_axes)  # (B, units, …)
    replaced[:, 0] = flat[:, 0]
    others = replaced.reshape(samples.shape)

    def first(scores: Tensor) -> Tensor:
        return scores.flatten(1, spec.unit_axes)[:, 0]

    demand_same(net, spec, samples, others, first, "the score of a unit beside others")


def demand_same(
    net: nn.Module, spec: DataSpec, samples: Tensor, others: Tensor, part: Callable[[Tensor], Tensor], what: str
) -> None:
    """`part` of the scores must be the same for both batches.

    Args:
        net: the critic.
        spec: what one sample is.
        samples: one batch.
        others: another.
        part: takes scores, gives the part.
        what: in words.
    """
    scores = []
    before = deepcopy(net.state_dict())
    for batch in (samples, others):
        net.load_state_dict(before)  # a pass may move buffers: statistics, the power iteration of a spectral norm
        torch.manual_seed(3)
        with torch.no_grad():
            scores.append(part(call(net, batch, **inputs(net, spec, COUNT))))
    apart = (scores[0] - scores[1]).abs().max().item()
    demand(apart <= 1e-4 * (1 + scores[0].abs().max().item()), f"{what}, unchanged", f"{apart:.2g} apart")


@rule(
    "features",
    "critic",
    says="Where a critic has `features`, they are (B, *spec.units, F), and its score is `head(features(samples))`.",
    each_spec=True,
)
def features(subject: Subject, spec: DataSpec) -> None:
    """Both shapes and the identity."""
    net = subject.net(spec).eval()
    if not has_member(net, "features"):
        return
    samples = noise(spec, COUNT)
    with torch.no_grad():
        found = net.features(samples)  # type: ignore[operator]
        units = (COUNT, *spec.units)
        right = found.dim() == len(units) + 1 and tuple(found.shape[:-1]) == units
        demand(right, f"features of shape {units} + (F,)", tuple(found.shape))
        if declares(net, "labels") or declares(net, "condition") or not has_member(net, "head"):
            return  # more than the features decides
        scores = output(net, subject, spec)
        again = net.head(found).reshape(scores.shape)  # type: ignore[operator]
    demand(torch.allclose(again, scores, atol=1e-5), "head(features(samples)) to be the score", "another number")
