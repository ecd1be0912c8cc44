"""The networks. Importing this package fills the registry with every variant."""

from leanpose.models import (
    cunet,
    elhrnet,
    hourglass,
    hrnet,
    litehrnet,
    lpn,
    sfm,
    simplebaseline,
    softgate,
    softgate_context,
    softgate_fast,
)
from leanpose.models.registry import REGISTRY, Published, Variant, create_model, register

__all__ = [
    "REGISTRY",
    "Published",
    "Variant",
    "create_model",
    "cunet",
    "elhrnet",
    "hourglass",
    "hrnet",
    "litehrnet",
    "lpn",
    "register",
    "sfm",
    "simplebaseline",
    "softgate",
    "softgate_context",
    "softgate_fast",
]
