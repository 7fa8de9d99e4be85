"""What a GAN is made of: Dataset, Generator, Critic, Loss; and around it Metric, View, Format, Objective, Callback.

Generators and critics are plain `torch.nn.Module`s with the right methods: no base class. What a component is built
from stands in its signature: left of `*` what gantk supplies by name (`spec` for nets and views, `split` for data
sets, `parameters` for optimisers), right of `*` what the recipe supplies.
"""

from gantk.interfaces.dataset import SPLITS, Batch, Samples
from gantk.interfaces.loss import Critic, Dataset, Generator, Loss
from gantk.interfaces.nets import (
    call,
    declares,
    draw_latent,
    feature_count,
    has_batch_statistics,
    has_second_order,
)
from gantk.interfaces.views import Callback, Format, Metric, Objective, Panel, Value, View

__all__ = [
    "SPLITS",
    "Batch",
    "Callback",
    "Critic",
    "Dataset",
    "Format",
    "Generator",
    "Loss",
    "Metric",
    "Objective",
    "Panel",
    "Samples",
    "Value",
    "View",
    "call",
    "declares",
    "draw_latent",
    "feature_count",
    "has_batch_statistics",
    "has_second_order",
]
