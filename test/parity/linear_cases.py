"""The cases behind the linear evaluation's fixtures: one short epoch, then a test.

As in `training_cases.py`, a case runs in any precision and memory layout.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

import formula
from reference_linear import LinearMetrics, ReferenceLinear, metrics_of
from training_cases import Arithmetic, formula_encoder, formula_pictures, running_statistics

CLASSES = 10
BATCHES = (8, 8, 8, 5)
"""Pictures per batch; the last one is incomplete."""
TESTS = 8

LINEAR_MODES = {"moving": False, "frozen": True}
"""Whether BatchNorm is frozen."""


@dataclass
class LinearCase:
    """One epoch, and the test after it in evaluation mode."""

    losses: Tensor
    """Of each batch, before its update."""
    train: LinearMetrics
    logits: Tensor
    """(8, 10), of the test pictures."""
    test: LinearMetrics
    classifier_update: dict[str, Tensor]
    """What the epoch added to `fc.weight` and `fc.bias`, float64."""
    buffers: dict[str, Tensor]
    """The backbone's running statistics after it."""


def linear_case(arch: str, frozen_bn: bool, arithmetic: Arithmetic = Arithmetic()) -> LinearCase:
    """Batch s (from 0) is `linear.s<s>`, the test pictures are `linear.test`."""
    encoder = formula_encoder(arch, arithmetic)
    classifier = formula_classifier(encoder.g[0].in_features, arithmetic)
    before = {n: p.detach().clone() for n, p in classifier.named_parameters()}
    linear = ReferenceLinear(encoder.f, classifier, frozen_bn=frozen_bn)
    steps = []
    for index, size in enumerate(BATCHES):
        labels = formula_labels(f"linear.s{index}", size)
        pictures = formula_pictures(f"linear.s{index}", arithmetic, size)
        steps.append((linear.step(pictures, labels), labels))
    logits = linear.logits(formula_pictures("linear.test", arithmetic, TESTS))
    return LinearCase(
        losses=torch.tensor([metrics_of([step]).loss for step in steps], dtype=torch.float64),
        train=metrics_of(steps),
        logits=logits,
        test=metrics_of([(logits, formula_labels("linear.test", TESTS))]),
        classifier_update={
            f"fc.{name}": (value.detach() - before[name]).to(torch.float64)
            for name, value in classifier.named_parameters()
        },
        buffers={n: b for n, b in running_statistics(encoder).items() if n.startswith("f.")},
    )


def formula_classifier(features: int, arithmetic: Arithmetic) -> nn.Linear:
    """`fc`, within the bounds of PyTorch's initialisation, +-1 / sqrt(features)."""
    classifier = nn.Linear(features, CLASSES)
    bound = features**-0.5
    for name, parameter in classifier.named_parameters():
        values = formula.uniform(f"fc.{name}", tuple(parameter.shape), -bound, bound)
        parameter.data.copy_(values)
    return classifier.to(arithmetic.dtype)


def formula_labels(name: str, count: int) -> Tensor:
    """Labels (count,) of the pictures of that name."""
    return formula.byte(f"{name}.labels", (count,)).to(torch.int64) % CLASSES
