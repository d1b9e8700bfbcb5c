"""The reference's encoder in plain PyTorch: a ResNet with the CIFAR stem and a projection head.

Module names are the reference's, so `state_dict()` has its keys and its order: `f` is torchvision's
ResNet without its pool and classifier, as a sequence (`f.0` convolution, `f.1` BatchNorm, `f.2`
ReLU, `f.3` ... `f.6` stages, `f.7` average pool), `g` the projection head. The ImageNet stem, which
the reference does not have, is torchvision's under the same names: its max-pool has no tensors and
joins the ReLU in `f.2`.
"""

from torch import Tensor, nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3, 1)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, width, H / stride, W / stride)."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return functional.relu(y, inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 (which has the stride) and 1x1 convolution and a shortcut (ResNet-50)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = convolution(inputs, width, 1, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = convolution(width, outputs, 1, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, 4 width, H / stride, W / stride)."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return functional.relu(y, inplace=True)


Block = type[BasicBlock] | type[Bottleneck]

ARCHITECTURES: dict[str, tuple[Block, tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}


class Encoder(nn.Module):
    """Backbone `f` and projection head `g`; the stem is `cifar` or `imagenet`."""

    def __init__(self, arch: str, feature_dim: int, stem: str = "cifar") -> None:
        super().__init__()
        block, depths = ARCHITECTURES[arch]
        layers = STEMS[stem]()
        inputs = 64
        for index, depth in enumerate(depths):
            width = 64 * 2**index
            layers.append(stage(block, inputs, width, depth, stride=1 if index == 0 else 2))
            inputs = width * block.expansion
        self.f = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.g = nn.Sequential(
            nn.Linear(inputs, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(inplace=True),
            nn.Linear(512, feature_dim),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 32, 32) to features (B, C) and outputs (B, feature_dim), both L2-normalised."""
        pooled = self.f(x).flatten(start_dim=1)
        return functional.normalize(pooled, dim=1), functional.normalize(self.g(pooled), dim=1)


def cifar_stem() -> list[nn.Module]:
    """(B, 3, H, W) to (B, 64, H, W).

    The convolution is PyTorch's own, with PyTorch's initialisation: only the ResNet's remaining
    ones have torchvision's.
    """
    return [
        nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
    ]


def imagenet_stem() -> list[nn.Module]:
    """(B, 3, H, W) to (B, 64, H / 4, W / 4)."""
    pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return [convolution(3, 64, 7, 2), nn.BatchNorm2d(64), nn.Sequential(nn.ReLU(inplace=True), pool)]


STEMS = {"cifar": cifar_stem, "imagenet": imagenet_stem}


def convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    """Convolution without bias, Kaiming-normal by its fan-out."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """The projection that makes a block's input fit its output, where it does not fit already."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


def stage(block: Block, inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` blocks, the first with the stride."""
    first = block(inputs, width, stride)
    rest = [block(width * block.expansion, width, 1) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)
