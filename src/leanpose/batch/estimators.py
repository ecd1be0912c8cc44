"""How each process opens what looks at pictures."""

from dataclasses import dataclass
from typing import Any

from leanpose.engines import Mode, Precision
from leanpose.engines.zoo import find_detector, find_model
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.tiles import Tiles
from leanpose.pose.skeleton_files import find_skeleton


@dataclass(frozen=True)
class Opening:
    """Options of :class:`leanpose.PoseEstimator`; a plain value, so that it can be handed to other processes.

    Attributes:
        threads: of each process; ONNX Runtime does not heed OMP_NUM_THREADS, so the engine is told.
    """

    model: str = "small"
    detector: str = "person"
    detector_threshold: float | None = None
    engine: str = "auto"
    precision: Precision = "auto"
    threads: int = 1
    mode: Mode = "throughput"
    deterministic: bool = False
    skeleton: str | None = None
    flip_test: bool = False
    any_angle: bool = False
    tiles: Tiles = "off"
    lenient: bool = False

    def __call__(self) -> PoseEstimator:
        """The estimator; errors as :class:`leanpose.PoseEstimator` and its detector have."""
        finder = PersonDetector(
            self.detector, self.engine, self.precision, self.threads, self.detector_threshold,
            deterministic=self.deterministic,
        )  # fmt: skip
        return PoseEstimator(
            self.model, self.engine, self.precision, self.flip_test, threads=self.threads, detector=finder,
            mode=self.mode, deterministic=self.deterministic, skeleton=self.skeleton, tiles=self.tiles,
            lenient=self.lenient, any_angle=self.any_angle,
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """What the results depend on, for the configuration: the files' content and the options, not the machine.

        Raises:
            ModelError: when the model or the detector is missing or damaged.
            SkeletonError: when the skeleton is.
        """
        _, card = find_model(self.model)
        _, found = find_detector(self.detector)
        skeleton = None if self.skeleton is None else find_skeleton(self.skeleton).to_dict()
        options = {name: value for name, value in vars(self).items() if name not in ("threads", "mode")}
        return options | {
            "model": card.name, "model_sha256": card.sha256, "skeleton": skeleton,
            "detector_sha256": found.sha256 if found else None,
        }  # fmt: skip
