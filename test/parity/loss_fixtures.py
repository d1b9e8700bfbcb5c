"""Every loss on the same comparison: its value, its accuracy and its gradient by the queries."""

import torch
from torch import Tensor
from torch.nn import functional

import formula
from reference_losses import loss_value
from reference_recipe import DEFAULTS

LOSSES = ("info-nce", "dcl", "dclw", "sce", "ressl", "nnclr", "cosine")
BATCH, DIM, NEGATIVES, QUEUE = 6, 16, 10, 9
SETTINGS = DEFAULTS | {
    "temperature": 0.2,
    "teacherTemperature": 0.1,
    "targetShare": 0.3,
    "weightSigma": 0.4,
}


def vectors(name: str, count: int) -> Tensor:
    """(count, DIM), float64, L2-normalised."""
    return functional.normalize(formula.uniform(name, (count, DIM), -1, 1).to(torch.float64), dim=1)


def loss_fixture() -> dict[str, Tensor]:
    """`losses`."""
    keys, negatives = vectors("loss.keys", BATCH), vectors("loss.negatives", NEGATIVES)
    left_out = formula.byte("loss.left_out", (BATCH, NEGATIVES)) < 64
    queue = vectors("loss.queue", QUEUE)
    fixture: dict[str, Tensor] = {"left_out": left_out.to(torch.int64)}
    for name in LOSSES:
        for scale in ("none", "2T"):
            query = vectors("loss.queries", BATCH).requires_grad_()
            settings = SETTINGS | {"loss": name, "lossScale": scale}
            loss, accuracy = loss_value(query, keys, negatives, left_out, queue, settings)
            loss.backward()
            fixture |= {
                f"{name}.{scale}.loss": loss,
                f"{name}.{scale}.accuracy": accuracy,
                f"{name}.{scale}.gradient": query.grad,
            }
    return fixture
