"""Measures without labels, of formula features, float64."""

import torch
from torch import Tensor
from torch.nn import functional

import formula
from reference_measures import (
    alignment,
    dimension_spread,
    effective_rank,
    neighbour_agreement,
    own_key_ranks,
    uniformity,
)

PICTURES = 1100
"""More than two of the blocks in which pictures are compared with each other."""

DIMENSION = 48
NEIGHBOURS = 10

TALL, WIDE = (1100, 48), (40, 64)
"""Shapes of features: more pictures than dimensions, and fewer."""


def measure_fixture() -> dict[str, Tensor]:
    """`measures`: of `first` and `second`, the vectors of two views."""
    first, second = views()
    spheres = [functional.normalize(view, dim=1) for view in (first, second)]
    ranks = own_key_ranks(*spheres)
    fixture = {
        "alignment": alignment(*spheres),
        "uniformity": torch.stack([uniformity(sphere) for sphere in spheres]),
        "effective_rank": effective_rank(first),
        "effective_rank_wide": effective_rank(vectors("wide", WIDE)),
        "dimension_spread": dimension_spread(spheres[0]),
        "own_key_rank": ranks.mean(),
        "own_key_median_rank": ranks.quantile(0.5),
        "own_key_first": (ranks == 0).to(torch.float64).mean(),
        "neighbour_agreement": neighbour_agreement(first, second, NEIGHBOURS),
    }
    return fixture


def views() -> tuple[Tensor, Tensor]:
    """Vectors of two views (1100, 48), which share a part, not normalised."""
    shared = vectors("shared", TALL)
    return shared + vectors("first", TALL) / 2, shared + vectors("second", TALL) / 2


def vectors(name: str, shape: tuple[int, int]) -> Tensor:
    """Vectors of which later dimensions are shorter, and that have a mean, as features have."""
    values = formula.uniform(name, shape, -1, 1).to(torch.float64)
    lengths = 1 / torch.arange(1, shape[1] + 1, dtype=torch.float64)
    return values * lengths + lengths / 4
