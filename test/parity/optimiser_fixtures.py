"""Optimisers alone, on given gradients, and learning rates by PyTorch's own schedulers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR

import formula
from reference_optimiser import make_optimiser, set_learning_rate

SHAPES = {
    "f.0.weight": (4, 3, 3, 3),
    "f.1.weight": (4,),
    "f.1.bias": (4,),
    "g.0.weight": (5, 4),
    "g.0.bias": (5,),
    "g.2.weight": (3, 5),
}
"""Of neighbours with weight decay and without, and of a convolution, which lies channels last."""

RATES = (0.02, 0.1, 0.1, 0.03, 0.0)
"""The learning rate of each step."""

HALF = {"decayNormAndBias": False}

CASES: dict[str, dict[str, Any]] = {
    "adam": {"optimiser": "adam", "weightDecay": 0.1, "beta1": 0.8, "beta2": 0.95},
    "adam_split": {"optimiser": "adam", "weightDecay": 0.1} | HALF,
    "adamw": {"optimiser": "adamw", "weightDecay": 0.1},
    "adamw_split": {"optimiser": "adamw", "weightDecay": 0.1, "gradientClip": 2.0} | HALF,
    "sgd": {"optimiser": "sgd", "weightDecay": 0.1, "optimiserMomentum": 0.8},
    "sgd_plain": {"optimiser": "sgd", "weightDecay": 0.0, "optimiserMomentum": 0.0},
    "sgd_split": {"optimiser": "sgd", "weightDecay": 0.1, "nesterov": True} | HALF,
    "sgd_clipped": {"optimiser": "sgd", "weightDecay": 0.1, "gradientClip": 2.0},
    "lars": {"optimiser": "lars", "weightDecay": 0.1, "trustCoefficient": 0.02},
    "lars_split": {"optimiser": "lars", "weightDecay": 0.1, "nesterov": True} | HALF,
    "lars_clipped": {
        "optimiser": "lars",
        "weightDecay": 0.1,
        "trustCoefficient": 0.5,
        "trustClip": True,
    }
    | HALF,
}
"""Settings by name; `optimiser_test.cc` has the same."""

STEPS = 20
STEPS_PER_EPOCH = 4


def optimiser_fixture() -> dict[str, Tensor]:
    """`optimiser`: all parameters, one behind the other, after each of five steps of each case."""
    return {name: parameters_after(settings) for name, settings in CASES.items()}


def parameters_after(settings: dict[str, Any]) -> Tensor:
    """(5, P): the parameters start as `optimiser.<name>`, the gradients are `optimiser.s0.<name>`.

    One gradient and one weight are zero, where LARS has no ratio of its own.
    """
    parameters = {
        name: nn.Parameter(formula.uniform(f"optimiser.{name}", shape, -1, 1).double())
        for name, shape in SHAPES.items()
    }
    with torch.no_grad():
        parameters["g.2.weight"].zero_()
    optimiser = make_optimiser(parameters.values(), {"learningRate": RATES[0]} | settings)
    after = []
    for step, rate in enumerate(RATES):
        for name, parameter in parameters.items():
            gradient = formula.uniform(f"optimiser.s{step}.{name}", SHAPES[name], -1, 1).double()
            parameter.grad = torch.zeros_like(gradient) if name == "g.0.bias" else gradient
        if settings.get("gradientClip", 0) > 0:
            clip_grad_norm_(parameters.values(), settings["gradientClip"])
        # LARS with clipping divides by the rate.
        set_learning_rate(optimiser, max(rate, 1e-300))
        optimiser.step()
        after.append(torch.cat([p.detach().flatten() for p in parameters.values()]))
    return torch.stack(after)


def schedule_fixture() -> dict[str, Tensor]:
    """`schedule`: the learning rates of 20 steps, 4 to an epoch, by PyTorch's schedulers."""
    return {
        "step": rates_of(lambda optimiser: MultiStepLR(optimiser, [6, 14], gamma=0.2)),
        "cosine": rates_of(lambda optimiser: CosineAnnealingLR(optimiser, STEPS, eta_min=0.005)),
        "one_cycle": rates_of(
            lambda optimiser: OneCycleLR(
                optimiser, 0.1, STEPS, pct_start=0.3, final_div_factor=4, cycle_momentum=False
            )
        ),
    }


def rates_of(make: Callable[[torch.optim.Optimizer], LRScheduler]) -> Tensor:
    """(20): what a scheduler gives with a learning rate of 0.1."""
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimiser)
    rates = []
    for _ in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)
