"""An opened model as what can be timed: its whole way from image to answer, its parts, and its batches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Literal, Protocol

import numpy as np

from leanpose.benchmark.scene import Scene
from leanpose.engines import Mode, Precision
from leanpose.engines.card_file import Score
from leanpose.estimate.detector import PersonDetector
from leanpose.estimate.estimator import PoseEstimator
from leanpose.estimate.teachers import open_teacher

Kind = Literal["pose", "detector", "peer"]
END_TO_END, PREPROCESS, MODEL, POSTPROCESS = "end to end", "preprocess", "model", "postprocess"
CROP_TO_JOINTS = "crop to joints"
FRAMES = 4  # different ones that are looked at in turn; few, so that memory stays out of it


@dataclass(frozen=True)
class Wanted:
    """A model in one engine and precision, as it is asked for; enough to open it again in another process.

    Attributes:
        model: name or path, as the estimator or detector takes it; of a peer as
            :func:`leanpose.estimate.teachers.open_teacher` does.
        name: to show; the registry's for a network that was exported for the run.
        kind: of the model; a peer is another project's.
        engine, precision, threads, flip_test: as the estimator takes them.
    """

    model: str
    name: str
    kind: Kind
    engine: str
    precision: Precision
    threads: int | None = None
    flip_test: bool = False


class Subject(Protocol):
    """An opened model.

    Attributes:
        wanted: how it was opened.
        engine, precision: really in use.
        input_hw: height and width of what the network sees of the scene.
        params: of the network; ``None`` where nobody has counted, as the next.
        macs: multiply-adds of one answer.
        scores: measured accuracy, of the card.
        note: what is to be known of it.
    """

    wanted: Wanted
    engine: str
    precision: str
    input_hw: tuple[int, int]
    params: int | None
    macs: int | None
    scores: tuple[Score, ...]
    note: str

    def answer(self, image: np.ndarray, box: np.ndarray) -> object:
        """What it finds in a BGR image (H, W, 3) with a person in a box (4,)."""
        ...

    def parts(self, scene: Scene) -> dict[str, Callable[[], object]]:
        """The whole way of one person in a frame of the scene, and each part of it by itself."""
        ...

    def batch(self, scene: Scene, size: int, mode: Mode) -> Callable[[], object] | None:
        """The network on ``size`` people at once, in a mode of the engine; ``None`` where there is no such thing."""
        ...


class PoseSubject:
    """A pose model: from an image and a box to joints."""

    note = ""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._model = self._open("latency")
        card, looks = self._model.card, 1 + wanted.flip_test
        self.engine, self.precision = self._model.engine.name, self._model.engine.precision
        self.input_hw, self.params, self.macs, self.scores = card.input_hw, card.params, card.macs * looks, card.scores

    def answer(self, image: np.ndarray, box: np.ndarray) -> object:
        return self._model(image, box)

    def parts(self, scene: Scene) -> dict[str, Callable[[], object]]:
        model = self._model
        frames, boxes = scene.frames(FRAMES)
        whole, shown = (cycle(list(zip(frames, boxes, strict=True))) for _ in range(2))
        crops, transforms = model.preprocess(frames[0], boxes[:1])
        heatmaps = model.infer(crops).copy()

        def preprocess() -> object:
            frame, box = next(shown)
            return model.preprocess(frame, box[None])

        return {
            END_TO_END: lambda: model(*next(whole)),
            PREPROCESS: preprocess,
            MODEL: lambda: model.infer(crops),
            POSTPROCESS: lambda: model.postprocess(heatmaps, transforms),
            CROP_TO_JOINTS: lambda: model.postprocess(model.infer(crops), transforms),
        }

    def batch(self, scene: Scene, size: int, mode: Mode) -> Callable[[], object] | None:
        if mode == "throughput" and self.engine == "torch":
            return None
        model = self._model if mode == "latency" else self._in_throughput_mode
        crops, _ = model.preprocess(scene.image, np.tile(scene.box, (size, 1)))
        return lambda: model.infer(crops)

    @cached_property
    def _in_throughput_mode(self) -> PoseEstimator:
        return self._open("throughput")

    def _open(self, mode: Mode) -> PoseEstimator:
        wanted = self.wanted
        return PoseEstimator(
            wanted.model, wanted.engine, wanted.precision, wanted.flip_test, threads=wanted.threads, detector=None,
            mode=mode,
        )  # fmt: skip


class DetectorSubject:
    """A person detector: from an image to boxes."""

    note = ""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._model = PersonDetector(wanted.model, wanted.engine, wanted.precision, wanted.threads)
        card = self._model.card
        self.engine, self.precision = self._model.engine.name, self._model.engine.precision
        self.input_hw = (card.input_side, card.input_side)
        self.params, self.macs, self.scores = card.params, card.macs, card.scores

    def answer(self, image: np.ndarray, box: np.ndarray) -> object:
        return self._model(image)

    def parts(self, scene: Scene) -> dict[str, Callable[[], object]]:
        model = self._model
        frames, _ = scene.frames(FRAMES)
        whole, shown = cycle(frames), cycle(frames)
        batch, transform = model.preprocess(frames[0])
        outputs = {name: values.copy() for name, values in model.infer(batch).items()}
        input_hw = batch.shape[2], batch.shape[3]
        self.macs = round(self.macs * input_hw[0] * input_hw[1] / np.prod(self.input_hw))
        self.input_hw = input_hw
        image_hw = frames[0].shape[0], frames[0].shape[1]
        return {
            END_TO_END: lambda: model(next(whole)),
            PREPROCESS: lambda: model.preprocess(next(shown)),
            MODEL: lambda: model.infer(batch),
            POSTPROCESS: lambda: model.postprocess(outputs, transform, input_hw, image_hw),
        }

    def batch(self, scene: Scene, size: int, mode: Mode) -> Callable[[], object] | None:
        return None  # one image at a time


class PeerSubject:
    """Another project's pose network: from an image and a box to joints, whatever it does in between."""

    params = macs = None
    scores: tuple[Score, ...] = ()

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._teacher = open_teacher(wanted.model, wanted.threads, wanted.precision, wanted.engine)
        self.engine, self.precision = self._teacher.engine.name, self._teacher.engine.precision
        self.input_hw, self.note = self._teacher.input_hw, self._teacher.describe()

    def answer(self, image: np.ndarray, box: np.ndarray) -> object:
        return self._teacher(image, box[None])

    def parts(self, scene: Scene) -> dict[str, Callable[[], object]]:
        frames, boxes = scene.frames(FRAMES)
        shown = cycle(list(zip(frames, boxes[:, None], strict=True)))
        return {END_TO_END: lambda: self._teacher(*next(shown))}

    def batch(self, scene: Scene, size: int, mode: Mode) -> Callable[[], object] | None:
        return None


_SUBJECTS = {"pose": PoseSubject, "detector": DetectorSubject, "peer": PeerSubject}


def open_subject(wanted: Wanted) -> Subject:
    """Load a model.

    Raises:
        LeanposeError: as :class:`PoseEstimator`, :class:`PersonDetector` and :func:`open_teacher` do.
    """
    return _SUBJECTS[wanted.kind](wanted)


def label(subject: Subject) -> str:
    """Name, engine and precision really in use, flip test."""
    wanted = subject.wanted
    flip = ", flip test" if wanted.flip_test and wanted.kind == "pose" else ""
    return f"{wanted.name}, {subject.engine} {subject.precision}{flip}"
