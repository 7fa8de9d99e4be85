"""A generator as a program of torch.export (.pt2)."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch

from gantk.errors import DoesNotFit
from gantk.interfaces import ExportedModel


def export_pt2(model: ExportedModel, path: Path) -> list[str]:
    """Writes a generator as torch.export has it: `torch.export.load(path).module()(latent)` gives samples.

    TorchScript, its forerunner, is deprecated.

    Args:
        model: what to write.
        path: the file.

    Returns:
        lines that say what was checked.

    Raises:
        DoesNotFit: torch cannot trace it, or the program gives other samples.
    """
    batch = torch.export.Dim("batch")
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shapes = (tuple({0: batch} for _ in model.inputs),)
            program = torch.export.export(model.net, tuple(model.inputs.values()), dynamic_shapes=shapes)
    except Exception as error:  # whatever torch's tracer raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DoesNotFit(f"torch.export cannot trace this generator: {reason}") from error
    traced = program.module()

    def run(inputs: object) -> np.ndarray:
        with torch.no_grad():
            return traced(*inputs.values()).numpy()  # type: ignore[attr-defined]  # a mapping

    line = model.compare(run, f"torch.export {torch.__version__}")
    extra = {"gantk.json": json.dumps(dict(model.facts)), "README.md": model.card}
    torch.export.save(program, path, extra_files=extra)
    return [f"torch.export: inputs in this order: {', '.join(model.inputs)}", line]
