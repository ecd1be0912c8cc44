"""Ours: a person detector on the encoder and inner levels of the soft-gated network.

Anchor-free, after CenterNet (Zhou et al., arXiv 1904.07850) and TTFNet (Liu et al., AAAI 2020, arXiv 1909.00700): one
map says how likely a cell is the centre of a person, four say how far the person's sides are from the cell. The trunk
is the soft-gated network without its outermost level, so that it can start with the weights of a pose network.

Shape suffixes: B batch, C channels, H height, W width, M candidates.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leanpose.core import geometry
from leanpose.core.errors import ModelError
from leanpose.models.layers import check_input
from leanpose.models.softgate import LEVELS, GatedBlock, HybridStack, softgate_stem
from leanpose.models.softgate_fast import FastBlock, FastStack, fast_stem

PRIOR = 0.01  # of a cell being a centre, before training: with it the many empty cells do not swamp the first steps
SIDE_UNIT = 16.0  # pixels; keeps what the network regresses near 1


class PersonNet(nn.Module):
    """Centres and extents of people.

    Args:
        width: channels of every block, divisible by 4.
        fast: the trunk of :mod:`leanpose.models.softgate_fast` instead of the paper's.

    Input (B, 3, H, W) with H and W divisible by 64. Output: logits (B, 1, H/8, W/8) of each cell being the centre of a
    person, and distances (B, 4, H/8, W/8) in pixels from the cell's centre to the person's left, top, right and bottom.
    """

    stride = 8
    early_layers = ("stem", "encode")  # half of the work; may stay frozen for a while
    input_multiple = stride * 2 ** (LEVELS - 1)

    def __init__(self, width: int = 128, fast: bool = False) -> None:
        super().__init__()
        if fast:
            self.stem, self.encode = fast_stem(width, "channel"), FastBlock(width, width)
            self.stack = FastStack(width, LEVELS - 1)
        else:
            self.stem, self.encode = softgate_stem(width, "channel"), GatedBlock(width, width)
            self.stack = HybridStack(width, LEVELS - 1)
        self.features = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.centre = nn.Conv2d(width, 1, 1)
        self.sides = nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.centre.bias, -torch.tensor(1 / PRIOR - 1).log().item())  # type: ignore[arg-type]

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        check_input(x_BCHW, self.input_multiple)
        features = self.features(self.stack(F.max_pool2d(self.encode(self.stem(x_BCHW)), 2)))
        return self.centre(features), SIDE_UNIT * F.softplus(self.sides(features))

    def load_trunk(self, softgate: Mapping[str, Tensor]) -> None:
        """Take over stem, outer encoder block and inner levels of the first stack of a soft-gated network.

        It must be of the same width and order of operations.

        Raises:
            RuntimeError: when the weights are those of another architecture.
        """
        places = {"stem.": "stem.", "stacks.0.encode.": "encode.", "stacks.0.inner.": "stack."}
        trunk = {
            place + name.removeprefix(prefix): weights
            for name, weights in softgate.items()
            for prefix, place in places.items()
            if name.startswith(prefix)
        }
        missing = self.load_state_dict(trunk, strict=False).missing_keys
        if any(name.startswith(tuple(places.values())) for name in missing):
            raise RuntimeError("not the weights of a soft-gated network of this order of operations")


def person_1x128_fast(width: int = 128, fast: bool = True) -> PersonNet:
    return PersonNet(width, fast)


DETECTORS: dict[str, Callable[..., PersonNet]] = {"person_1x128": PersonNet, "person_1x128_fast": person_1x128_fast}


def create_detector(name: str, **arguments: Any) -> PersonNet:
    """Build the detector ``name``, with any of its constructor arguments replaced.

    Raises:
        ModelError: when no detector has that name, or its constructor does not take an argument.
    """
    if name not in DETECTORS:
        raise ModelError(f"unknown detector '{name}': use one of {', '.join(sorted(DETECTORS))}")
    try:
        return DETECTORS[name](**arguments)
    except TypeError as error:
        raise ModelError(f"detector '{name}' cannot be built with {arguments}: {error}") from error


def cell_centres(maps: Tensor, stride: int) -> Tensor:
    """Input pixels (2, H, W), x before y, of the centres of the cells of maps (..., H, W)."""
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device), torch.arange(width, device=maps.device), indexing="ij"
    )
    return geometry.cells_to_crop(torch.stack((x, y)).to(maps.dtype), stride)  # type: ignore[arg-type]


def boxes_from_sides(sides_B4HW: Tensor, stride: int) -> Tensor:
    """Boxes (B, 4, H, W), xyxy in input pixels, from distances to their sides."""
    centres = cell_centres(sides_B4HW, stride)
    return torch.cat((centres - sides_B4HW[:, :2], centres + sides_B4HW[:, 2:]), dim=1)


class PersonAnswer(nn.Module):
    """A detector that answers with its best candidates: boxes in input pixels and scores, before NMS.

    A candidate is a cell whose score none of its eight neighbours exceeds. Output (B, M, 5): x1, y1, x2, y2, score in
    falling order of the scores; where there are fewer peaks than M, the rest have score 0.
    """

    def __init__(self, network: PersonNet, candidates: int = 100) -> None:
        super().__init__()
        self.network = network
        self.candidates = candidates

    def forward(self, images_BCHW: Tensor) -> Tensor:
        logits, sides = self.network(images_BCHW)
        scores = logits.sigmoid()
        peaks = torch.where(F.max_pool2d(scores, 3, stride=1, padding=1) == scores, scores, 0.0)
        best, cells = peaks.flatten(1).topk(self.candidates)
        boxes = boxes_from_sides(sides, self.network.stride).flatten(2)
        chosen = boxes.gather(2, cells[:, None].expand(-1, 4, -1))
        return torch.cat((chosen.transpose(1, 2), best[..., None]), dim=2)
