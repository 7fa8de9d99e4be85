"""From a name in a recipe to a checked, built component; free of torch."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.components.annotations import Fixed, Kind
    from gantk.components.construct import build, component
    from gantk.components.formats import format_for
    from gantk.components.registry import Declared, Registry, installed_registry
    from gantk.components.signature import parameters, supplied
    from gantk.components.validate import fill

__all__ = [
    "Declared",
    "Fixed",
    "Kind",
    "Registry",
    "build",
    "component",
    "fill",
    "format_for",
    "installed_registry",
    "parameters",
    "supplied",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "annotations": ["Fixed", "Kind"],
        "construct": ["build", "component"],
        "formats": ["format_for"],
        "registry": ["Declared", "Registry", "installed_registry"],
        "signature": ["parameters", "supplied"],
        "validate": ["fill"],
    },
)
