"""A translator as a package of bioimage.io: ONNX, normalisation of both sides, test tensors, model card."""

from __future__ import annotations

import io
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from gantk.errors import DoesNotFit, GantkError, MissingExtra
from gantk.files import write_bytes
from gantk.interfaces import ExportedModel, ExportedTranslator, PictureSide
from gantk_basics.exporters.onnx import OPSET, net_to_onnx

ENDING = ".bioimageio.zip"
TOLERANCE = 1e-4
"""Of the range of the target: a package whose pictures differ by more is not kept."""
NOTES = """

## In other programs

This package is for programs that run models of [bioimage.io](https://bioimage.io).

- **Give it raw pictures**: the channels {given}, in the units of the files that it was trained on ({pixel}). Its
  preprocessing scales each channel as in training{clipped}.
- **It gives {made}** in the units of the target, as floating-point numbers that are neither rounded nor cut to a type.
- Height and width are {least} + n · {step} pixels (n = 0, 1, 2, …), the halo included; a batch is of any size.
- {tiles}

## Validation

`bioimageio test` runs the test tensors: noise in the range of the training data, and its translation. That says
whether a program computes the same, and nothing of how good that is; the section "How good it is" says what is known.
To validate the model, translate fields of which you have the target, from your own microscope, and compare.
"""
SEAMLESS = (
    "A pixel depends on {reach} pixels on every side, and with the halo of {halo} pixels that the description names, "
    "tiles have no seams. bioimageio.core lays that halo round the whole picture, too, and fills it by its edge, where "
    "`gantk translate` lets the net see the border: within {reach} pixels of it they differ, and nowhere else."
)
WHOLE = "All of a picture matters to each of its pixels: translate it whole. Tiles would each get a scale of their own."


def export_bioimageio(model: ExportedModel, path: Path) -> list[str]:
    """Writes a translator as a package of bioimage.io, with what other tools need to give it raw pictures.

    Args:
        model: what to write; its generator makes pictures from pictures.
        path: the file.

    Returns:
        lines that say what was checked.

    Raises:
        DoesNotFit: it is no translator, or one whose normalisation cannot be expressed, or bioimageio.core makes other
            pictures of the same ones.
        GantkError: a licence without an SPDX identifier.
        MissingExtra: bioimageio.core, or what ONNX needs, is not installed.
    """
    translator = model.translator()
    name = path.name[: -len(ENDING)] if path.name.lower().endswith(ENDING) else path.stem
    with _libraries() as (core, spec), tempfile.TemporaryDirectory() as folder:
        try:
            content = _package(spec, model, translator, name, Path(folder))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DoesNotFit(f"bioimageio.spec does not take its description: {where} {first['msg']}") from error
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            package.extractall(Path(folder) / "unpacked")  # bioimageio.core leaves archives open
        lines = _checked(core, translator, Path(folder) / "unpacked" / "rdf.yaml")
    write_bytes(path, content)
    lines.insert(0, f"bioimage.io: {translator.made.name} from {', '.join(translator.given.channels)}, raw to raw")
    missing = [option for option, given in (("--author", model.authors), ("--licence", model.licence)) if not given]
    if missing:
        lines.append(f"before you pass it on, say whose it is: {' and '.join(missing)}")
    return lines


def least_side(translator: ExportedTranslator) -> int:
    """What sides have at least, so that something is left within the halo: a multiple of the step."""
    halo, step = translator.overlap or 0, translator.size_step
    return max(translator.least, 2 * halo + step)


def scaling(low: tuple[float, ...], high: tuple[float, ...], to: tuple[float, float]) -> list[tuple[float, float]]:
    """Of each channel, gain and offset that take `low` to the first number of `to`, and `high` to the second."""
    gains = [(to[1] - to[0]) / (bright - dark) for dark, bright in zip(low, high, strict=True)]
    return [(gain, to[0] - dark * gain) for gain, dark in zip(gains, low, strict=True)]


def raw_pictures(side: PictureSide, shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Noise in the units of the files, a tenth beyond the range to either side: (1, C, H, W)."""
    low, high = (np.array(each)[:, None, None] for each in (side.low, side.high))
    noise = np.random.default_rng(seed).uniform(-0.1, 1.1, (len(side.low), *shape))
    return (low + noise * (high - low))[None].astype(np.float32)


@contextmanager
def _libraries() -> Iterator[tuple[Any, Any]]:
    """bioimageio.core and bioimageio.spec, which do not log."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their own parts
            import bioimageio.core as core
            import bioimageio.spec as spec
            from loguru import logger
    except ImportError as error:
        raise MissingExtra(
            "a package of bioimage.io needs bioimageio.core, which is not here: pip install 'gantk[bioimageio]'"
        ) from error
    logger.disable("bioimageio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield core, spec
    finally:
        logger.enable("bioimageio")


def _package(spec: Any, model: ExportedModel, translator: ExportedTranslator, name: str, folder: Path) -> bytes:
    """The package, in memory; its parts are written into a folder."""
    v5, step, least = spec.model.v0_5, translator.size_step, least_side(translator)
    licence = None if not model.licence else _licence(v5, model.licence)
    height, width = (-(-max(side, least) // step) * step for side in translator.tile)
    raw = raw_pictures(translator.given, (height, width), 0)
    np.save(folder / "test_input.npy", raw)
    np.save(folder / "test_output.npy", translator.translate(raw[0])[None])
    (folder / "weights.onnx").write_bytes(_onnx(translator))
    (folder / "recipe.yaml").write_text(str(model.facts["recipe"]), encoding="utf-8")
    (folder / "README.md").write_text(model.card.rstrip() + _notes(translator), encoding="utf-8")
    described = v5.ModelDescr(
        name=re.sub(r"[^A-Za-z0-9_+() -]", " ", name if len(name) >= 5 else f"gantk {name}")[:128],
        description=model.about[:1024],
        authors=[v5.Author(name=each.replace("/", "-")) for each in model.authors],
        cite=[v5.CiteEntry(**each) for each in map(_cited, model.citations) if each],
        license=licence,
        documentation=v5.FileDescr(source=folder / "README.md"),
        attachments=[v5.FileDescr(source=folder / "recipe.yaml")],
        tags=["gantk", "image-to-image", "image-translation", "2d"],
        inputs=[_input(v5, translator, v5.FileDescr(source=folder / "test_input.npy"))],
        outputs=[_output(v5, translator, v5.FileDescr(source=folder / "test_output.npy"))],
        weights=v5.WeightsDescr(onnx=v5.OnnxWeightsDescr(source=folder / "weights.onnx", opset_version=OPSET)),
        config=v5.Config(gantk={key: model.facts[key] for key in ("gantk", "step", "checkpoint")}),
    )
    content = io.BytesIO()
    spec.save_bioimageio_package_to_stream(described, output_stream=content)
    return content.getvalue()


def _input(v5: Any, translator: ExportedTranslator, tensor: Any) -> Any:
    size = v5.ParameterizedSize(min=least_side(translator), step=translator.size_step)
    tiled, side = translator.overlap is not None, translator.given
    steps = _scale_linear(v5, scaling(side.low, side.high, translator.range))
    if translator.clipped:
        steps.append(v5.ClipDescr(kwargs=v5.ClipKwargs(min=translator.range[0], max=translator.range[1])))
    return v5.InputTensorDescr(
        id="condition",
        description=f"{side.name}, raw"[:128],
        axes=[
            v5.BatchAxis(),
            v5.ChannelAxis(channel_names=list(side.channels)),
            *(v5.SpaceInputAxis(id=axis, size=size, concatenable=tiled, **_pixel(translator)) for axis in "yx"),
        ],
        data=v5.IntervalOrRatioDataDescr(type="float32"),
        pad=v5.EdgePadding(mode="edge"),  # what is not said is not written
        preprocessing=steps,
        test_tensor=tensor,
    )


def _output(v5: Any, translator: ExportedTranslator, tensor: Any) -> Any:
    side = translator.made
    gains = [(1 / gain, -offset / gain) for gain, offset in scaling(side.low, side.high, translator.range)]
    axes = [v5.BatchAxis(), v5.ChannelAxis(channel_names=list(side.channels))]
    for axis in "yx":
        size = v5.SizeReference(tensor_id="condition", axis_id=axis)
        if translator.overlap:
            halo = translator.overlap
            axes.append(v5.SpaceOutputAxisWithHalo(id=axis, size=size, halo=halo, **_pixel(translator)))
        else:
            axes.append(v5.SpaceOutputAxis(id=axis, size=size, **_pixel(translator)))
    return v5.OutputTensorDescr(
        id="samples",
        description=f"{side.name}, in the units of its files"[:128],
        axes=axes,
        data=v5.IntervalOrRatioDataDescr(type="float32"),
        postprocessing=_scale_linear(v5, gains),
        test_tensor=tensor,
    )


def _scale_linear(v5: Any, channels: list[tuple[float, float]]) -> list[Any]:
    """The step of processing that multiplies each channel and adds to it; none where that changes nothing."""
    if all(each == (1.0, 0.0) for each in channels):
        return []
    if len(channels) == 1:
        return [v5.ScaleLinearDescr(kwargs=v5.ScaleLinearKwargs(gain=channels[0][0], offset=channels[0][1]))]
    gain, offset = ([each[at] for each in channels] for at in (0, 1))
    return [v5.ScaleLinearDescr(kwargs=v5.ScaleLinearAlongAxisKwargs(axis="channel", gain=gain, offset=offset))]


def _pixel(translator: ExportedTranslator) -> dict[str, Any]:
    size = translator.pixel_size
    if size is None:
        return {}
    exact = float(np.float32(size))  # sides times it and divided by it again stay whole numbers
    return {"unit": "micrometer", "scale": exact}


def _onnx(translator: ExportedTranslator) -> bytes:
    """The net alone; height and width vary by its step."""
    step, side = translator.size_step, least_side(translator)
    example = torch.zeros(2, len(translator.given.low), side, side + step)
    rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
    vary = {0: torch.export.Dim("batch"), 2: step * rows, 3: step * columns}
    try:
        with torch.no_grad():
            program = torch.export.export(translator.net, (example,), dynamic_shapes=(vary,))
    except Exception as error:  # whatever torch's tracer raises
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DoesNotFit(
            f"this generator cannot be traced for pictures whose sides are multiples of {step}: {reason}"
        ) from error
    leave_out_unused(program.graph)
    return net_to_onnx(program, {"condition": example}, None, "samples", {})


def leave_out_unused(graph: torch.fx.Graph) -> None:
    """Of what is stacked only for one part to be selected, leaves out the others: of two ways the one back."""
    for node in graph.nodes:
        if node.target is not torch.ops.aten.select.int or node.args[0].target is not torch.ops.aten.stack.default:
            continue
        parts, axis = node.args[0].args[0], (*node.args[0].args[1:], 0)[0]
        if node.args[1] == axis:
            node.replace_all_uses_with(parts[node.args[2]])
    graph.eliminate_dead_code()


def _checked(core: Any, translator: ExportedTranslator, described: Path) -> list[str]:
    """Lets bioimageio.core run the package on its test tensors, and on another raw picture of another size."""
    summary = core.test_model(described, devices=["CPUExecutionProvider"])
    if summary.status != "passed":
        wrong = [error.msg for detail in summary.details for error in detail.errors]
        raise DoesNotFit(f"by bioimageio.core, the package fails its test: {'; '.join(wrong)[:500]}; no file was kept")
    step, least = translator.size_step, least_side(translator)
    raw = raw_pictures(translator.given, (least + step, least + 3 * step), 1)
    model = core.load_model_description(described)
    with core.create_prediction_pipeline(model, devices=["CPUExecutionProvider"]) as pipeline:
        sample = core.digest_spec.create_sample_for_model(model, inputs={"condition": raw})
        whole = pipeline.predict_sample_without_blocking(sample, skip_input_padding=True, skip_output_cropping=True)
    theirs, own = np.asarray(whole.members["samples"].data)[0], translator.translate(raw[0])
    side = translator.made
    width = np.array([bright - dark for dark, bright in zip(side.low, side.high, strict=True)])[:, None, None]
    largest = float((np.abs(theirs - own) / width).max())
    if not largest <= TOLERANCE:
        raise DoesNotFit(
            f"by bioimageio.core, pictures differ by {largest:.2g} of the range of {side.name}, which is more than "
            f"{TOLERANCE:g}: no file was kept"
        )
    checked = "its test passes, and of another raw picture it makes the same"
    return [f"bioimageio.core {core.__version__}: {checked} to {largest:.2g} of the range"]


def _notes(translator: ExportedTranslator) -> str:
    tiles = WHOLE
    if translator.overlap is not None:
        tiles = SEAMLESS.format(reach=translator.reach, halo=translator.overlap)
    size = translator.pixel_size
    return NOTES.format(
        given=", ".join(f"`{each}`" for each in translator.given.channels),
        made=", ".join(f"`{each}`" for each in translator.made.channels),
        pixel="the size of a pixel is not known" if size is None else f"{size:g} µm a pixel",
        clipped=", and clips it" if translator.clipped else "",
        least=least_side(translator),
        step=translator.size_step,
        tiles=tiles,
    )


def _cited(fields: Mapping[str, str]) -> dict[str, str]:
    """A paper as the format wants it, or nothing where no DOI of it is known."""
    arxiv = re.search(r"arXiv:(\d{4}\.\d{4,5})", fields.get("journal", ""))
    doi = fields.get("doi") or (f"10.48550/arXiv.{arxiv[1]}" if arxiv else "")
    if not doi:
        return {}
    where = fields.get("journal") or fields.get("booktitle", "")
    return {
        "text": f"{fields.get('author', '')} ({fields.get('year', '')}). {fields.get('title', '')}. {where}",
        "doi": doi,
    }


def _licence(v5: Any, licence: str) -> Any:
    try:
        return v5.LicenseId(licence)
    except ValueError as error:
        raise GantkError(
            f"{licence!r} is no identifier of a licence (https://spdx.org/licenses): write CC-BY-4.0, MIT or another"
        ) from error
