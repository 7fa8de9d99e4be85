"""What exporters get of a loaded model, and the check that what they wrote gives the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gantk.api.model import Model
from gantk.components.registry import installed_registry
from gantk.errors import DoesNotFit, FileError
from gantk.export.citations import cited, fields_of
from gantk.export.model_card import model_card
from gantk.export.translator import exported_translator
from gantk.interfaces import call, declares
from gantk.interfaces.exporters import ExportedModel
from gantk.interfaces.priors import draw_latents
from gantk.plugin import Exporter
from gantk.recipe.recipe import recipe_from_text


@dataclass(frozen=True)
class ExportRequest:
    """What `gantk export` is told beside the model.

    Args:
        to: of data of two domains, which of both is made; None: the second.
        authors: of the model, by name.
        licence: of the model, an SPDX identifier; "" where nobody says.
    """

    to: str | None = None
    authors: tuple[str, ...] = ()
    licence: str = ""


class ByPosition(nn.Module):
    """A generator whose inputs come by position, in a fixed order.

    Args:
        generator: to be called.
        names: of its inputs, in their order.
    """

    def __init__(self, generator: nn.Module, names: tuple[str, ...]):
        super().__init__()
        self.generator = generator
        self.names = names

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs in the order of `names` to samples (B, *spec.shape)."""
        given = dict(zip(self.names, inputs, strict=True))
        return call(self.generator, given.pop("latent", None), **given)


def exported(model: Model, source: Path, request: ExportRequest | None = None) -> ExportedModel:
    """A loaded model as exporters get it.

    Args:
        model: on the CPU.
        source: what it was loaded from, for its card.
        request: what else is known of it.

    Raises:
        DoesNotFit: the generator takes nothing that a file could say, so that there is nothing to export.
    """
    generator, spec = model.generator.eval(), model.spec
    for tensor in (*generator.parameters(), *generator.buffers()):
        tensor.requires_grad_(False)
        tensor.data = tensor.data.contiguous()  # torch.export's files take channels-last weights for parts of others
    example = _inputs(generator, model, 3, 0)
    if not example:
        raise DoesNotFit("this generator takes no latent, no labels and no condition: there is nothing to export")
    net = ByPosition(generator, tuple(example)).eval()
    request = request or ExportRequest()
    recipe = recipe_from_text(model.checkpoint.recipe, name=model.recipe.name)
    return ExportedModel(
        net=net,
        inputs=example,
        axes=_axes(example, spec),
        spec=spec,
        draw=lambda n, seed: _inputs(generator, model, n, seed),
        generator=generator,
        facts=_facts(model),
        card=model_card(model, source, request.authors, request.licence),
        about=str(model.recipe.values["about"]),
        authors=request.authors,
        licence=request.licence,
        citations=tuple(fields_of(entry) for entry in cited(recipe)),
        translator=lambda: exported_translator(model, request.to),
    )


def _inputs(generator: nn.Module, model: Model, n: int, seed: int) -> dict[str, Tensor]:
    spec, found = model.spec, {}
    latent = draw_latents(generator, n, seed=seed)
    if latent is not None:
        found["latent"] = latent
    if spec.classes and declares(generator, "labels"):
        found["labels"] = (torch.arange(n) + seed) % len(spec.classes)
    if spec.condition_shape is not None and declares(generator, "condition"):
        rng = torch.Generator().manual_seed(seed)
        low, high = spec.range or (-1.0, 1.0)
        found["condition"] = low + (high - low) * torch.rand((n, *spec.condition_shape), generator=rng)
    return found


def _axes(inputs: Mapping[str, Tensor], spec: Any) -> dict[str, tuple[str, ...]]:
    axes = {"samples": ("batch", *spec.axes)}
    for name, value in inputs.items():
        own = value.dim() - 1
        like_samples = name == "condition" and own == len(spec.axes)
        named = spec.axes if like_samples else (name,) if own == 1 else tuple(f"{name}_{at}" for at in range(own))
        axes[name] = ("batch", *named)
    return axes


def _facts(model: Model) -> dict[str, Any]:
    checkpoint = model.checkpoint
    return {
        "format": 1,
        "gantk": metadata.version("gantk"),
        "step": checkpoint.step,
        "checkpoint": checkpoint.digest,
        "plugins": dict(checkpoint.plugins),
        "spec": checkpoint.spec.to_json(),
        "recipe": checkpoint.recipe,
    }


def exporter_for(path: Path) -> Exporter:
    """The exporter whose ending fits a path best; a path without an ending, or a folder, is for that of folders.

    Raises:
        FileError: there is none; the message lists those there are.
    """
    known = installed_registry().exporters
    name = path.name.lower()
    fitting = [each for each in known if each.ending != "/" and name.endswith(each.ending)]
    if not fitting and (not path.suffix or path.is_dir()):
        fitting = [each for each in known if each.ending == "/"]
    if not fitting:
        told = "; ".join(f"{each.ending}  {each.summary}" for each in known)
        raise FileError(f"{path}: nothing exports to that ending. There are: {told}")
    return max(fitting, key=lambda each: len(each.ending))
