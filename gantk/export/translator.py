"""A translator in one direction, with the normalisation of both sides, as exporters get it."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from gantk.api.model import Model
from gantk.errors import DoesNotFit
from gantk.interfaces import call, declares, member
from gantk.interfaces.exporters import ExportedTranslator, PictureSide


class OneWay(nn.Module):
    """A generator of pictures from pictures, in one direction: (B, C, H, W) to (B, C', H, W).

    Args:
        generator: takes a condition, or those of two domains.
        unit: of two domains, which is made; None: there are none.
    """

    def __init__(self, generator: nn.Module, unit: int | None):
        super().__init__()
        self.generator = generator
        self.unit = unit

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures as the net sees them to pictures as it makes them."""
        if self.unit is None:
            return call(self.generator, None, condition=pictures)
        both = pictures[:, None].expand(-1, 2, -1, -1, -1)
        return call(self.generator, None, condition=both).select(1, self.unit)


def exported_translator(model: Model, to: str | None) -> ExportedTranslator:
    """A loaded model as a translator in one direction.

    Args:
        model: on the CPU.
        to: of two domains, which is made; None: the second.

    Raises:
        DoesNotFit: it is no translator, needs more than a picture, or its normalisation is not a linear one of known
            numbers; the message says which.
    """
    generator, spec = model.generator, model.spec
    translator = model.translator(to=to)
    if member(generator, "latent_shape") is not None or (spec.classes and declares(generator, "labels")):
        raise DoesNotFit(
            "this translator takes a latent or labels beside the picture, and other tools give it a picture alone"
        )
    if translator.given is None or translator.made is None or spec.range is None:
        raise DoesNotFit(
            "the run does not know what pixel values mean (its data set gives no `normalisation`, or no range), so no "
            "other tool could feed it raw pictures. A file .onnx takes pictures as the net sees them"
        )
    domains = spec.names.get(spec.axes[0], ("0", "1")) if spec.unit_axes else ()
    made = translator.to or "target"
    given = next((each for each in domains if each != made), "condition")
    sides = _side(given, translator.given), _side(made, translator.made)
    step, overlap = translator.step, translator.full
    return ExportedTranslator(
        net=OneWay(generator, translator.unit if spec.unit_axes else None).eval(),
        given=sides[0],
        made=sides[1],
        range=spec.range,
        clipped=bool(spec.unit_axes),
        size_step=step,
        least=translator.least,
        reach=translator.reach,
        overlap=overlap,
        tile=(spec.own_shape[1], spec.own_shape[2]),
        pixel_size=spec.attributes.get("pixel_size_um"),
        translate=lambda array: translator.translate(array)[0],
    )


def _side(name: str, channels: Any) -> PictureSide:
    low, high = (tuple(each[end] for each in channels) for end in ("low", "high"))
    names = tuple(each["name"] for each in channels)
    for channel, dark, bright in zip(names, low, high, strict=True):
        if not (math.isfinite(dark) and math.isfinite(bright) and bright > dark):
            raise DoesNotFit(
                f"the normalisation of {name} cannot be told to other tools, which scale linearly: the pixel values of "
                f"{channel} go from {dark:g} to {bright:g}"
            )
    return PictureSide(name, names, low, high)
