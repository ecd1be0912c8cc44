"""The card of a detector: what the network expects, what it returns, where it comes from and how well it does."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from leanpose.engines.card_file import SHARED_RULES, Card, DataSource, Rule, Score, is_number, is_positive

LayoutName = Literal["leanpose", "yolox", "rtmdet", "rtdetr", "nanodet", "centernet"]
LAYOUTS: tuple[LayoutName, ...] = ("leanpose", "yolox", "rtmdet", "rtdetr", "nanodet", "centernet")

LARGEST_SIDE = 8192  # pixels


def _is_side(value: object) -> bool:
    return is_positive(value, int) and value <= LARGEST_SIDE  # type: ignore[operator]


@dataclass(frozen=True)
class DetectorCard(Card):
    """Everything that is to be known about the file of a person detector.

    For a network of another project a card is needed only where it differs from its layout's custom; the fields with
    a default may then be left out.

    Attributes:
        name: of the model.
        architecture: the network's name in the registry, or where it comes from.
        layout: how the network answers, see :mod:`leanpose.estimate.detector_layouts`.
        input_side: pixels of the longer side to which an image is scaled, where the file leaves the size open.
        sha256: of the model file, in hexadecimal.
        input_multiple: both sides are padded at the right and at the bottom to multiples of it.
        margin: share of its height and width by which an image is framed on every side before it is scaled; people who
            fill the image are then found as those in its middle are.
        color: channel order that the network was trained on.
        mean, std: per channel in that order, in units of 0 to 255: the network sees ``(image - mean) / std``.
        threshold: score from which a box counts, in [0, 1].
        nms_iou: of two boxes that overlap by more than this the better one stays; 1 keeps all.
        params: number of parameters; 0 where nobody has counted.
        macs: multiply-adds for one image of ``input_side`` squared; 0 where nobody has counted.
        recipe: name of the training recipe, or where an imported model comes from.
        data: datasets it was trained on.
        epochs: passes over the data, a fraction where the last was not whole.
        hours: of training, on whatever machine; None where nobody counted.
        license: terms of the weights.
        precision: of the stored weights.
        quantization: how they became f16 or int8, on which images, and what stayed float; None for f32.
        scores: measured figures.

    Raises:
        ModelError: when a field does not hold what it should; the message names it.
    """

    kind: ClassVar[str] = "detector"
    rules: ClassVar[dict[str, Rule]] = {
        **SHARED_RULES,
        "layout": (lambda value: value in LAYOUTS, f"one of {', '.join(LAYOUTS)}"),
        "input_side": (_is_side, f"a positive whole number of pixels, up to {LARGEST_SIDE}"),
        "input_multiple": (_is_side, f"a positive whole number of pixels, up to {LARGEST_SIDE}"),
        "margin": (lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
        "threshold": (lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
        "nms_iou": (lambda value: is_number(value) and 0 < value <= 1, "a number above 0, up to 1"),
    }

    name: str
    architecture: str
    layout: LayoutName
    input_side: int
    sha256: str
    input_multiple: int = 32
    margin: float = 0.0
    color: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    threshold: float = 0.3
    nms_iou: float = 0.5
    params: int = 0
    macs: int = 0
    recipe: str = "imported"
    data: tuple[DataSource, ...] = ()
    epochs: float = 0
    license: str = "as its source says"
    precision: Literal["f32", "f16", "int8"] = "f32"
    quantization: str | None = None
    scores: tuple[Score, ...] = ()
    hours: float | None = None
