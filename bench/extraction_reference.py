"""Features of pictures in plain PyTorch, as a worker (see worker.py) for bench/extraction.mjs.

    python bench/extraction_reference.py [--arch resnet50] [--pictures 256] [--device cpu] [--threads N]

Timed is what the reference's evaluation does with a batch: the encoder's forward in evaluation mode, less
the head, and the normalisation of the features. Making and normalising the pictures is not timed.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from worker import (  # finds test/parity, too
    Autocast,
    Variant,
    argument_parser,
    random_pictures,
    seconds_now,
    serve,
)

from reference_model import Encoder

VARIANTS = {
    "fp32": Variant(torch.contiguous_format),
    "fp32-channels-last": Variant(torch.channels_last),
    "bf16-autocast-channels-last": Variant(torch.channels_last, autocast=True),
    "bf16-channels-last": Variant(torch.channels_last, weights=torch.bfloat16),
    "bf16-compiled": Variant(torch.channels_last, weights=torch.bfloat16, compiled="default"),
}


class Extraction:
    """One backbone for each variant that is asked for, all with the same weights."""

    def __init__(self, arch: str, device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        self.backbone = Encoder(arch, 128).f.eval().to(device)
        self.backbones: dict[str, nn.Module] = {}

    @torch.inference_mode()
    def features(self, name: str, pictures: Tensor) -> Tensor:
        """(N, C), L2-normalised, of pictures (N, 3, 32, 32)."""
        variant = VARIANTS[name]
        if name not in self.backbones:
            self.backbones[name] = self.backbone_in(variant)
        torch.backends.cudnn.benchmark = variant.layout == torch.channels_last
        x = pictures.to(variant.weights, memory_format=variant.layout)
        return functional.normalize(self.backbones[name](x).flatten(1).float(), dim=1)

    def seconds(self, name: str, pictures: int) -> float:
        """Seconds for the features of new pictures."""
        batch = random_pictures(pictures, self.device)
        start = seconds_now(self.device)
        features = self.features(name, batch)
        seconds = seconds_now(self.device) - start
        if not features.isfinite().all():
            raise ArithmeticError(f"{name}: features are not finite")
        return seconds

    def backbone_in(self, variant: Variant) -> nn.Module:
        """A copy for one variant."""
        network = copy.deepcopy(self.backbone).to(variant.weights, memory_format=variant.layout)
        if variant.compiled:
            return torch.compile(network, mode=variant.compiled)
        return Autocast(network, self.device) if variant.autocast else network


def main() -> None:
    """Serves extractions until the input ends."""
    parser = argument_parser(__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    extraction = Extraction(arguments.arch, arguments.device)
    serve(VARIANTS, lambda name: extraction.seconds(name, arguments.pictures))


if __name__ == "__main__":
    main()
