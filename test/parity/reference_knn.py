"""The reference's weighted kNN classification.

Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", section 3.4.
"""

import torch
from torch import Tensor


def class_scores(
    bank: Tensor, labels: Tensor, features: Tensor, *, k: int, temperature: float, classes: int
) -> Tensor:
    """Summed votes (T, classes) of each test feature's k nearest bank features.

    `bank` (N, C) and `features` (T, C) are L2-normalised, `labels` (N,) are int64. A neighbour
    votes for its label with exp(cosine similarity / temperature).
    """
    similarity, neighbours = (features @ bank.T).topk(k, dim=1)
    weights = (similarity / temperature).exp()
    scores = bank.new_zeros(len(features), classes)
    return scores.scatter_add_(1, labels[neighbours], weights)


def ranked_classes(scores: Tensor) -> Tensor:
    """Classes (T, classes) by falling score; of equal ones the lower index is first."""
    return scores.argsort(dim=1, descending=True, stable=True)


def accuracy(ranked: Tensor, labels: Tensor, top: int) -> Tensor:
    """Per cent of the test labels (T,) among the first `top` of the ranked classes (T, classes)."""
    hits = (ranked[:, :top] == labels[:, None]).any(dim=1)
    return 100 * hits.to(torch.float64).mean()
