"""Metric `stacked_modes`: how many of the 1,000 modes of Stacked MNIST are there, and how evenly they are visited."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Annotated
from weakref import WeakKeyDictionary

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gantk import console
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_basics.metrics.two_sample_tests import device_of
from gantk_basics.optimizers import Adam

DIGITS = 10
OFTEN = 5  # samples of a mode that is more than hit by chance
SHIFT = 2  # pixels that a batch is moved by, at most, while the classifier learns
RATE = 3e-3
TRUSTED = 0.97  # accuracy on held-out digits, below which counts of modes mean little
CHUNK = 500

_trained: WeakKeyDictionary[Dataset, dict[tuple[int, int], DigitClassifier]] = WeakKeyDictionary()
"""Classifiers by the training split and the parameters they learnt with, so that a run trains each once."""


def kl_to_uniform(counts: Tensor) -> float:
    """KL(p ‖ uniform) in nats of the shares p that these counts have; log(modes) where one mode has all.

    Args:
        counts: (modes,), not all 0.
    """
    shares = counts[counts > 0].double() / counts.sum()
    return log(len(counts)) + (shares * shares.log()).sum().item()


class DigitClassifier(nn.Module):
    """Two convolutions (5 x 5, stride 2) and two dense layers, which tell the digit of one channel.

    Args:
        height: pixels.
        width: pixels.
    """

    def __init__(self, height: int, width: int):
        super().__init__()
        inputs = 32 * -(-height // 4) * -(-width // 4)
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, DIGITS)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1, H, W) to scores (B, 10)."""
        return self.layers(images.contiguous(memory_format=torch.channels_last))


class StackedModes(Metric):
    """How many of the modes of Stacked MNIST are among generated stacks, and KL(generated ‖ uniform) in nats.

    A classifier of the training digits says which digit each channel shows; the digits of a stack are its mode, one of
    1,000. Counted are the modes that have at least one sample, and those that have at least five; the same number of
    real held-out stacks gives the reference, of which n = 26,000 have KL of about 999 / 2n = .019 by counting alone.
    The classifier learns once for a run, does not depend on the run's seed, and its accuracy on the digits of those
    real stacks is among the numbers: below .97 the others mean little. It names a digit whatever it is shown, so noise
    has modes, too; `basics/precision_recall` asks for quality.

    Metz et al. 2017, section 3.3.1; 26,000 samples: Lin et al. 2018, section 4.2.

    Args:
        samples: how many generated stacks are counted, and as many real ones.
        steps: updates of the classifier.
        batch: stacks in each of them.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 26_000,
        steps: Annotated[int, Ge(1)] = 1000,
        batch: Annotated[int, Ge(1)] = 43,
    ):
        self.samples = samples
        self.steps = steps
        self.batch = batch

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`modes` and `modes_of_five` (counts), `kl` (nats), beside those of real stacks; the classifier's `accuracy`.

        Raises:
            DoesNotFit: data whose channels are not known to be digits.
        """
        real = take(inputs.test, self.samples, inputs.rng)
        if "digits" not in real.truth:
            raise DoesNotFit("basics/stacked_modes counts stacks of digits: it needs the data basics/stacked_mnist")
        classifier = self._classifier(inputs.train, device_of(inputs.nets))
        read = digits_of(classifier, real.samples)
        accuracy = (read == real.truth["digits"]).float().mean().item()
        found, known = (_counted(digits) for digits in (digits_of(classifier, inputs.generated.samples), read))
        note = f"{len(real):,} real test stacks"
        values = {
            name: Value(found[name], "lower" if name == "kl" else "higher", known[name], note, n_reference=len(real))
            for name in found
        }
        values["accuracy"] = Value(accuracy, note="of the classifier, real test digits", n=0, n_reference=len(real))
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        modes, often, kl, accuracy = (values[name].value for name in ("modes", "modes_of_five", "kl", "accuracy"))
        unsure = f"; not to be trusted, as its accuracy is below {TRUSTED}" if accuracy < TRUSTED else ""
        return (
            f"{modes:.0f} modes of stacked digits ({often:.0f} of them five times or more), KL {kl:.3g} nats, by a "
            f"classifier that tells {accuracy:.1%} of real test digits{unsure}"
        )

    def _classifier(self, train: Dataset, device: torch.device) -> DigitClassifier:
        """One that has learnt the digits of these training stacks, always the same one."""
        known = _trained.setdefault(train, {})
        if (self.steps, self.batch) not in known:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.manual_seed(0)
                known[self.steps, self.batch] = self._learn(train, device)
        return known[self.steps, self.batch].to(device)

    def _learn(self, train: Dataset, device: torch.device) -> DigitClassifier:
        classifier = DigitClassifier(*train.spec.shape[1:]).to(device)
        optimizer = Adam(classifier.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=self.steps + 1)
        for _ in console.progress(range(self.steps), self.steps, "classifier of digits"):
            stacks = train.batch(torch.randint(len(train), (self.batch,)), None)
            down, right = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
            images = stacks.samples.to(device).flatten(0, 1).unsqueeze(1).roll((down, right), (2, 3))
            digits = stacks.truth["digits"].flatten().to(device)
            optimizer.zero_grad()
            cross_entropy(classifier(images), digits).backward()
            optimizer.step()
            schedule.step()
        return classifier.eval()


@torch.no_grad()
def digits_of(classifier: nn.Module, stacks: Tensor) -> Tensor:
    """The digit that a classifier sees in each channel, (N, C).

    Args:
        classifier: (B, 1, H, W) to scores (B, 10).
        stacks: (N, C, H, W).
    """
    device = next(classifier.parameters()).device
    seen = [
        classifier(part.to(device).flatten(0, 1).unsqueeze(1)).argmax(1).reshape(part.shape[:2]).cpu()
        for part in stacks.split(CHUNK)
    ]
    return torch.cat(seen) if seen else torch.zeros(0, stacks.shape[1], dtype=torch.int64)


def _counted(digits: Tensor) -> dict[str, float]:
    """What digits (N, C) say of modes; their number is that of the mode, digit by digit."""
    places = DIGITS ** torch.arange(digits.shape[1] - 1, -1, -1)
    counts = torch.bincount((digits * places).sum(1), minlength=DIGITS ** digits.shape[1])
    return {
        "modes": float((counts > 0).sum()),
        "modes_of_five": float((counts >= OFTEN).sum()),
        "kl": kl_to_uniform(counts),
    }
