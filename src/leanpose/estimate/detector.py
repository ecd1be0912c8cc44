"""PersonDetector: an image in, boxes of people out.

Any callable that does the same, a :data:`Detector`, can stand in its place.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import ModelError
from leanpose.engines import OF_OPENVINO, Precision, Session, open_session
from leanpose.engines.card_file import file_sha256
from leanpose.engines.detector_card import LAYOUTS, DetectorCard, LayoutName
from leanpose.engines.zoo import find_detector
from leanpose.estimate.detector_layouts import (
    BLACK,
    CHANNELS_LAST,
    CUSTOMS,
    GREY,
    describe_ports,
    inner_outputs,
    people,
    recognise,
)
from leanpose.media import as_bgr

Detector = Callable[[np.ndarray], np.ndarray]
"""From a BGR image (H, W, 3) to people's boxes (P, 5): x1, y1, x2, y2 in image pixels, and score in [0, 1]."""

ORIGINAL_SIZE = "orig_target_sizes"  # RT-DETR's second input
SMALLEST = 1.0  # pixels; what is left of a box in the image must be as wide and high


class PersonDetector:
    """Finds people in images.

    Attributes:
        card: of the model; for another project's network without one, what its layout's exports have in common.
        engine: the loaded network; says which engine and precision are in use.
        threshold: score from which a box counts.
        nms_iou: of two boxes that overlap by more than this the better one stays; 1 keeps all.

    Example:
        >>> boxes = PersonDetector()(image)  # (P, 5): x1, y1, x2, y2, score  # doctest: +SKIP
    """

    card: DetectorCard
    engine: Session

    def __init__(
        self,
        model: str | os.PathLike[str] = "person",
        engine: str = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        threshold: float | None = None,
        nms_iou: float | None = None,
        deterministic: bool = False,
    ) -> None:
        """Load a detector.

        Args:
            model: a packaged detector's name or the path of an ``.onnx`` file, or of another that OpenVINO reads
                (:func:`leanpose.engines.open_session`). A card beside the file says what it is; without one, YOLOX,
                RTMDet, RT-DETR, NanoDet and CenterNet are recognised by their outputs (see
                :mod:`leanpose.estimate.detector_layouts`), and ``"yolox:FILE"`` and the like say which it is.
            engine, precision, threads, deterministic: as :func:`leanpose.engines.create_engine` takes them.
            threshold, nms_iou: see the attributes; ``None`` for the card's.

        Raises:
            ModelError: when the model is unknown, damaged, no detector, or does not fit its card.
            EngineError: when the engine is unknown, not installed, or cannot compute in that precision.
            ValueError: for a threshold outside [0, 1], or an ``nms_iou`` outside (0, 1].
        """
        named, _, file = os.fspath(model).partition(":")
        if named in LAYOUTS and file:
            path, card, layout = Path(file), None, named
        elif Path(model).suffix in OF_OPENVINO:
            path, card, layout = Path(model), None, None
        else:
            path, card = find_detector(model)
            layout = card.layout if card else None
        self.engine = open_session(path, engine, threads, precision, deterministic=deterministic)
        layout = layout or recognise(self.engine, path)
        inner = inner_outputs(layout, self.engine, path)
        if inner:
            self.engine = open_session(path, engine, threads, precision, deterministic=deterministic, outputs=inner)
        self._channels_last = layout in CHANNELS_LAST
        image_port = next((n for n, shape in self.engine.inputs.items() if len(shape) == 4), None)
        fits = image_port is not None and set(self.engine.inputs) - {image_port} <= {ORIGINAL_SIZE}
        batch, *sides = self.engine.inputs[image_port] if image_port is not None else (0,)
        channels = sides.pop(-1 if self._channels_last else 0) if sides else 0
        if not fits or batch not in (None, 1) or channels != 3:
            order = "height, width, 3" if self._channels_last else "3, height, width"
            raise ModelError(f"{path} takes no single image (1, {order}): it has {describe_ports(self.engine)}")
        self._port: str = image_port  # type: ignore[assignment]
        height, width = sides
        self._fixed_hw = (height, width) if height is not None and width is not None else None
        self.card = card = card or _customary(path, layout, self._fixed_hw)  # type: ignore[arg-type]
        self.threshold = card.threshold if threshold is None else threshold
        self.nms_iou = card.nms_iou if nms_iou is None else nms_iou
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be in [0, 1], not {threshold}")
        if not 0 < self.nms_iou <= 1:
            raise ValueError(f"nms_iou must be above 0 and at most 1, not {nms_iou}")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The people in an image.

        Args:
            image: BGR (H, W, 3) uint8, or another array that :func:`leanpose.media.as_bgr` takes.

        Returns:
            (P, 5), best first: x1, y1, x2, y2 in image pixels, clipped to the image and at least a pixel wide and
            high, and score.

        Raises:
            ImageError: when the array is no image.
            ModelError: when the network's answer is not of its card's layout.
        """
        image = as_bgr(image)
        batch, transform = self.preprocess(image)
        return self.postprocess(self.infer(batch), transform, batch.shape[2:], image.shape[:2])  # type: ignore[arg-type]

    def preprocess(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees of a BGR image, (1, 3, h, w) float32, and the transform (2, 3) from image to it.

        The image, with the card's ``margin`` on every side, is scaled until its longer side is the card's
        ``input_side``, or until it fits a network of fixed size; what is missing to multiples of ``input_multiple`` is
        added at the right and at the bottom. Our own networks see the mean of their card around the image, others the
        grey or black they learned with. RT-DETR wants the image stretched to its input instead.
        """
        card, hw = self.card, np.array(image.shape[:2])
        room = np.array(self._fixed_hw or (card.input_side, card.input_side))
        if card.layout == "rtdetr":
            zoom_hw, shown, padded = room / hw, room, room
            top, left = 0, 0
        else:
            framed = hw * (1 + 2 * card.margin)
            zoom_hw = np.repeat((room / framed).min(), 2)
            shown = np.maximum(np.round(hw * zoom_hw), 1).astype(int)
            top, left = np.floor((framed - hw) * zoom_hw / 2).astype(int)
            filled = np.maximum(np.round(framed * zoom_hw), 1).astype(int)
            padded = room if self._fixed_hw else -(-filled // card.input_multiple) * card.input_multiple
        transform = geometry.resize_transform(zoom_hw[::-1])
        mean, std = np.asarray(card.mean, np.float32), np.asarray(card.std, np.float32)
        pixels = geometry.warp(image, transform, (int(shown[0]), int(shown[1])))
        batch = np.zeros((1, 3, *padded), np.float32)
        if card.layout != "leanpose":
            around = 0.0 if card.layout in BLACK else GREY
            batch += ((around - mean) / std)[:, None, None]
        channels = cv2.split(pixels)[:: -1 if card.color == "rgb" else 1]
        for seen, channel, its_mean, its_std in zip(batch[0], channels, mean, std, strict=True):
            part = seen[top : top + shown[0], left : left + shown[1]]
            np.divide(np.subtract(channel, its_mean, dtype=np.float32), its_std, out=part)
        return batch, transform + np.array([[0, 0, left], [0, 0, top]])

    def infer(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """The network's outputs by name."""
        feeds = {self._port: batch}
        if self._channels_last:
            feeds[self._port] = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        if ORIGINAL_SIZE in self.engine.inputs:  # boxes come in these pixels; the input's own fit our transform
            feeds[ORIGINAL_SIZE] = np.array([[batch.shape[3], batch.shape[2]]], np.int64)
        return self.engine.run(feeds)

    def postprocess(
        self,
        outputs: dict[str, np.ndarray],
        transform: np.ndarray,
        input_hw: tuple[int, int],
        image_hw: tuple[int, int],
    ) -> np.ndarray:
        """Boxes (P, 5) in image pixels as ``__call__`` gives them, from the network's outputs."""
        found = people(self.card.layout, outputs, input_hw)
        found = found[np.isfinite(found).all(axis=1) & (found[:, 4] >= self.threshold)]
        if len(found) and found[:, 4].max() > 1.001:  # rounding to bfloat16 stays below
            raise ModelError(
                f"detector '{self.card.name}' gives a score of {found[:, 4].max():g}: not probabilities, so no network "
                f"of layout '{self.card.layout}'"
            )
        x1, y1, x2, y2 = geometry.image_box(*image_hw)
        corners = geometry.apply(geometry.invert(transform), found[:, :4].reshape(-1, 2, 2))
        boxes = np.clip(corners, (x1, y1), (x2, y2)).reshape(-1, 4)
        scores = np.minimum(found[:, 4], 1)
        whole = (boxes[:, 2:] - boxes[:, :2] >= SMALLEST).all(axis=1)
        boxes, scores = boxes[whole], scores[whole]
        kept = nms(boxes, scores, self.nms_iou)
        return np.column_stack((boxes[kept], scores[kept]))

    def describe(self) -> str:
        """Model, engine, precision, threshold and overlap in words, for reports."""
        return (
            f"detector {self.card.name}, engine {self.engine.describe()}, "
            f"threshold {self.threshold:g}, nms_iou {self.nms_iou:g}"
        )


def nms(boxes: np.ndarray, scores: np.ndarray, iou: float, groups: np.ndarray | None = None) -> np.ndarray:
    """Greedy non-maximum suppression.

    Args:
        boxes: (M, 4).
        scores: (M,).
        iou: boxes that overlap a better one that stays by more than this are dropped.
        groups: (M,) numbers; boxes of one group do not drop each other.

    Returns:
        Indices of the boxes that stay, best first; of equal scores the earlier box is the better one.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        stays = geometry.box_iou(boxes[best], boxes[order]) <= iou
        order = order[stays if groups is None else stays | (groups[order] == groups[best])]
    return np.array(kept, dtype=int)


def _customary(path: Path, layout: LayoutName, fixed_hw: tuple[int, int] | None) -> DetectorCard:
    """A card for another project's network that has none."""
    if layout == "leanpose":
        raise ModelError(
            f"{path}: a network of leanpose's own needs its card {path.with_suffix('.json').name} beside it"
        )
    side = max(fixed_hw) if fixed_hw else 640
    card = DetectorCard(path.stem, layout, layout, side, file_sha256(path), input_multiple=side)
    return replace(card, **CUSTOMS[layout])
