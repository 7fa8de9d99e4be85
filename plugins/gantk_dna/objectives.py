"""Objectives of design: how much of a wanted property sequences have. A predictor, a motif, an external program."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, MinLen
from gantk_basics.optimizers import AdamW
from torch import Tensor

from gantk.console import warn
from gantk.errors import ComponentError, DataError, DoesNotFit
from gantk.interfaces import Critic, Dataset, Objective
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, train
from gantk_dna.alphabet import decode, hard_codes
from gantk_dna.codes import check_bases
from gantk_dna.files.motif_files import choose_motifs
from gantk_dna.losses import Regression, scores_of
from gantk_dna.metrics.prediction import agreement
from gantk_dna.motifs import scan


class Predicted(Objective):
    """The score that a net predicts, which is trained on scored sequences before the design starts.

    Args:
        spec: what one sequence is.
        data: scored sequences to train on; None: the net stays as it is.
        seed: of weights and batches.
        net: what predicts: `dna/predictor`, or another critic of sequences.
        loss: "squared", "ordinal" or "class"; see the loss `dna/regression`.
        steps: of training.
        batch: sequences in a batch.
        lr: learning rate, which falls to 0 over the steps.
        weight_decay: of AdamW.

    Raises:
        DataError: all scores are equal.
    """

    differentiable = True

    def __init__(
        self,
        spec: DataSpec,
        data: Dataset | None = None,
        seed: int = 0,
        *,
        net: Critic,
        loss: Literal["squared", "ordinal", "class"] = "squared",
        steps: Annotated[int, Ge(1)] = 1500,
        batch: Annotated[int, Ge(2)] = 128,
        lr: Annotated[float, Gt(0)] = 1e-3,
        weight_decay: Annotated[float, Ge(0)] = 1e-3,
    ):
        self.net: torch.nn.Module = net  # type: ignore[assignment]  # a critic is a module
        self.by = "label" if loss == "class" else "score"
        self.learned_from = 0 if data is None else len(data)
        if data is not None:
            _refuse_constant(data, loss)
            optimizer = AdamW(self.net.parameters(), lr=lr, weight_decay=weight_decay)
            state = State(None, self.net, Regression(kind=loss), None, None, optimizer)
            for _ in train(state, data, TrainSettings(seed=seed, steps=steps, batch=batch, schedule="cosine")):
                pass
        self.net.eval().requires_grad_(False)

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B,)."""
        return self.net(samples)

    def quality(self, data: Dataset) -> dict[str, float]:
        """How well it predicts sequences it has not seen; warns where that is no better than chance."""
        found = agreement(self.net, data, self.by)
        if found.doubt:
            which = f" that learned from {self.learned_from:,} sequences" if self.learned_from else ""
            what = f"a predictor{which} is not to be believed"
            warn(
                f"{what}: {found.doubt}. What is designed for it may be designed for noise: give it other or more data"
            )
        return dict(found.values)


def _refuse_constant(data: Dataset, loss: str) -> None:
    """Refuses scores (or labels) that are all equal: there is nothing to learn."""
    first = None
    for chosen in torch.arange(len(data)).split(4096):
        batch = data.batch(chosen, None)
        found = scores_of(batch.truth, batch.labels, loss)
        first = found[0] if first is None else first
        if (found != first).any():
            return
    what = "labels" if loss == "class" else "scores"
    raise DataError(
        f"all {what} of the {len(data):,} training sequences are equal ({first}): there is nothing to learn from them; "
        f"give another column as data.{'label' if loss == 'class' else 'score'}, or another objective"
    )


class Pwm(Objective):
    """The best log-odds score of motifs, over positions and strands, in bits; of several motifs, the sum.

    Args:
        spec: what one sequence is.
        file: matrices in JASPAR (.jaspar, .pfm), MEME (.meme) or TRANSFAC (.transfac) format.
        motifs: names or identities of those that count; null: all in the file.
        strands: "both", or "forward" alone.
        soft: bits over which the maximum is smoothed, so that more than one place gets a gradient; 0: the maximum.
    """

    differentiable = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        file: Path,
        motifs: Sequence[str] | None = None,
        strands: Literal["both", "forward"] = "both",
        soft: Annotated[float, Ge(0)] = 0.0,
    ):
        check_bases(spec)
        self.motifs = choose_motifs(file, motifs)
        for motif in self.motifs:
            if motif.width > spec.shape[1]:
                raise DoesNotFit(f"motif {motif.name} has {motif.width} letters, a sequence only {spec.shape[1]}")
        self.log_odds = [motif.log_odds() for motif in self.motifs]
        self.strands = strands
        self.soft = soft

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B,)."""
        total = samples.new_zeros(len(samples))
        for log_odds in self.log_odds:
            scores = scan(samples, log_odds)  # (B, 2, places)
            scores = (scores if self.strands == "both" else scores[:, :1]).flatten(1)
            total = total + (self.soft * (scores / self.soft).logsumexp(1) if self.soft else scores.amax(1))
        return total

    @property
    def highest(self) -> float:
        """What the best sequence could score at most, in bits."""
        return sum(float(each.max(0).sum()) for each in self.log_odds) / 1000


class Command(Objective):
    """What an external program prints: it reads FASTA on its standard input and writes one number a sequence.

    The last word of each line counts, so `name score` is fine. It gives no gradient, so only the method `feedback`
    can use it. It is run without a shell, and only where the environment variable GANTK_ALLOW_PROGRAMS is 1: a recipe
    that comes from somebody else shall not run programs by itself.

    Args:
        spec: what one sequence is.
        run: the program and its arguments: [python, score.py].
        timeout: seconds after which it is given up.
    """

    differentiable = False

    def __init__(
        self,
        spec: DataSpec,
        *,
        run: Annotated[list[str], MinLen(1)],
        timeout: Annotated[float, Gt(0)] = 600.0,
    ):
        check_bases(spec)
        if os.environ.get("GANTK_ALLOW_PROGRAMS") != "1":
            raise ComponentError(
                f"this recipe wants to run the program `{shlex.join(run)}`. If you trust it with everything that you "
                "may do on this machine, type GANTK_ALLOW_PROGRAMS=1 before the command"
            )
        self.run = run
        self.timeout = timeout

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L), of which the likeliest letters count, to (B,).

        Raises:
            DataError: the program cannot be run, fails, takes too long, or prints something else.
        """
        texts = decode(hard_codes(samples))
        fasta = "".join(f">{number}\n{text}\n" for number, text in enumerate(texts))
        title = " ".join(self.run)
        try:
            done = subprocess.run(
                self.run, input=fasta, capture_output=True, text=True, timeout=self.timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(f"{title}: took more than {self.timeout:g} s for {len(texts)} sequences") from error
        except OSError as error:
            raise DataError(f"{title}: cannot be run: {error.strerror or error}") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise DataError(f"{title}: failed with exit code {done.returncode}: {last}")
        lines = [line.split()[-1] for line in done.stdout.splitlines() if line.strip()]
        try:
            scores = torch.tensor([float(word) for word in lines])
        except ValueError as error:
            raise DataError(f"{title}: printed something that is not a number: {error}") from error
        if len(scores) != len(texts) or not scores.isfinite().all():
            raise DataError(f"{title}: printed {len(scores)} finite or other numbers for {len(texts)} sequences")
        return scores
