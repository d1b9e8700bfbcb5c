"""kNN votes over formula features, float64."""

import torch
from torch import Tensor
from torch.nn import functional

import formula
from reference_knn import accuracy, class_scores, ranked_classes

BANK, TESTS, FEATURES, CLASSES = 300, 40, 64, 10
CASES = ((200, 0.5), (200, 0.1), (5, 0.5), (5, 0.1))
"""k and temperature."""


def knn_fixture() -> dict[str, Tensor]:
    """`knn`: in each case, the votes of the k nearest of `bank` for each of `test`."""
    bank, features = formula_features("bank", BANK), formula_features("test", TESTS)
    bank_labels, labels = formula_labels("bank.labels", BANK), formula_labels("test.labels", TESTS)
    scores = []
    for k, temperature in CASES:
        refuse_near_ties(features @ bank.T, k)
        scores.append(
            class_scores(bank, bank_labels, features, k=k, temperature=temperature, classes=CLASSES)
        )
    ranked = [ranked_classes(case) for case in scores]
    return {
        "k": torch.tensor([k for k, _ in CASES]),
        "temperature": torch.tensor([t for _, t in CASES], dtype=torch.float64),
        "scores": torch.stack(scores),
        "top5_classes": torch.stack(ranked)[:, :, :5],
        "top1": torch.stack([accuracy(case, labels, 1) for case in ranked]),
        "top5": torch.stack([accuracy(case, labels, 5) for case in ranked]),
    }


def formula_features(name: str, count: int) -> Tensor:
    """Rows (count, 64) on the unit sphere: float32 values, normalised in float64."""
    values = formula.uniform(name, (count, FEATURES), -1, 1)
    return functional.normalize(values.to(torch.float64), dim=1)


def formula_labels(name: str, count: int) -> Tensor:
    """Labels (count,) in [0, 10)."""
    return formula.byte(name, (count,)).to(torch.int64) % CLASSES


def refuse_near_ties(similarity: Tensor, k: int) -> None:
    """The k-th and the next neighbour must be further apart than float32 errs."""
    ordered = similarity.sort(dim=1, descending=True).values
    gap = (ordered[:, k - 1] - ordered[:, k]).min().item()
    if gap < 1e-5:
        raise ValueError(f"neighbours {k} and {k + 1} are only {gap:.1e} apart")
