"""The losses of one comparison, in plain PyTorch.

Queries (B, D), their own keys (B, D) and negatives (n, D) are L2-normalised; `left_out` (B, n) says
which negatives do not count for a query. Every loss returns its mean over the batch, and the share of
queries whose own key scores highest.
"""

import torch
from torch import Tensor
from torch.nn import functional

Value = tuple[Tensor, Tensor]


def to_negatives(vectors: Tensor, negatives: Tensor, left_out: Tensor) -> Tensor:
    """Similarities (B, n), minus infinity where a negative does not count."""
    return torch.where(left_out, -torch.inf, vectors @ negatives.T)


def own_similarity(query: Tensor, keys: Tensor) -> Tensor:
    """q·k⁺ (B)."""
    return (query * keys).sum(dim=1)


def own_is_highest(own: Tensor, others: Tensor) -> Tensor:
    """Share of the queries whose own key is nearer than every negative."""
    return (own > others.max(dim=1).values).to(torch.float64).mean()


def info_nce(query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Value:
    """-log of the own key's share of the exponentials (He et al. 2020, eq. 1)."""
    own, others = own_similarity(query, keys), to_negatives(query, negatives, left_out)
    logits = torch.cat((own[:, None], others), dim=1) / s["temperature"]
    return -logits.log_softmax(dim=1)[:, 0].mean(), own_is_highest(own, others)


def dcl(query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Value:
    """The same without the own key in the sum (Yeh et al. 2022, eq. 6)."""
    own, others = own_similarity(query, keys), to_negatives(query, negatives, left_out)
    sums = (others / s["temperature"]).exp().sum(dim=1)
    return (sums.log() - own / s["temperature"]).mean(), own_is_highest(own, others)


def dclw(query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Value:
    """DCL with weighted positives; the weights are constants."""
    own, others = own_similarity(query, keys), to_negatives(query, negatives, left_out)
    spread = (own.detach() / s["weightSigma"]).exp()
    weights = 2 - spread / spread.mean()
    sums = (others / s["temperature"]).exp().sum(dim=1)
    loss = (sums.log() - weights * own / s["temperature"]).mean()
    return loss, own_is_highest(own, others)


def soft_targets(keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Tensor:
    """How a key is spread over the negatives (B, n)."""
    similar = to_negatives(keys.detach(), negatives.detach(), left_out)
    return (similar / s["teacherTemperature"]).softmax(dim=1)


def soft_cross_entropy(targets: Tensor, logits: Tensor, left_out: Tensor) -> Tensor:
    """-sum of target * log p over the entries that count."""
    terms = targets * torch.where(left_out, 0.0, logits)
    return -terms.sum(dim=1)


def sce(query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Value:
    """Cross-entropy with targetShare of the own key and the rest spread as the key is (Denize 2023)."""
    own, others = own_similarity(query, keys), to_negatives(query, negatives, left_out)
    logits = torch.cat((own[:, None], others), dim=1) / s["temperature"]
    of_own = torch.zeros_like(logits.detach())
    of_own[:, 0] = 1
    soft = functional.pad(soft_targets(keys, negatives, left_out, s), (1, 0))
    targets = s["targetShare"] * of_own + (1 - s["targetShare"]) * soft
    counts = functional.pad(left_out, (1, 0))
    loss = soft_cross_entropy(targets, logits.log_softmax(dim=1), counts)
    return loss.mean(), own_is_highest(own, others)


def ressl(query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, s: dict) -> Value:
    """Query and key are to be spread alike over the negatives (Zheng et al. 2021)."""
    own, others = own_similarity(query, keys), to_negatives(query, negatives, left_out)
    targets = soft_targets(keys, negatives, left_out, s)
    logits = (others / s["temperature"]).log_softmax(dim=1)
    return soft_cross_entropy(targets, logits, left_out).mean(), own_is_highest(own, others)


def nnclr(query: Tensor, keys: Tensor, queue: Tensor, s: dict) -> Value:
    """The nearest of the queue in place of the key, against the batch's queries (Dwibedi 2021, eq. 3)."""
    nearest = (keys.detach() @ queue.T).argmax(dim=1)
    logits = queue[nearest] @ query.T / s["temperature"]
    own = torch.arange(len(logits))
    highest = (logits.argmax(dim=1) == own).to(torch.float64).mean()
    return functional.cross_entropy(logits, own), highest


def cosine(query: Tensor, keys: Tensor) -> Value:
    """BYOL's 2 - 2 cos (Grill et al. 2020, eq. 2); the accuracy is among the batch's keys."""
    keys = keys.detach()
    highest = ((query @ keys.T).argmax(dim=1) == torch.arange(len(keys))).to(torch.float64).mean()
    return (2 - 2 * own_similarity(query, keys)).mean(), highest


WITH_NEGATIVES = {"info-nce": info_nce, "dcl": dcl, "dclw": dclw, "sce": sce, "ressl": ressl}


def loss_value(
    query: Tensor, keys: Tensor, negatives: Tensor, left_out: Tensor, queue: Tensor, s: dict
) -> Value:
    """The loss that the settings `s` name, by moco's configuration keys."""
    match s["loss"]:
        case "nnclr":
            loss, accuracy = nnclr(query, keys, queue, s)
        case "cosine":
            loss, accuracy = cosine(query, keys)
        case name:
            loss, accuracy = WITH_NEGATIVES[name](query, keys, negatives, left_out, s)
    return loss * (2 * s["temperature"] if s["lossScale"] == "2T" else 1), accuracy
