"""Every optional member that gantk looks for on nets and data sets: what it says, and what holds without it.

Nets are any `nn.Module` and data sets any map-style data set, so what they may define is looked up here, and nowhere
else: `member(net, "features")`. Losses, metrics, views, objectives and callbacks derive from a class of
`gantk.interfaces` instead, which has the defaults. docs/plugins.md prints both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OptionalMember:
    """One optional member.

    Args:
        on: the component that may have it.
        says: what it tells gantk, with its signature.
        without: what gantk does where it is missing.
        default: its value where it is missing.
    """

    on: str
    says: str
    without: str
    default: Any = None


OPTIONAL_MEMBERS = {
    "passes_on_to": OptionalMember(
        "net", "the net inside that labels, condition and latent are for", "its own `forward`"
    ),
    "batch_statistics": OptionalMember(
        "net",
        "`True`: samples of a batch see each other otherwise than by batch normalisation",
        "by those layers alone",
        False,
    ),
    "second_order": OptionalMember(
        "net", "`False`: its gradients cannot be differentiated once more, and penalties refuse it", "they can", True
    ),
    "takes_labels": OptionalMember(
        "net", "`False`: its `forward` declares labels, but this net was built without them", "it takes them", True
    ),
    "latent_shape": OptionalMember("generator", "the shape of one latent; `None` where it takes none", "it takes none"),
    "draw_latent": OptionalMember("generator", "`(n, rng)`: latents of its own prior", "N(0, I) of `latent_shape`"),
    "latent_parts": OptionalMember(
        "generator", "parts of the latent that may be held fixed, name to slice", "none", {}
    ),
    "latent_weights": OptionalMember(
        "generator",
        "`()`: what multiplies its latent first, name of each part to (slice, matrix (F, numbers of the part))",
        "the linear and convolution layers that it enters first, where nothing else takes it",
    ),
    "present": OptionalMember(
        "generator", "`(samples)`: how `gantk sample` writes what it made", "as the critic saw it"
    ),
    "pick_units": OptionalMember(
        "generator", "`(samples, numbers)`: samples of these units alone", "units and their names are picked"
    ),
    "classes": OptionalMember("generator", "how many classes its labels have", "those of the DataSpec"),
    "encode": OptionalMember(
        "generator",
        "`(samples)`, or `(samples, labels)` where it is told classes: their latents",
        "losses, metrics and `gantk encode` refuse",
    ),
    "size_step": OptionalMember(
        "generator",
        "sides of its condition are multiples of this; it takes any such size",
        "that of the data alone",
    ),
    "receptive_field": OptionalMember(
        "generator",
        "side of the square of its condition, round a pixel, outside of which nothing matters to that pixel",
        "all of the condition may matter",
    ),
    "condition_from": OptionalMember(
        "generator",
        "`(samples, settings)`: conditions made of samples of a file (`None` where there is none) and of what was set",
        "samples of a file have a condition, or are one",
    ),
    "condition_settings": OptionalMember(
        "generator", "what may be set of its condition, name to the values it takes; none: a number", "nothing", {}
    ),
    "reconstruct": OptionalMember("critic", "`(samples)`: the samples again", "losses that need it refuse"),
    "features": OptionalMember("critic", "`(samples)`: (B, *units, F)", "losses and metrics that need it refuse"),
    "head": OptionalMember(
        "critic",
        "`(features)`: scores, with `head(features(x))` the same as `forward(x)`; what labels add comes on top",
        "the same",
    ),
    "prefetch": OptionalMember(
        "data set", "`(indices)`: will be asked for soon; starts to read them", "read when asked for"
    ),
    "augments": OptionalMember(
        "data set",
        "`False`: a batch draws nothing at random, so of several ranks each reads its share",
        "drawn whole, then shared",
        True,
    ),
    "bytes_needed": OptionalMember("data set", "static, `(**parameters)`: how large made data will be", "not checked"),
    "nbytes": OptionalMember("data set", "bytes of what is resident", "read as it is needed"),
    "flips": OptionalMember("data set", "axes along which samples are turned over at random", "none", ()),
    "judged": OptionalMember("data set", "the data set that metrics see instead", "itself"),
    "as_judged": OptionalMember(
        "data set",
        "`(samples)`: generated samples, as drawn or as `present` writes them, as `judged` has them",
        "as they are",
    ),
    "variants": OptionalMember(
        "data set", "`(samples)`: all versions that training treats as the same", "each is its own"
    ),
    "units_apart": OptionalMember(
        "data set", "`True`: units of a sample meet by chance", "they belong together", False
    ),
    "sample_names": OptionalMember("data set", "`(indices)`: what these samples are called", "they have no names"),
    "first_of_each": OptionalMember(
        "data set", "`()`: one sample of each that it has more than once, (N,)", "it has each once"
    ),
    "labels": OptionalMember("data set", "class of each sample, (N,); `None`: no classes", "samples are read for them"),
    "class_counts": OptionalMember("data set", "class to number of samples, side by side", "its length"),
    "conform": OptionalMember(
        "data set",
        "`(samples)`: samples of a file in the form of these: entries in their order, transformed alike",
        "as they are",
    ),
    "read_ahead": OptionalMember("items", "`True`: a thread may read the next batch", "read when asked for", False),
    "__getitems__": OptionalMember("items", "`(indices)`: many items at once", "one by one"),
    "write_parts": OptionalMember(
        "format", "`(path, parts, count)`: writes samples that come part by part", "all are drawn, then written"
    ),
    "read_as": OptionalMember(
        "format", "`(path, spec)`: real samples in the form of others, whose DataSpec this is", "as they stand"
    ),
    "as_written": OptionalMember(
        "format", "`(samples)`: the numbers that its files hold, where those are others than it is given", "the same"
    ),
    "write_latents": OptionalMember(
        "format",
        "`(path, latents, source)`: writes the samples of the file `source` with latents (N, …) beside them",
        "`gantk encode` writes latents alone (.h5)",
    ),
    "writes": OptionalMember("format", "`False`: it only reads", "it writes what it reads", True),
}
"""Name to what it means. A name that two kinds of component have means the same on both."""


def member(component: Any, name: str) -> Any:
    """The optional member of a component, or its default.

    Raises:
        KeyError: gantk looks for no member of that name.
    """
    default = OPTIONAL_MEMBERS[name].default
    return getattr(component, name, dict(default) if isinstance(default, dict) else default)  # {} is nobody's own


def has_member(component: Any, name: str) -> bool:
    """Whether a component defines this optional member.

    Raises:
        KeyError: gantk looks for no member of that name.
    """
    assert name in OPTIONAL_MEMBERS, name
    return hasattr(component, name)


def overrides(component: Any, method: Callable[..., Any]) -> bool:
    """Whether a component's class defines a method of its base class anew.

    Args:
        component: an instance.
        method: of the base class: `overrides(view, View.panels)`.
    """
    return getattr(type(component), method.__name__) is not method
