"""One training step as the reference runs it: InfoNCE, Adam, momentum update, queue.

He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", algorithm 1. The
reference also shuffles the batch before the key encoder and unshuffles it after (section 3.3), for
BatchNorm on several devices; with one group of the batch on one device that changes nothing and is
left out.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class StepResult:
    """What a step computed; the loss still carries its graph."""

    loss: Tensor
    accuracy: Tensor
    """Share of the batch whose positive has the largest logit."""
    query: Tensor
    """(B, D), L2-normalised."""
    keys: Tensor
    """(B, D), L2-normalised, no gradient."""


class ReferenceStep:
    """Both encoders, the optimiser and the queue (m, D), oldest key first."""

    def __init__(
        self,
        query_encoder: nn.Module,
        key_encoder: nn.Module,
        queue: Tensor,
        *,
        temperature: float = 0.5,
        momentum: float = 0.999,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
    ) -> None:
        self.query_encoder = query_encoder
        self.key_encoder = key_encoder
        self.queue = queue
        self.temperature = temperature
        self.momentum = momentum
        self.optimizer = torch.optim.Adam(
            query_encoder.parameters(), lr=learning_rate, weight_decay=weight_decay
        )

    def step(
        self, query_view: Tensor, key_view: Tensor, key_order: Tensor | None = None
    ) -> StepResult:
        """One whole step on two views (B, 3, 32, 32) of the same pictures.

        The key encoder gets them in the order `key_order` (B), if given.
        """
        result = self.forward(query_view, key_view, key_order)
        self.optimizer.zero_grad()
        result.loss.backward()
        self.optimizer.step()
        self.update_key_encoder()
        self.enqueue(result.keys)
        return result

    def forward(
        self, query_view: Tensor, key_view: Tensor, key_order: Tensor | None = None
    ) -> StepResult:
        """The loss, with both encoders as they are (in training mode, when training)."""
        _, query = self.query_encoder(query_view)
        keys = self.keys(key_view, key_order)
        # Encoders under autocast may return bf16; the loss and the queue are not.
        query, keys = query.to(self.queue.dtype), keys.to(self.queue.dtype)
        logits = info_nce_logits(query, keys, self.queue, self.temperature)
        own = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        loss = functional.cross_entropy(logits, own)
        accuracy = (logits.argmax(dim=1) == 0).to(torch.float64).mean()
        return StepResult(loss, accuracy, query.detach(), keys)

    @torch.no_grad()
    def keys(self, key_view: Tensor, key_order: Tensor | None) -> Tensor:
        """(B, D), in the order of the views."""
        if key_order is None:
            return self.key_encoder(key_view)[1]
        _, shuffled = self.key_encoder(key_view[key_order])
        return shuffled[key_order.argsort()]

    @torch.no_grad()
    def update_key_encoder(self) -> None:
        """key = momentum * key + (1 - momentum) * query, for parameters and not for buffers."""
        pairs = zip(self.key_encoder.parameters(), self.query_encoder.parameters(), strict=True)
        for key, query in pairs:
            key.mul_(self.momentum).add_(query, alpha=1 - self.momentum)

    def enqueue(self, keys: Tensor) -> None:
        """The keys (B, D) enter and the oldest leave; of a batch above `m` the newest m stay."""
        self.queue = torch.cat((self.queue, keys))[len(keys) :]


def info_nce_logits(query: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """Similarities (B, 1 + m) to the own key (column 0) and to the queue, over temperature."""
    positive = (query * keys).sum(dim=1, keepdim=True)
    negative = query @ queue.T
    return torch.cat((positive, negative), dim=1) / temperature
