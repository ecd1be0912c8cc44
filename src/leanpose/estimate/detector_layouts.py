"""How detectors answer: from a network's outputs to boxes and scores of people.

Six layouts are known, the first is our own:

=========  ================================================  =========================================================
layout     outputs                                           what goes in
=========  ================================================  =========================================================
leanpose   ``boxes`` (1, M, 5)                               as the card says
yolox      one (1, M, 5 + C), decoded or not, or mmdeploy's  letterbox on grey, BGR 0..255
rtmdet     mmdeploy's ``dets`` (1, M, 5), ``labels`` (1, M)  letterbox on grey, BGR, ImageNet's mean and deviation
rtdetr     ``labels``, ``boxes``, ``scores``, or ``logits``  the image stretched to the input, RGB 0..1
           (1, M, C) and ``pred_boxes``
nanodet    for strides 8, 16, 32 scores (1, M, 80) and       letterbox on black, BGR, ImageNet's mean and deviation
           distances (1, M, 4 B) in B bins
centernet  maps of scores (1, h, w, C) and distances         letterbox on black, RGB 0..255, channels last
           (1, h, w, 4), as outputs or inside the network
=========  ================================================  =========================================================

Of the classes only the first, which is person in COCO's order of 80, is kept.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leanpose.core import geometry
from leanpose.core.errors import ModelError
from leanpose.engines import InputShape, Session
from leanpose.engines.detector_card import LAYOUTS, LayoutName

PERSON = 0
STRIDES = (8, 16, 32)  # of the three grids of YOLOX and NanoDet
GREY = 114.0  # around letterboxed images, in the line of YOLOX and MMDetection
BLACK: tuple[LayoutName, ...] = ("nanodet", "centernet")  # layouts that have it around them instead
CHANNELS_LAST: tuple[LayoutName, ...] = ("centernet",)
COCO_CLASSES = 80
DISTANCE_CHANNELS = 4  # left, top, right, bottom
CENTERNET_STRIDE = 4
CENTERNET_MAPS = ("tower_0/keypoints:0", "tower_0/wh:0")  # tensors inside a graph that ends in a list of detections
DETR_CLASSES = (91, 92)  # of the first DETR: COCO's ids with gaps, person 1, softmax instead of sigmoid

# card fields that a layout's exports have in common
CUSTOMS: dict[LayoutName, dict[str, Any]] = {
    "yolox": {"std": (1.0, 1.0, 1.0), "threshold": 0.3, "nms_iou": 0.45},
    "rtmdet": {
        "mean": (103.53, 116.28, 123.675),
        "std": (57.375, 57.12, 58.395),
        "threshold": 0.3,
        "nms_iou": 0.65,
    },
    "rtdetr": {"color": "rgb", "threshold": 0.5, "nms_iou": 1.0},  # answers without duplicates
    "nanodet": {
        "mean": (103.53, 116.28, 123.675),
        "std": (57.375, 57.12, 58.395),
        "threshold": 0.4,
        "nms_iou": 0.5,
    },
    "centernet": {"color": "rgb", "std": (1.0, 1.0, 1.0), "threshold": 0.3, "nms_iou": 0.5},
}


def recognise(session: Session, path: Path) -> LayoutName:
    """The layout of another project's network, by its ports' names and shapes.

    mmdeploy's YOLOX and RTMDet have the same ports and differ in what goes in; they are told apart by the names of
    their heads' weights, which such files hold.

    Raises:
        ModelError: when it is none of the known ones; the message lists the ports.
    """
    names, shapes = set(session.outputs), list(session.outputs.values())
    sides = next(iter(session.inputs.values()), ())
    if len(session.inputs) == 1 and len(sides) == 4:
        if _nanodet_heads(session.outputs, sides[2:]):
            return "nanodet"
        if sides[3] == 3 and (
            _centernet_maps(session.outputs, sides[1:3]) or inner_outputs("centernet", session, path)
        ):
            return "centernet"
    if names == {"dets", "labels"} and _ends(session.outputs["dets"], 5) and len(session.outputs["labels"]) in (0, 2):
        return "yolox" if b"multi_level_conv" in path.read_bytes() else "rtmdet"
    if names >= {"labels", "boxes", "scores"} and "orig_target_sizes" in session.inputs:
        return "rtdetr"
    if names >= {"logits", "pred_boxes"} and len(session.inputs) == 1:
        return "rtdetr"
    if len(names) == 1 and len(session.inputs) == 1 and len(shapes[0]) == 3:
        cells, channels = shapes[0][1:]
        hw = next(iter(session.inputs.values()))[2:]
        known = len(hw) == 2 and all(hw)
        if known and cells == len(_cells(*hw)[0]) and (channels is None or channels > 5):  # type: ignore[misc]
            return "yolox"
    hint = " A network of leanpose's own needs its card beside it." if names == {"boxes"} else ""
    raise ModelError(
        f"{path} is no detector that is recognised by its {describe_ports(session)}.{hint} If it is one of "
        f"{', '.join(LAYOUTS)}, say so, as in 'yolox:{path.name}', or in a card {path.with_suffix('.json').name}"
    )


def inner_outputs(layout: str, session: Session, path: Path) -> tuple[str, ...]:
    """The tensors inside a network that its layout reads in place of its outputs; none for most networks.

    A CenterNet that ends in a list of detections spends most of its time on sorting all classes' scores for it.
    """
    ends = len(session.outputs) == 1 and len(next(iter(session.outputs.values()))) == 3
    if layout != "centernet" or path.suffix != ".pb" or not ends:
        return ()
    content = path.read_bytes()
    inside = all(name.partition(":")[0].encode() in content for name in CENTERNET_MAPS)
    return CENTERNET_MAPS if inside else ()


def describe_ports(session: Session) -> str:
    """Inputs and outputs of a network with their shapes, for messages."""

    def listed(ports: Mapping[str, InputShape]) -> str:
        return ", ".join(f"{name} ({', '.join('?' if n is None else str(n) for n in p)})" for name, p in ports.items())

    return f"inputs {listed(session.inputs)} and outputs {listed(session.outputs)}"


def people(layout: LayoutName, outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray:
    """Candidates (M, 5) from a network's outputs for one image: x1, y1, x2, y2 in input pixels, and score.

    Args:
        outputs: by name, for a batch of one.
        input_hw: height and width of what the network saw.

    Raises:
        ModelError: when the outputs are not of that layout.
    """
    found = _READERS[layout]({name: np.asarray(value) for name, value in outputs.items()}, input_hw)
    if found is None:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in outputs.items())
        raise ModelError(f"not the outputs of a detector of layout '{layout}': {shapes}")
    return found.astype(float)


def _leanpose(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    boxes = next(iter(outputs.values()))
    return boxes[0] if len(outputs) == 1 and boxes.ndim == 3 and boxes.shape[2] == 5 else None


def _yolox(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    """YOLOX (Ge et al., arXiv 2107.08430): per cell centre, size, objectness and classes' probabilities."""
    if "dets" in outputs:
        return _mmdeploy(outputs, input_hw)
    cells, strides = _cells(*input_hw)
    answer = next(iter(outputs.values()))
    if len(outputs) != 1 or answer.ndim != 3 or answer.shape[1] != len(cells) or answer.shape[2] < 6:
        return None
    centre, size, objectness, classes = np.split(answer[0].astype(float), (2, 4, 5), axis=1)
    # Centres are either in pixels and near their cells, or still offsets from them in cells, and near 0.
    if np.median(np.abs(centre)) < np.median(np.abs(centre / strides - cells)):
        centre, size = (centre + cells) * strides, np.exp(np.minimum(size, 20)) * strides
    score = np.where(classes.argmax(axis=1) == PERSON, objectness[:, 0] * classes[:, PERSON], 0)
    return _from_centres(centre, size, score)


def _mmdeploy(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    dets, labels = outputs.get("dets"), outputs.get("labels")
    if dets is None or labels is None or dets.ndim != 3 or dets.shape[2] != 5 or labels.shape != dets.shape[:2]:
        return None
    chosen = dets[0, labels[0] == PERSON]
    return np.column_stack((geometry.from_corner(chosen[:, :4]), chosen[:, 4]))


def _rtdetr(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    """RT-DETR (Zhao et al., arXiv 2304.08069), as its authors export it or as the library transformers answers."""
    if {"labels", "boxes", "scores"} <= set(outputs):
        labels, boxes, scores = outputs["labels"], outputs["boxes"], outputs["scores"]
        if boxes.ndim != 3 or boxes.shape[2] != 4 or not labels.shape == scores.shape == boxes.shape[:2]:
            return None
        chosen = labels[0] == PERSON
        return np.column_stack((geometry.from_corner(boxes[0, chosen]), scores[0, chosen]))
    logits, boxes = outputs.get("logits"), outputs.get("pred_boxes")
    if logits is None or boxes is None or boxes.ndim != 3 or boxes.shape[2] != 4 or logits.ndim != 3:
        return None
    if logits.shape[:2] != boxes.shape[:2] or logits.shape[2] in DETR_CLASSES:
        return None
    pixels = boxes[0].astype(float) * (input_hw[1], input_hw[0], input_hw[1], input_hw[0])
    score = 1 / (1 + np.exp(-logits[0, :, PERSON].astype(float)))  # classes do not exclude each other
    return _from_centres(pixels[:, :2], pixels[:, 2:], score)


def _nanodet(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    """NanoDet (RangiLyu, github.com/RangiLyu/nanodet): per cell classes' probabilities, and each side's distance from
    the cell's centre as a distribution over bins of a stride each (generalised focal loss, arXiv 2006.04388)."""
    heads = _nanodet_heads({name: value.shape for name, value in outputs.items()}, input_hw)
    if heads is None:
        return None
    cells, strides = _cells(*input_hw)
    scores = np.concatenate([outputs[name][0, :, PERSON] for name, _ in heads])
    bins = np.concatenate([outputs[name][0] for _, name in heads]).astype(float)
    bins = bins.reshape(len(bins), DISTANCE_CHANNELS, -1)
    shares = np.exp(bins - bins.max(axis=2, keepdims=True))
    distances = shares @ np.arange(bins.shape[2]) / shares.sum(axis=2) * strides
    centres = (cells + 0.5) * strides
    corners = np.hstack((centres - distances[:, :2], centres + distances[:, 2:]))
    return np.column_stack((geometry.from_corner(corners), scores))


def _nanodet_heads(shapes: Mapping[str, InputShape], input_hw: Sequence[int | None]) -> list[tuple[str, str]] | None:
    """Names of scores and distances for each stride; None where the shapes are of another layout."""
    if len(shapes) != 2 * len(STRIDES) or len(input_hw) != 2 or None in input_hw:
        return None
    height, width = (side or 0 for side in input_hw)
    heads = []
    for stride in STRIDES:
        here = [name for name, shape in shapes.items() if shape[1:2] == ((height // stride) * (width // stride),)]
        fitting = [
            (scores, distances)
            for scores, distances in permutations(here, 2)
            if len(shapes[scores]) == len(shapes[distances]) == 3
            and shapes[scores][2] == COCO_CLASSES
            and (shapes[distances][2] or 1) % DISTANCE_CHANNELS == 0
        ]
        if len(here) != 2 or not fitting:
            return None
        heads.append(fitting[0])
    return heads


def _centernet(outputs: Mapping[str, np.ndarray], input_hw: tuple[int, int]) -> np.ndarray | None:
    """CenterNet (Zhou et al., arXiv 1904.07850) with a distance to each side: people are the peaks of a map."""
    maps = _centernet_maps({name: value.shape for name, value in outputs.items()}, input_hw)
    if maps is None:
        return None
    scores, distances = outputs[maps[0]][0, ..., PERSON].astype(np.float32), outputs[maps[1]][0].astype(float)
    rows, columns = np.nonzero(scores == cv2.dilate(scores, np.ones((3, 3), np.uint8)))
    centres = CENTERNET_STRIDE * np.column_stack((columns, rows)).astype(float)
    sides = distances[rows, columns]
    corners = np.hstack((centres - sides[:, :2], centres + sides[:, 2:]))
    return np.column_stack((geometry.from_corner(corners), scores[rows, columns]))


def _centernet_maps(shapes: Mapping[str, InputShape], input_hw: Sequence[int | None]) -> tuple[str, str] | None:
    """Names of the maps of scores and of distances; None where the shapes are of another layout."""
    wanted = tuple(side and side // CENTERNET_STRIDE for side in input_hw)
    for scores, distances in permutations(shapes, 2) if len(shapes) == 2 else ():
        last = shapes[scores][3:], shapes[distances][3:]
        if last[1] == (DISTANCE_CHANNELS,) and last[0] not in ((), last[1]):
            return (scores, distances) if shapes[scores][1:3] == shapes[distances][1:3] == wanted else None
    return None


_READERS = {
    "leanpose": _leanpose,
    "yolox": _yolox,
    "rtmdet": _mmdeploy,
    "rtdetr": _rtdetr,
    "nanodet": _nanodet,
    "centernet": _centernet,
}


def _from_centres(centre: np.ndarray, size: np.ndarray, score: np.ndarray) -> np.ndarray:
    return np.column_stack((geometry.from_corner(np.hstack((centre - size / 2, centre + size / 2))), score))


def _cells(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows (M, 2) of the grids' cells, grid by grid, and their strides (M, 1)."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.column_stack((columns.ravel(), rows.ravel())))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells), np.concatenate(strides)


def _ends(shape: InputShape, last: int) -> bool:
    """Whether a shape's last side is, or may be, that number."""
    return not shape or (len(shape) == 3 and shape[-1] in (None, last))
