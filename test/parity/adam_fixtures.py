"""Adam and the momentum update alone, on given gradients: no network before them to blur it."""

import torch
from torch import Tensor, nn

import formula
from reference_step import ReferenceStep

SHAPE = (19, 27)
STEPS = 5


class Weight(nn.Module):
    """One parameter (19, 27) in an encoder's place."""

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(formula.uniform(name, SHAPE, -0.1, 0.1).to(dtype))


def adam_fixture(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """`adam`: query and key weight after each of five steps with the reference's constants.

    The weights start as `adam.query` and `adam.key`, uniform in [-0.1, 0.1).
    """
    query, key = Weight("adam.query", dtype), Weight("adam.key", dtype)
    training = ReferenceStep(query, key, torch.empty(0))
    gradients = formula_gradients()
    query_after, key_after = [], []
    for gradient in gradients:
        query.weight.grad = gradient.to(dtype)
        training.optimizer.step()
        training.update_key_encoder()
        query_after.append(query.weight.detach().clone())
        key_after.append(key.weight.detach().clone())
    return {
        "gradients": gradients,
        "query": torch.stack(query_after),
        "key": torch.stack(key_after),
    }


def formula_gradients() -> Tensor:
    """Gradients (5, 19, 27), float32: from 1 down to 1e-8 by column.

    At the lower end the gradient is no larger than its weight decay and than Adam's epsilon.
    """
    values = formula.uniform("adam.gradients", (STEPS, *SHAPE), -1, 1)
    return values * 10.0 ** -(torch.arange(SHAPE[1]) % 9).to(torch.float32)
