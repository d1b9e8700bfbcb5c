"""The reference's encoder in plain PyTorch: a ResNet with the CIFAR stem and a projection head.

Module names are the reference's, so `state_dict()` has its keys and its order: `f` is torchvision's
ResNet without its pool and classifier, as a sequence (`f.0` convolution, `f.1` BatchNorm, `f.2`
ReLU, `f.3` ... `f.6` stages, `f.7` average pool), `g` the projection head. The ImageNet stem, which
the reference does not have, is torchvision's under the same names: its max-pool has no tensors and
joins the ReLU in `f.2`. So it does in the CIFAR stem with a max-pool. Other widths, heads, and a
predictor `h` are what later papers have.
"""

from dataclasses import dataclass

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
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


@dataclass(frozen=True)
class MlpShape:
    """Linear layers, all but the last with ReLU, and with BatchNorm before that."""

    layers: int = 2
    hidden_dim: int = 512
    batch_norm: bool = True
    last_batch_norm: str = "none"
    """After the last layer: `none`, `affine`, or `plain`, without weight and bias."""


REFERENCE_HEAD = MlpShape()
NO_PREDICTOR = MlpShape(layers=0)


class Encoder(nn.Module):
    """Backbone `f`, projection head `g` and predictor `h`; the stem is one of `STEMS`.

    A head of no layers gives the features themselves.
    """

    def __init__(
        self,
        arch: str,
        feature_dim: int,
        stem: str = "cifar",
        width: float = 1,
        head: MlpShape = REFERENCE_HEAD,
        predictor: MlpShape = NO_PREDICTOR,
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        block, depths = ARCHITECTURES[arch]
        inputs = first = int(64 * width)
        layers = STEMS[stem](first)
        for index, depth in enumerate(depths):
            channels = first * 2**index
            layers.append(stage(block, inputs, channels, depth, stride=1 if index == 0 else 2))
            inputs = channels * block.expansion
        self.f = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.g = mlp(inputs, feature_dim, head)
        self.h = mlp(feature_dim, feature_dim, predictor)
        if zero_init:
            zero_last_norms(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 32, 32) to features (B, C) and outputs (B, feature_dim), both L2-normalised."""
        pooled = self.f(x).flatten(start_dim=1)
        return functional.normalize(pooled, dim=1), functional.normalize(self.g(pooled), dim=1)

    def predict(self, x: Tensor) -> Tensor:
        """(B, 3, 32, 32) to what the predictor makes of the projections, L2-normalised."""
        return functional.normalize(self.h(self.g(self.f(x).flatten(start_dim=1))), dim=1)


def mlp(inputs: int, outputs: int, shape: MlpShape) -> nn.Sequential:
    """A projection head or predictor; layers that a BatchNorm follows have no bias."""
    modules: list[nn.Module] = []
    width = inputs
    for _ in range(shape.layers - 1):
        modules.append(nn.Linear(width, shape.hidden_dim, bias=not shape.batch_norm))
        if shape.batch_norm:
            modules.append(nn.BatchNorm1d(shape.hidden_dim))
        modules.append(nn.ReLU(inplace=True))
        width = shape.hidden_dim
    if shape.layers > 0:
        is_normed = shape.last_batch_norm != "none"
        modules.append(nn.Linear(width, outputs, bias=not is_normed))
        if is_normed:
            modules.append(nn.BatchNorm1d(outputs, affine=shape.last_batch_norm == "affine"))
    return nn.Sequential(*modules)


def zero_last_norms(encoder: nn.Module) -> None:
    """Every residual block starts as the identity (Goyal et al. 2017, section 5.1)."""
    for module in encoder.modules():
        if isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
        if isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)


def cifar_stem(channels: int = 64) -> list[nn.Module]:
    """(B, 3, H, W) to (B, channels, H, W).

    The convolution is PyTorch's own, with PyTorch's initialisation: only the ResNet's remaining
    ones have torchvision's.
    """
    return [
        nn.Conv2d(3, channels, kernel_size=3, stride=1, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]


def cifar_pool_stem(channels: int = 64) -> list[nn.Module]:
    """(B, 3, H, W) to (B, channels, H / 2, W / 2)."""
    first, norm, relu = cifar_stem(channels)
    return [first, norm, nn.Sequential(relu, max_pool())]


def imagenet_stem(channels: int = 64) -> list[nn.Module]:
    """(B, 3, H, W) to (B, channels, H / 4, W / 4)."""
    relu = nn.ReLU(inplace=True)
    norm = nn.BatchNorm2d(channels)
    return [convolution(3, channels, 7, 2), norm, nn.Sequential(relu, max_pool())]


def max_pool() -> nn.Module:
    """To half the height and width."""
    return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)


STEMS = {"cifar": cifar_stem, "cifar-pool": cifar_pool_stem, "imagenet": imagenet_stem}


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
