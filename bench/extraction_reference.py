"""Features of pictures in plain PyTorch, as a worker (see worker.py) for bench/extraction.mjs.

    python bench/extraction_reference.py [--arch resnet50] [--pictures 256] [--threads N]

Timed is what the reference's evaluation does with a batch: the encoder's forward in evaluation mode, less
the head, and the normalisation of the features. Making and normalising the pictures is not timed.
"""

import argparse
import copy
import time

import torch
from torch import nn
from torch.nn import functional
from worker import Autocast, Variant, random_pictures, serve  # finds test/parity, too

from reference_model import Encoder

VARIANTS = {
    "fp32": Variant(torch.contiguous_format),
    "fp32-channels-last": Variant(torch.channels_last),
    "bf16-autocast-channels-last": Variant(torch.channels_last, autocast=True),
    "bf16-channels-last": Variant(torch.channels_last, weights=torch.bfloat16),
}


class Extraction:
    """One backbone for each variant, all with the same weights."""

    def __init__(self, arch: str, pictures: int) -> None:
        torch.manual_seed(0)
        self.pictures = pictures
        backbone = Encoder(arch, 128).f.eval()
        self.backbones = {name: backbone_in(backbone, variant) for name, variant in VARIANTS.items()}

    def extract(self, name: str) -> float:
        """Seconds for the features of new pictures."""
        variant, backbone = VARIANTS[name], self.backbones[name]
        pictures = random_pictures(self.pictures)
        start = time.perf_counter()
        with torch.inference_mode():
            x = pictures.to(variant.weights, memory_format=variant.layout)
            features = functional.normalize(backbone(x).flatten(1).float(), dim=1)
        seconds = time.perf_counter() - start
        if not features.isfinite().all():
            raise ArithmeticError(f"{name}: features are not finite")
        return seconds


def backbone_in(backbone: nn.Module, variant: Variant) -> nn.Module:
    """A copy for one variant."""
    network = copy.deepcopy(backbone).to(variant.weights, memory_format=variant.layout)
    return Autocast(network) if variant.autocast else network


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def main() -> None:
    """Serves extractions until the input ends."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    extraction = Extraction(arguments.arch, arguments.pictures)
    serve(VARIANTS, extraction.extract)


if __name__ == "__main__":
    main()
