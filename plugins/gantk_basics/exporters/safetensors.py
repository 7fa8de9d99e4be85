"""A generator as a folder in the layout of the Hugging Face hub: weights, configuration, model card."""

from __future__ import annotations

import json
from pathlib import Path

from gantk.errors import MissingExtra
from gantk.interfaces import ExportedModel


def export_folder(model: ExportedModel, path: Path) -> list[str]:
    """Writes model.safetensors, config.json and README.md; `gantk sample FOLDER` and `gantk.load(FOLDER)` read it.

    Args:
        model: what to write.
        path: the folder.

    Returns:
        lines that say what was checked.

    Raises:
        MissingExtra: safetensors is not installed.
    """
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise MissingExtra(
            "this needs the package safetensors, which is not here: pip install 'gantk[safetensors]'"
        ) from error
    path.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().clone().contiguous() for name, value in model.generator.state_dict().items()}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    (path / "config.json").write_text(
        json.dumps({"model_type": "gantk", "gantk": dict(model.facts)}, indent=2) + "\n", encoding="utf-8"
    )
    (path / "README.md").write_text(model.card, encoding="utf-8")
    return [f"{len(weights)} tensors; gantk.load({str(path)!r}) reads it back"]
