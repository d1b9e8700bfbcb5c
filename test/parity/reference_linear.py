"""The reference's linear evaluation: a classifier trained on a frozen backbone's features."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference_knn import accuracy, ranked_classes

Batch = tuple[Tensor, Tensor]
"""Logits (B, classes) and labels (B,)."""


@dataclass
class LinearMetrics:
    """Means over pictures."""

    loss: float
    top1: float
    """Per cent."""
    top5: float
    """Per cent."""


class ReferenceLinear:
    """Backbone `f` and classifier `fc`, of which only the classifier is trained.

    In the reference the whole network is in training mode, so that the frozen backbone takes each
    batch's statistics and its running statistics move. With `frozen_bn` it is in evaluation mode,
    as official MoCo has it.
    """

    def __init__(
        self,
        backbone: nn.Module,
        classifier: nn.Linear,
        *,
        frozen_bn: bool = False,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
    ) -> None:
        self.network = nn.Sequential(backbone.requires_grad_(False), nn.Flatten(), classifier)
        self.frozen_bn = frozen_bn
        self.optimizer = torch.optim.Adam(
            classifier.parameters(), lr=learning_rate, weight_decay=weight_decay
        )

    def step(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """Trains on a batch; the logits (B, classes) before the update."""
        self.network.train(not self.frozen_bn)
        logits = self.network(pictures)
        self.optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        self.optimizer.step()
        return logits.detach()

    @torch.no_grad()
    def logits(self, pictures: Tensor) -> Tensor:
        """(B, classes), in evaluation mode."""
        return self.network.eval()(pictures)


def metrics_of(batches: Iterable[Batch]) -> LinearMetrics:
    """Metrics of logits (B, classes) and labels, batch by batch, as the reference sums them up."""
    loss = top1 = top5 = 0.0
    pictures = 0
    for logits, labels in batches:
        count = len(labels)
        ranked = ranked_classes(logits)
        loss += functional.cross_entropy(logits, labels).item() * count
        top1 += accuracy(ranked, labels, 1).item() * count
        top5 += accuracy(ranked, labels, 5).item() * count
        pictures += count
    return LinearMetrics(loss / pictures, top1 / pictures, top5 / pictures)
