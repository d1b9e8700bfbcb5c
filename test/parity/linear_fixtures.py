"""The linear evaluation's cases as fixtures, all float64."""

from dataclasses import astuple

import torch
from torch import Tensor

from linear_cases import LinearCase
from training_fixtures import summary


def linear_fixture(case: LinearCase) -> dict[str, Tensor]:
    """`linear_<arch>_moving` and `linear_<arch>_frozen`."""
    return (
        {
            "losses": case.losses,
            "train": torch.tensor(astuple(case.train), dtype=torch.float64),
            "logits": case.logits,
            "test": torch.tensor(astuple(case.test), dtype=torch.float64),
        }
        | summary("classifier_update", case.classifier_update)
        | summary("buffer", case.buffers)
    )
