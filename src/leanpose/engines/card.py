"""Model cards: what a network expects, what it returns, where it comes from and how well it does.

Nothing about a model is guessed: the estimator reads crop, colours, normalisation, heatmap grid and joints from the
card. The card of a detector is in :mod:`leanpose.engines.detector_card`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from leanpose.core.decode import METHODS
from leanpose.core.errors import ModelError, SkeletonError
from leanpose.engines.calibration import Calibration
from leanpose.engines.card_file import (
    SHARED_RULES,
    Card,
    DataSource,
    Rule,
    Score,
    check_fields,
    file_sha256,
    is_number,
    is_positive,
    is_text,
    sized,
)
from leanpose.pose.skeleton import Skeleton

LOSSES = ("mse", "joints_mse", "cross_entropy")

__all__ = ["DataSource", "ModelCard", "Score", "file_sha256"]

LARGEST_SIDE = 4096  # pixels of a crop
LARGEST_SIGMA = 32  # cells; published networks have 2 or 3
LARGEST_PADDING = 10  # times the person's box; published networks have 1 to 1.5


@dataclass(frozen=True)
class ModelCard(Card):
    """Everything that is to be known about the file of a pose model.

    Attributes:
        name: of the model.
        architecture: the network's name in the registry.
        skeleton: joints in the order of the heatmaps, limbs, torso; written out, so that own skeletons travel.
        input_hw: height and width of the crop in pixels.
        sigma: of the training targets, in heatmap cells.
        sha256: of the model file, in hexadecimal.
        params: number of parameters.
        macs: multiply-adds for one crop.
        recipe: name of the training recipe, or where an imported model comes from.
        data: datasets it was trained on.
        epochs: passes over the data, a fraction where the last was not whole.
        hours: of training, on whatever machine; None where nobody counted.
        license: terms of the weights.
        color: channel order that the network was trained on.
        mean, std: per channel in that order, in units of 0 to 255: the network sees ``(crop - mean) / std``.
        padding: side of the crop over the side of the person's box grown to the crop's aspect.
        stride: crop pixels per heatmap cell.
        cell_offset: see :mod:`leanpose.core.geometry`; 0.5 is ours, networks of the HRNet line use 0.
        flip_shift: cells by which mirrored-back heatmaps move to the right before they are averaged.
        loss: that the network learned from, as recipes have it (``"cross_entropy"``: its own output are logits, which
            the file turns into heatmaps); None on cards that do not say, whose recipes all had that one.
        model_args: arguments of the network beside its name and its joints.
        decode: method of :func:`leanpose.core.decode.decode` behind the scores.
        precision: of the stored weights.
        quantization: how they became f16 or int8, on which images, and what stayed float; None for f32.
        scores: measured figures.
        calibration: makes probabilities and uncertainties of heatmaps; None where the peaks are the scores.

    Raises:
        ModelError: when a field does not hold what it should; the message names it.
    """

    kind: ClassVar[str] = "pose"
    rules: ClassVar[dict[str, Rule]] = {
        **SHARED_RULES,
        "skeleton": (lambda value: isinstance(value, Skeleton), "a skeleton"),
        "input_hw": (
            sized(2, lambda side: is_positive(side, int) and side <= LARGEST_SIDE),
            f"height and width in whole pixels, up to {LARGEST_SIDE}",
        ),
        "sigma": (lambda value: is_positive(value) and value <= LARGEST_SIGMA, f"above 0, up to {LARGEST_SIGMA} cells"),
        "padding": (lambda value: is_positive(value) and value <= LARGEST_PADDING, f"above 0, up to {LARGEST_PADDING}"),
        "stride": (lambda value: is_positive(value, int), "a positive whole number"),
        "cell_offset": (lambda value: value in (0, 0.5), "0 or 0.5"),
        "flip_shift": (lambda value: is_number(value, int) and 0 <= value <= LARGEST_SIDE, "a whole number of cells"),
        "loss": (lambda value: value in (None, *LOSSES), f"one of {', '.join(LOSSES)}, or null"),
        "model_args": (lambda value: isinstance(value, Mapping) and all(map(is_text, value)), "an object, or left out"),
        "decode": (lambda value: value in METHODS, f"one of {', '.join(METHODS)}"),
        "calibration": (lambda value: value is None or isinstance(value, Calibration), "a calibration, or null"),
    }

    name: str
    architecture: str
    skeleton: Skeleton
    input_hw: tuple[int, int]
    sigma: float
    sha256: str
    params: int
    macs: int
    recipe: str
    data: tuple[DataSource, ...]
    epochs: float
    license: str
    color: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    padding: float = 1.25
    stride: int = 4
    cell_offset: float = 0.5
    flip_shift: int = 0
    decode: str = "taylor"
    precision: Literal["f32", "f16", "int8"] = "f32"
    quantization: str | None = None
    scores: tuple[Score, ...] = ()
    calibration: Calibration | None = None
    hours: float | None = None
    loss: str | None = None
    model_args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(side % self.stride for side in self.input_hw):
            raise ModelError(
                f"model card '{self.name}': field 'input_hw' must be multiples of the stride {self.stride}, "
                f"not {self.input_hw}"
            )

    @property
    def heatmap_hw(self) -> tuple[int, int]:
        """Height and width of the heatmaps in cells."""
        return self.input_hw[0] // self.stride, self.input_hw[1] // self.stride

    @classmethod
    def parse(cls, values: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`Card.parse`: skeleton and calibration are objects of their own in JSON."""
        check_fields("skeleton.", Skeleton, values["skeleton"])
        if values.get("calibration") is not None:
            values = values | {"calibration": Calibration.from_dict(values["calibration"])}
        try:
            return values | {"skeleton": Skeleton.from_dict(values["skeleton"])}
        except SkeletonError as error:
            raise ModelError(f"model card: field 'skeleton': {error}") from error
