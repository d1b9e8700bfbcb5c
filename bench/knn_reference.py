"""A whole kNN evaluation in plain PyTorch, as a worker (see worker.py) for bench/gpu.mjs.

    python bench/knn_reference.py [--arch resnet50] [--bank 50000] [--queries 10000] [--batch-size 256]
                                  [--k 200] [--device cpu] [--threads N]

Timed is what the reference's evaluation does: the features of all pictures, by batches, and the votes of
each batch of queries. Making and normalising the pictures is not timed; they lie on the device.
"""

import argparse

import torch
from extraction_reference import VARIANTS, Extraction
from torch import Tensor
from worker import argument_parser, random_pictures, seconds_now, serve  # finds test/parity, too

from reference_knn import class_scores

CLASSES = 10


class Evaluation:
    """Random pictures to classify, and others that vote."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.extraction = Extraction(options.arch, options.device)
        self.bank = random_pictures(options.bank, options.device)
        self.queries = random_pictures(options.queries, options.device)
        self.labels = torch.arange(options.bank, device=options.device) % CLASSES

    def seconds(self, name: str) -> float:
        """Seconds of one evaluation."""
        start = seconds_now(self.options.device)
        bank, queries = self.features(name, self.bank), self.features(name, self.queries)
        scores = torch.cat([self.votes(bank, batch) for batch in self.batches(queries)])
        seconds = seconds_now(self.options.device) - start
        if not scores.isfinite().all():
            raise ArithmeticError(f"{name}: votes are not finite")
        return seconds

    def features(self, name: str, pictures: Tensor) -> Tensor:
        """Of all pictures, (N, C)."""
        extract = self.extraction.features
        return torch.cat([extract(name, batch) for batch in self.batches(pictures)])

    def votes(self, bank: Tensor, queries: Tensor) -> Tensor:
        """Of the bank for each query, (Q, classes)."""
        k = self.options.k
        return class_scores(bank, self.labels, queries, k=k, temperature=0.5, classes=CLASSES)

    def batches(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Of the reference's size."""
        return rows.split(self.options.batch_size)


def main() -> None:
    """Serves evaluations until the input ends."""
    parser = argument_parser(__doc__.splitlines()[0])
    for name, number in {"bank": 50000, "queries": 10000, "batch-size": 256, "k": 200}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    serve(VARIANTS, Evaluation(arguments).seconds)


if __name__ == "__main__":
    main()
