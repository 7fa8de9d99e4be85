"""A classifier of real samples, trained apart from any run: what metrics of classes judge by."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset
from gantk.spec import DataSpec
from gantk_basics.optimizers import Adam

CHUNK = 500
FEATURES = 64


class Classifier(nn.Module):
    """Two convolutions (3 x 3, ReLU, pairs pooled by their maximum), a dense layer of features, one to the classes.

    Along positions the kernels span 3 of them; samples that are neither images nor strings go through dense layers.
    Units stand beside each other as channels: a class belongs to a whole sample.

    Args:
        spec: what one sample is, with its classes.
        width: channels of the first convolution.
    """

    def __init__(self, spec: DataSpec, width: int = 16):
        super().__init__()
        channels, *sides = spec.own_shape
        seen = spec.unit_count * channels
        layers: list[nn.Module] = []
        if len(sides) in (1, 2):
            kind = nn.Conv1d if len(sides) == 1 else nn.Conv2d
            pool = nn.MaxPool1d if len(sides) == 1 else nn.MaxPool2d
            for outputs in (width, 2 * width):
                layers += [kind(seen, outputs, 3, padding=1), nn.ReLU()]
                if min(sides) >= 2:
                    layers.append(pool(2))
                    sides = [side // 2 for side in sides]
                seen = outputs
        else:
            seen = prod(spec.shape)
            sides = []
            layers += [nn.Flatten(), nn.Linear(seen, FEATURES), nn.ReLU()]
            seen = FEATURES
        self.shape = (-1, spec.unit_count * channels, *spec.own_shape[1:])
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(seen * prod(sides), FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, len(spec.classes))

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, 64)."""
        return self.layers(samples.reshape(self.shape))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, classes), before the softmax."""
        return self.head(self.features(samples))

    @torch.no_grad()
    def judged(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """The class that it sees in each sample, (N,), and the sample's features, (N, 64).

        Args:
            samples: (N, *spec.shape), on the CPU.
        """
        features = torch.cat([self.features(part) for part in samples.float().split(CHUNK)])
        return self.head(features).argmax(1), features


def classifier_of(train: Dataset, *, most: int, steps: int, seed: int = 0) -> Classifier:
    """A classifier that learnt the classes of a training split by cross-entropy; the same one each time, on the CPU.

    Adam, 64 samples a step, a rate that falls from 2e-3 in a line to 0; samples turned over where the data do so.

    Args:
        train: the training split.
        most: of its samples, at random.
        steps: updates.
        seed: of its weights and of the order.

    Raises:
        DoesNotFit: the data have no classes or no labels.
    """
    rng = torch.Generator().manual_seed(seed)
    known = take(train, most, rng, augment=True)
    if known.labels is None or not train.spec.classes:
        raise DoesNotFit("this metric needs data with classes, and these have none: leave it out")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Classifier(train.spec)
    optimizer = Adam(net.parameters(), lr=2e-3)
    with torch.enable_grad():
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * (1 - step / steps)
            chosen = torch.randint(len(known), (64,), generator=rng)
            loss = cross_entropy(net(known.samples[chosen].float()), known.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net.eval()
