"""All network variants by name, each with the numbers its paper printed. One dict, filled by ``register``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from leanpose.core.errors import ModelError

Counting = Literal["macs", "hrnet", "pthflops", "torchstat"]


@dataclass(frozen=True)
class Published:
    """What a paper prints about a variant; ``None`` where it prints nothing.

    Attributes:
        source: paper and table.
        params_m: parameters in millions.
        macs_g: the operation count as printed, in the unit that ``counting`` names.
        counting: rule behind ``macs_g``: ``"macs"`` decimal giga multiply-adds of convolutions and linear layers;
            ``"hrnet"`` the same divided by 2^30, transposed convolutions counted by output area;
            ``"pthflops"`` decimal, with biases, BatchNorm, ReLU and additions;
            ``"torchstat"`` divided by 2^30, with biases, twice BatchNorm, ReLU and nearest enlargement per element.
        input_hw: input height and width in pixels behind ``macs_g``.
        num_joints: heatmaps behind ``params_m`` and ``macs_g``.
        scores: metric and protocol -> printed score, such as ``{"MPII val PCKh@0.5": 88.0}``.
        note: what is inferred, or why a count deviates.
    """

    source: str
    params_m: float | None = None
    macs_g: float | None = None
    counting: Counting = "macs"
    input_hw: tuple[int, int] = (256, 256)
    num_joints: int = 16
    scores: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Variant:
    """A named network: ``build(num_joints, **width)`` makes it, ``published`` is what its paper says of it."""

    name: str
    build: Callable[..., nn.Module]
    published: tuple[Published, ...]


REGISTRY: dict[str, Variant] = {}

_EL_TABLES = "EL-HRNet (Sensors 2024), Tables 2 to 4"

# Rows of the papers' tables that stay without a network here: what is known of them does not fix their structure.
PUBLISHED_ONLY: dict[str, Published] = {
    "ViPNAS-MobileNetV3": Published(
        _EL_TABLES, 2.8, 0.69, "macs", (256, 192), 17, {"COCO val AP": 67.8}, "found by architecture search"
    ),
    "ScaleNet-P2": Published(
        _EL_TABLES, 35.6, 8.0, "macs", (256, 192), 17, {"COCO val AP": 75.2}, "found by architecture search"
    ),
    "Lightweight-MobileNetV3": Published(
        _EL_TABLES,
        3.1,
        0.58,
        "macs",
        (256, 192),
        17,
        {"COCO val AP": 65.8, "COCO test-dev AP": 65.3, "MPII val PCKh@0.5": 85.9},
        "reference 30 of that paper; its upsampling is not described there",
    ),
}


def register(*published: Published) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Enter the decorated builder into the registry under its own name."""

    def enter(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        name = build.__name__
        if name in REGISTRY:
            raise ValueError(f"two variants are called {name}")
        REGISTRY[name] = Variant(name, build, published)
        return build

    return enter


def create_model(name: str, num_joints: int, **overrides: Any) -> nn.Module:
    """Build the variant ``name`` for ``num_joints`` joints, with any of its constructor arguments replaced.

    Raises:
        ModelError: when no variant has that name, or its constructor does not take an argument.
    """
    if name not in REGISTRY:
        raise ModelError(f"unknown network '{name}': use one of {', '.join(sorted(REGISTRY))}")
    try:
        return REGISTRY[name].build(num_joints, **overrides)
    except TypeError as error:
        raise ModelError(f"network '{name}' cannot be built with {overrides}: {error}") from error
