"""A whole training step with every option of `moco train`, in plain PyTorch.

`RecipeRun` takes the configuration keys that decide what a step computes, with their names, and trains
on views that somebody else made. Nothing is batched or reused: each view goes through an encoder on its
own, and each pair of views is compared on its own.
"""

import math
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference_groups import use_groups
from reference_losses import loss_value
from reference_optimiser import learning_rate, make_optimiser, set_learning_rate

DEFAULTS = {
    "m": 4096,
    "temperature": 0.5,
    "momentum": 0.999,
    "momentumUpdate": "after",
    "momentumSchedule": "constant",
    "keyStatistics": "own",
    "keyEncoder": "momentum",
    "loss": "info-nce",
    "lossScale": "none",
    "negatives": "queue",
    "maskSame": False,
    "teacherTemperature": 0.05,
    "targetShare": 0.5,
    "weightSigma": 0.5,
    "accumulate": 1,
    "batchNormGroups": 1,
    "epochs": 500,
}
ONE_SIDED = [{"role": "student"}, {"role": "teacher"}]
"""Groups of views; each has a count and a role, and `both` is student and teacher."""


@dataclass
class Batch:
    """Views (B, 3, s, s) of the same pictures, in the order of the groups."""

    views: list[Tensor]
    numbers: Tensor
    """(B): which pictures they are."""
    key_order: Tensor | None = None
    """(B): the order in which the key encoder gets them."""


@dataclass
class RecipeResult:
    """Means over a step's batches, and the gradient that the optimiser got."""

    loss: Tensor
    accuracy: Tensor
    gradients: dict[str, Tensor]


def roles_of(groups: list[dict]) -> list[str]:
    """The role of every single view."""
    return [group["role"] for group in groups for _ in range(group.get("count", 1))]


class RecipeRun:
    """Encoders, optimiser and queue (m, D), oldest key first, with the numbers of its pictures.

    An epoch has one step.
    """

    def __init__(
        self,
        settings: dict,
        query_encoder: nn.Module,
        key_encoder: nn.Module,
        queue: Tensor,
    ) -> None:
        self.settings = DEFAULTS | settings
        self.roles = roles_of(self.settings.get("views", ONE_SIDED))
        self.query_encoder = query_encoder.train()
        self.key_encoder = key_encoder.train()
        self.queue = queue
        self.queue_numbers = torch.full((len(queue),), -1)
        self.optimizer = make_optimiser(query_encoder.parameters(), self.settings)
        self.steps = 0

    @property
    def is_shared(self) -> bool:
        """Whether keys come from the query encoder."""
        return self.settings["keyEncoder"] == "shared"

    def step(self, batches: list[Batch]) -> RecipeResult:
        """One step of the optimiser, on the mean of the batches' gradients."""
        pictures = sum(len(batch.numbers) for batch in batches)
        rate = learning_rate(self.settings, pictures, steps_per_epoch=1)
        set_learning_rate(self.optimizer, rate(self.steps))
        if self.settings["momentumUpdate"] == "before":
            self.follow()
        statistics = deepcopy(dict(self.key_encoder.named_buffers()))
        self.optimizer.zero_grad()
        losses, accuracies, new = [], [], []
        for batch in batches:
            loss, accuracy, keys = self.forward(batch)
            (loss / len(batches)).backward()
            losses.append(loss.detach())
            accuracies.append(accuracy)
            new.append((keys.detach(), batch.numbers.repeat(len(keys) // len(batch.numbers))))
        named = self.query_encoder.named_parameters()
        gradients = {name: value.grad.clone() for name, value in named}
        self.optimizer.step()
        if self.settings["momentumUpdate"] == "after":
            self.follow()
        self.follow_statistics(statistics)
        for keys, numbers in new:
            self.enqueue(keys, numbers)
        self.steps += 1
        return RecipeResult(torch.stack(losses).mean(), torch.stack(accuracies).mean(), gradients)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The mean loss and accuracy over all pairs of a student and another view that is a teacher;
        and the teachers' keys, view by view."""
        teachers = [i for i, role in enumerate(self.roles) if role != "student"]
        students = [i for i, role in enumerate(self.roles) if role != "teacher"]
        if self.is_shared:
            every = range(len(self.roles))
            keys, queries = self.encode(self.query_encoder, batch.views, every)
        else:
            keys = {i: self.key(batch.views[i], batch.key_order) for i in teachers}
            _, queries = self.encode(self.query_encoder, batch.views, students)
        values = [
            self.pair(queries[student], teacher, keys, batch.numbers)
            for teacher in teachers
            for student in students
            if student != teacher
        ]
        losses, accuracies = zip(*values, strict=True)
        new = torch.cat([keys[i] for i in teachers])
        return torch.stack(losses).mean(), torch.stack(accuracies).mean(), new

    def encode(
        self, encoder: nn.Module, views: list[Tensor], which: range | list[int]
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """By view, what the head and what the predictor gives, L2-normalised.

        BatchNorm normalises each group of each view on its own. Its running statistics move once for
        the views of one size, towards the mean over all groups.
        """
        projections, predictions = {}, {}
        for size in dict.fromkeys(views[i].shape[-1] for i in which):
            same = [i for i in which if views[i].shape[-1] == size]
            use_groups(encoder, self.settings["batchNormGroups"] * len(same))
            pooled = encoder.f(torch.cat([views[i] for i in same])).flatten(start_dim=1)
            projected = encoder.g(pooled)
            predicted = encoder.h(projected) if hasattr(encoder, "h") else projected
            for results, values in ((projections, projected), (predictions, predicted)):
                parts = functional.normalize(values, dim=1).chunk(len(same))
                results.update(zip(same, parts, strict=True))
        return projections, predictions

    @torch.no_grad()
    def key(self, view: Tensor, order: Tensor | None) -> Tensor:
        """The keys of one view (B, D), in its own order."""
        shuffled = view if order is None else view[order]
        keys = self.encode(self.key_encoder, [shuffled], [0])[0][0]
        return keys if order is None else keys[order.argsort()]

    def pair(
        self, queries: Tensor, teacher: int, keys: dict[int, Tensor], numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss and accuracy of one view's queries with another one's keys."""
        in_batch = torch.cat([keys[i] for i in sorted(keys)]) if self.is_shared else keys[teacher]
        repeated = numbers.repeat(len(in_batch) // len(numbers))
        masked = (
            self.queue_numbers
            if self.settings["maskSame"]
            else torch.full_like(self.queue_numbers, -1)
        )
        vectors = {
            "queue": (self.queue, masked),
            "batch": (in_batch, repeated),
            "both": (torch.cat((self.queue, in_batch)), torch.cat((masked, repeated))),
        }
        negatives, of_pictures = vectors[self.settings["negatives"]]
        left_out = numbers[:, None] == of_pictures[None, :]
        return loss_value(queries, keys[teacher], negatives, left_out, self.queue, self.settings)

    def momentum(self) -> float:
        """Of the present step; `cosine` raises it to 1 (Grill et al. 2020, section 3.3)."""
        momentum = self.settings["momentum"]
        if self.settings["momentumSchedule"] == "constant":
            return momentum
        progress = self.steps / self.settings["epochs"]
        return 1 - (1 - momentum) * (math.cos(math.pi * progress) + 1) / 2

    @torch.no_grad()
    def follow(self) -> None:
        """key = momentum * key + (1 - momentum) * query, for parameters and not for buffers."""
        if self.is_shared:
            return
        query = dict(self.query_encoder.named_parameters())
        for name, key in self.key_encoder.named_parameters():
            key.mul_(self.momentum()).add_(query[name], alpha=1 - self.momentum())

    @torch.no_grad()
    def follow_statistics(self, before: dict[str, Tensor]) -> None:
        """The key encoder's running statistics: its own; the query's; or averaged with those."""
        if self.is_shared or self.settings["keyStatistics"] == "own":
            return
        query = dict(self.query_encoder.named_buffers())
        kept = self.momentum() if self.settings["keyStatistics"] == "averaged" else 0
        for name, key in self.key_encoder.named_buffers():
            if key.is_floating_point():
                key.copy_(kept * before[name] + (1 - kept) * query[name])

    def enqueue(self, keys: Tensor, numbers: Tensor) -> None:
        """The keys enter and the oldest leave."""
        self.queue = torch.cat((self.queue, keys))[len(keys) :]
        self.queue_numbers = torch.cat((self.queue_numbers, numbers))[len(numbers) :]
