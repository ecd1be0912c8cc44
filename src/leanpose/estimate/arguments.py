"""Arguments of the estimator that are of another kind than they should be, named before they do harm."""

import os
from typing import Any

import numpy as np

from leanpose.core.errors import BoxError, EngineError, ImageError, ModelError


def check_model(model: Any) -> str | os.PathLike[str]:
    """A model's name or file, ``~`` being the home folder; raises ModelError for what is neither."""
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"unknown model {model!r}: give a packaged one's name or the path of a file")
    return os.path.expanduser(model)


def check_threads(threads: Any) -> None:
    """Raises EngineError for what is neither ``None`` nor a number of threads."""
    if threads is not None and not (_is_whole(threads) and threads >= 1):
        raise EngineError(f"threads: a whole number from 1, or None for one per core, not {_named(threads)}")


def check_detector(detector: Any) -> None:
    """Raises ModelError for what can be no detector."""
    if detector is None or isinstance(detector, (str, os.PathLike)) or callable(detector):
        return
    raise ModelError(
        f"detector: a name, a file, a function from an image to boxes, or None for no detector, not {_named(detector)}"
    )


def check_batch_size(batch_size: Any) -> None:
    """Raises ValueError for what is no number of people."""
    if not (_is_whole(batch_size) and batch_size >= 1):
        raise ValueError(f"batch_size must be 1 or more, not {_named(batch_size)}")


def check_images(images: Any) -> None:
    """Raises ImageError where one image stands in the place of many."""
    if isinstance(images, (str, os.PathLike, bytes)) or (isinstance(images, np.ndarray) and images.ndim < 4):
        what = f"an array of shape {images.shape}" if isinstance(images, np.ndarray) else _named(images)
        raise ImageError(f"images: {what} is one image: call the estimator with it, or give [image]")
    if not hasattr(images, "__iter__"):
        raise ImageError(f"images: {_named(images)} are no images: give a list of them, or anything that yields them")


def check_one_each(images: Any, boxes: Any) -> None:
    """Raises BoxError where a list of boxes is not one entry per image."""
    if boxes is not None and len(boxes) != len(images):
        raise BoxError(
            f"boxes: {len(boxes)} for {len(images)} images: give one entry each, None where the detector is to look"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _named(value: Any) -> str:
    return repr(value) if isinstance(value, (str, bool, int, float, type(None))) else type(value).__name__
