"""What a plugin implements: nets, losses, data sets, metrics, views, formats, objectives, callbacks."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.interfaces.callbacks import Callback, StopTraining
    from gantk.interfaces.dataset import SPLITS, Batch, Dataset, Samples
    from gantk.interfaces.exporters import ExportedModel, ExportedTranslator, PictureSide
    from gantk.interfaces.inspection import Inspection, Inspector, InspectRequest, InspectTable
    from gantk.interfaces.loss import Loss, LossWrapper, adam_defaults
    from gantk.interfaces.metrics import Metric, MetricInput, Objective, TrainingLog, Value
    from gantk.interfaces.nets import (
        Critic,
        Generator,
        GeneratorWrapper,
        StepListener,
        call,
        call_encode,
        declares,
        draw_latent,
        feature_count,
        has_batch_statistics,
        has_second_order,
        into_range,
        require_second_order,
        scale_to_range,
        step_listeners,
        takes_encoded_labels,
    )
    from gantk.interfaces.optional_members import OPTIONAL_MEMBERS, has_member, member, overrides
    from gantk.interfaces.play import Play, may_share_forward
    from gantk.interfaces.views import Format, Nearest, Panel, View

__all__ = [
    "OPTIONAL_MEMBERS",
    "SPLITS",
    "Batch",
    "Callback",
    "Critic",
    "Dataset",
    "ExportedModel",
    "ExportedTranslator",
    "Format",
    "Generator",
    "GeneratorWrapper",
    "InspectRequest",
    "InspectTable",
    "Inspection",
    "Inspector",
    "Loss",
    "LossWrapper",
    "Metric",
    "MetricInput",
    "Nearest",
    "Objective",
    "Panel",
    "PictureSide",
    "Play",
    "Samples",
    "StepListener",
    "StopTraining",
    "TrainingLog",
    "Value",
    "View",
    "adam_defaults",
    "call",
    "call_encode",
    "declares",
    "draw_latent",
    "feature_count",
    "has_batch_statistics",
    "has_member",
    "has_second_order",
    "into_range",
    "may_share_forward",
    "member",
    "overrides",
    "require_second_order",
    "scale_to_range",
    "step_listeners",
    "takes_encoded_labels",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "callbacks": ["Callback", "StopTraining"],
        "exporters": ["ExportedModel", "ExportedTranslator", "PictureSide"],
        "dataset": ["Batch", "Dataset", "SPLITS", "Samples"],
        "inspection": ["InspectRequest", "InspectTable", "Inspection", "Inspector"],
        "loss": ["Loss", "LossWrapper", "adam_defaults"],
        "metrics": ["Metric", "MetricInput", "Objective", "TrainingLog", "Value"],
        "nets": [
            "Critic",
            "Generator",
            "GeneratorWrapper",
            "StepListener",
            "call",
            "call_encode",
            "call_encode",
            "declares",
            "draw_latent",
            "feature_count",
            "has_batch_statistics",
            "has_second_order",
            "into_range",
            "require_second_order",
            "scale_to_range",
            "step_listeners",
            "takes_encoded_labels",
        ],
        "optional_members": ["OPTIONAL_MEMBERS", "has_member", "member", "overrides"],
        "play": ["Play", "may_share_forward"],
        "views": ["Format", "Nearest", "Panel", "View"],
    },
)
