"""A generator as one ONNX file, checked by onnxruntime."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit, MissingExtra
from gantk.files import write_bytes
from gantk.interfaces import ExportedModel

OPSET = 20
"""Version of ONNX's operators: that of ONNX 1.15 (2023), which runtimes since then know."""


def export_onnx(model: ExportedModel, path: Path) -> list[str]:
    """Writes a generator as ONNX: weights in the same file, any batch size, axes and recipe in its metadata.

    Args:
        model: what to write.
        path: the file.

    Returns:
        lines that say what was checked.

    Raises:
        DoesNotFit: it cannot be written as ONNX, or onnxruntime gives other samples.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
    """
    content = onnx_bytes(model)
    session = _session(content)
    line = model.compare(lambda inputs: _run(session, inputs), f"onnxruntime {metadata.version('onnxruntime')}")
    write_bytes(path, content)
    return [f"ONNX, opset {OPSET}: inputs {', '.join(model.inputs)}; output samples", line]


def onnx_bytes(model: ExportedModel) -> bytes:
    """The ONNX file of a generator, in memory.

    Raises:
        DoesNotFit: the generator has a part that ONNX cannot say.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
    """
    batch = torch.export.Dim("batch")
    facts = {"gantk": json.dumps(dict(model.facts)), "axes": json.dumps(model.axes), "card": model.card}
    shapes = (tuple({0: batch} for _ in model.inputs),)  # of `*inputs`
    return net_to_onnx(model.net, model.inputs, shapes, "samples", facts)


def net_to_onnx(
    net: nn.Module | torch.export.ExportedProgram,
    inputs: Mapping[str, Tensor],
    shapes: tuple[Any, ...] | None,
    output: str,
    facts: Mapping[str, str],
) -> bytes:
    """Any net as ONNX with its weights in the same file, in memory.

    Args:
        net: in evaluation mode, its inputs by position; or what torch.export made of it.
        inputs: name to an example of each.
        shapes: which of their sizes vary, as `torch.export` has it; None for what it made.
        output: name of the output.
        facts: the file's metadata.

    Raises:
        DoesNotFit: the net has a part that ONNX cannot say.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
    """
    _need("onnx", "onnxscript", "onnxruntime")
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # torchvision's operators, which nobody asked for
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch's own parts
            program: Any = torch.onnx.export(
                net,
                tuple(inputs.values()),
                None,
                input_names=list(inputs),
                output_names=[output],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=shapes,
                verbose=False,
            )
    except Exception as error:  # whatever torch's exporter raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DoesNotFit(f"this generator cannot be written as ONNX: {reason}") from error
    finally:
        quiet.setLevel(level)
    program.model.metadata_props.update(facts)
    return program.model_proto.SerializeToString()


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _run(session: Any, inputs: Mapping[str, Tensor]) -> np.ndarray:
    wanted = {each.name for each in session.get_inputs()}  # an input that nothing depends on is left out
    return session.run(None, {name: value.numpy() for name, value in inputs.items() if name in wanted})[0]


def _need(*packages: str) -> None:
    import importlib

    for name in packages:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise MissingExtra(
                f"ONNX needs the package {name}, which is not here: pip install 'gantk[onnx]'"
            ) from error
