"""What is measured of an encoder without labels, stated plainly."""

import torch
from torch import Tensor
from torch.nn import functional


def alignment(first: Tensor, second: Tensor) -> Tensor:
    """Wang & Isola, ICML 2020, appendix A: mean ‖x − y‖^α with α = 2, of rows (N, D) on the sphere."""
    return (first - second).norm(p=2, dim=1).pow(2).mean()


def uniformity(projections: Tensor) -> Tensor:
    """Wang & Isola, ICML 2020, appendix A: log mean exp(−t‖x − y‖²) with t = 2, over all pairs."""
    return torch.pdist(projections, p=2).pow(2).mul(-2).exp().mean().log()


def effective_rank(features: Tensor) -> Tensor:
    """RankMe (Garrido et al., ICML 2023), of features (N, C)."""
    values = torch.linalg.svdvals(features)
    shares = values / values.norm(p=1) + 1e-7
    return (-(shares * shares.log()).sum()).exp()


def dimension_spread(projections: Tensor) -> Tensor:
    """Chen & He, CVPR 2021, section 4.1, as a share of 1/√D; of rows (N, D) on the sphere."""
    return projections.std(dim=0).mean() * projections.shape[1] ** 0.5


def own_key_ranks(queries: Tensor, keys: Tensor) -> Tensor:
    """For each query (N, D), the share of other keys that are nearer than its own; ties count half."""
    others = len(keys) - 1
    shares = []
    for number, similarities in enumerate(queries @ keys.T):
        own = similarities[number]
        nearer = (similarities > own).sum().to(torch.float64)
        equal = (similarities == own).sum().to(torch.float64) - 1
        shares.append((nearer + equal / 2) / others)
    return torch.stack(shares)


def neighbour_agreement(first: Tensor, second: Tensor, k: int) -> Tensor:
    """Huh et al., ICML 2024, appendix A: how many of the k nearest others two sets of features share."""
    neighbours = [nearest_others(features, k) for features in (first, second)]
    common = [len(set(a) & set(b)) for a, b in zip(*neighbours, strict=True)]
    return torch.tensor(common, dtype=torch.float64).mean() / k


def nearest_others(features: Tensor, k: int) -> list[list[int]]:
    """The numbers of each row's k nearest others by cosine similarity."""
    rows = functional.normalize(features, dim=1)
    similarities = (rows @ rows.T).fill_diagonal_(-torch.inf)
    return similarities.topk(k, dim=1).indices.tolist()
