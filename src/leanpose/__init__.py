"""leanpose: find people's joints in images and video, fast, on ordinary CPUs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.pose.poses import Poses

__version__ = "0.1.0.dev0"
__all__ = ["PoseEstimator", "Poses", "__version__"]

# found when first asked for, so that ``import leanpose`` costs nothing
_HOMES = {"PoseEstimator": "leanpose.estimate.estimator", "Poses": "leanpose.pose.poses"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'leanpose' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
