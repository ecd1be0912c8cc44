"""PoseEstimator: images in, and person boxes where the caller knows them; poses out."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from leanpose.core import geometry
from leanpose.core.boxes import check_boxes, without_slivers
from leanpose.core.decode import METHODS
from leanpose.core.errors import BoxError, ImageError, ModelError
from leanpose.core.normalisation import Normalisation
from leanpose.engines import Engine, Mode, Precision, create_engine
from leanpose.engines.card import ModelCard
from leanpose.engines.zoo import find_model
from leanpose.estimate import arguments
from leanpose.estimate.any_angle import look_at_any_angle
from leanpose.estimate.association import without_doubles, without_taken
from leanpose.estimate.detector import Detector, PersonDetector
from leanpose.estimate.looking import Looking
from leanpose.estimate.tiles import Tiles, check_tiles, find_in_tiles
from leanpose.estimate.underway import Batch, Waiting
from leanpose.media.given import Image, pixels_of
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton, view_weights
from leanpose.pose.skeleton_files import find_skeleton

if TYPE_CHECKING:
    from leanpose.estimate.stream import DetectEvery, Source

Color = Literal["bgr", "rgb"]
OnError = Callable[[Image, ImageError | BoxError], None]


class PoseEstimator(Looking):
    """Finds people, or takes the boxes given, and their joints.

    Attributes:
        card: of the model.
        skeleton: of the answers.
        engine: the loaded model; says which engine and precision are in use.
        flip_test: also look at the mirrored crop and average; twice the work, a little better.
        decode: method of :func:`leanpose.core.decode.decode`.
        batch_size: people per call of the engine.
        boxes_dropped: the detector's boxes so far that were smaller than a pixel.

    Example:
        >>> poses = PoseEstimator()("photo.jpg")  # doctest: +SKIP
        >>> poses.keypoints  # (P, K, 2) in image pixels  # doctest: +SKIP
    """

    card: ModelCard
    skeleton: Skeleton
    engine: Engine

    def __init__(
        self,
        model: str | os.PathLike[str] = "small",
        engine: str = "auto",
        precision: Precision = "auto",
        flip_test: bool = False,
        decode: str | None = None,
        batch_size: int = 16,
        threads: int | None = None,
        detector: str | os.PathLike[str] | Detector | None = "person",
        mode: Mode = "latency",
        deterministic: bool = False,
        skeleton: str | os.PathLike[str] | Skeleton | None = None,
        tiles: Tiles = "off",
        lenient: bool = False,
        any_angle: bool = False,
    ) -> None:
        """Load a model.

        Args:
            model: a packaged model's name, the path of an ``.onnx`` file with its card beside it, or a ``.ckpt``
                checkpoint, which runs on torch whatever ``engine`` says.
            engine, precision, threads, mode, deterministic: as :func:`leanpose.engines.create_engine` takes them.
            flip_test, batch_size: see the attributes.
            decode: see the attributes; ``None`` for the card's.
            detector: who finds the people of an image that comes without boxes: a model as
                :class:`leanpose.estimate.detector.PersonDetector` takes it, which is loaded when it is first needed and
                runs on the same engine; any other callable from a BGR image to boxes (P, 5); or ``None`` for nobody.
            skeleton: whose joints are wanted, as :meth:`leanpose.pose.poses.Poses.view` takes it; ``None`` for the
                model's. People are looked at, followed and smoothed in the model's joints whatever is wanted.
            tiles: as :func:`leanpose.estimate.tiles.find_in_tiles` takes it; of videos, for time, ``"auto"`` is
                ``"off"``.
            lenient: take of damaged image files what can be decoded, and say so in ``damage`` of the poses.
            any_angle: look again, turned, at who may not stand upright (:mod:`leanpose.estimate.any_angle`).

        Raises:
            ModelError: when the model is unknown, damaged, or does not fit its card, or a flip test is asked of one
                whose skeleton is not flippable.
            SkeletonError: when the skeleton is unknown, or has a joint that the model does not know.
            EngineError: when the engine is unknown, not installed, or cannot compute in that precision.
            ValueError: for an unknown decode method, a batch size below 1, or ``tiles`` that are none.
        """
        model = arguments.check_model(model)
        arguments.check_threads(threads)
        arguments.check_detector(detector)
        arguments.check_batch_size(batch_size)
        if Path(model).suffix in (".ckpt", ".safetensors"):
            from leanpose.training.torch_engine import open_weights  # brings torch

            path, (self.engine, self.card) = Path(model), open_weights(Path(model))
        else:
            path, self.card = find_model(model if isinstance(model, str) else Path(model))
            pixels = Normalisation(self.card.mean, self.card.std)
            self.engine = create_engine(path, engine, threads, precision, mode, deterministic, pixels)
        self._normalise = Normalisation(self.card.mean, self.card.std)
        self.skeleton = self.card.skeleton if skeleton is None else find_skeleton(skeleton)
        view_weights(self.card.skeleton, self.skeleton)  # refuses joints that the model does not know
        self.decode = decode or self.card.decode
        if self.decode not in METHODS:
            raise ValueError(f"unknown decode method '{self.decode}': use one of {', '.join(METHODS)}")
        if flip_test and not self.card.skeleton.flippable:
            raise ModelError(
                f"model '{self.card.name}': nobody knows which joints of its skeleton a mirror swaps: leave the flip "
                "test off"
            )
        self.tiles: Tiles = check_tiles(tiles)
        self.lenient, self.any_angle, self.flip_test, self.batch_size = lenient, any_angle, flip_test, batch_size
        self._detector, self.boxes_dropped = detector, 0
        self._detector_options: dict[str, Any] = {
            "engine": engine, "precision": precision, "threads": threads, "deterministic": deterministic
        }  # fmt: skip
        given, wanted = self.engine.input_shape, (None, 3, *self.card.input_hw)
        fits = len(given) == 4 and given[0] is None and all(g in (None, w) for g, w in zip(given, wanted, strict=True))
        if not fits:
            raise ModelError(f"{path} takes inputs of shape {given}; its card needs {wanted}, None being any number")

    @property
    def detector(self) -> Detector | None:
        """Who finds the people: loaded when first asked for.

        Raises:
            ModelError, EngineError: as :class:`leanpose.estimate.detector.PersonDetector` does.
        """
        if isinstance(self._detector, (str, os.PathLike)):
            self._detector = PersonDetector(self._detector, **self._detector_options)
        return self._detector

    @overload
    def __call__(
        self, image: Image, boxes: ArrayLike | None = None, *, whole_image: bool = False, color: Color = "bgr"
    ) -> Poses: ...

    @overload
    def __call__(
        self,
        image: list[Image],
        boxes: Sequence[ArrayLike | None] | None = None,
        *,
        whole_image: bool = False,
        color: Color = "bgr",
    ) -> list[Poses]: ...

    def __call__(
        self, image: Any, boxes: Any = None, *, whole_image: bool = False, color: Color = "bgr"
    ) -> Poses | list[Poses]:
        """The poses of the people in one image, or of each in a list of images.

        Args:
            image: a file, an array (H, W, 3), (H, W, 4) or (H, W), encoded bytes, a Pillow image, or a torch tensor
                (3, H, W), see :func:`leanpose.media.given.pixels_of`; or a list of these, all of which are kept in
                memory until the last is done (:meth:`estimate_many` gives one after the other).
            boxes: the people's extents, x1, y1, x2, y2 in pixels, (4,) or (P, 4); a fifth number is the box's score.
                Boxes may reach over the image's edge. None of them, as in ``[]``, gives empty poses. With ``None``
                the detector finds the people, and there may be none; where two of its boxes lead to the same person
                (:func:`leanpose.estimate.association.without_doubles`), the weaker answer is left out.
                With a list of images, a list of as many entries.
            whole_image: take the whole image as the box of one person.
            color: channel order of an array.

        Raises:
            ImageError: when the image cannot be used.
            BoxError: when a box cannot be used, the detector's too, or there are neither boxes nor ``whole_image`` nor
                a detector.
            ModelError, EngineError: when the detector is needed and cannot be loaded.
        """
        if isinstance(image, (list, tuple)):
            arguments.check_one_each(image, boxes)
            pairs = zip(image, repeat(None) if boxes is None else boxes, strict=False)
            return list(self.estimate_pairs(pairs, whole_image=whole_image, color=color))
        return next(self.estimate_pairs([(image, boxes)], whole_image=whole_image, color=color))

    def estimate_many(
        self,
        images: Iterable[Image],
        boxes: Iterable[ArrayLike | None] | None = None,
        *,
        color: Color = "bgr",
        on_error: OnError | None = None,
    ) -> Iterator[Poses]:
        """The poses of each image in turn, as they are asked for. See :meth:`estimate_pairs`.

        Args:
            images: any number of them, also from a generator.
            boxes: an entry for each image, ``None`` where the detector is to look; without it, it looks at all.
            color, on_error: as in :meth:`estimate_pairs`.

        Raises:
            ImageError: at once, where ``images`` is a single one.
        """
        arguments.check_images(images)
        pairs = zip(images, repeat(None), strict=False) if boxes is None else zip(images, boxes, strict=True)
        return self.estimate_pairs(pairs, color=color, on_error=on_error)

    def estimate_pairs(
        self,
        pairs: Iterable[tuple[Image, ArrayLike | None]],
        *,
        whole_image: bool = False,
        color: Color = "bgr",
        on_error: OnError | None = None,
    ) -> Iterator[Poses]:
        """The poses of each image in turn, batched over people across images.

        Args:
            pairs: images with their boxes, each as ``__call__`` takes them; read as needed, two batches ahead: while
                the engine looks at one person, the next is cut out.
            whole_image, color: as in ``__call__``, for all images.
            on_error: called with an image that cannot be used, or whose boxes cannot, and the error; the image is
                then left out. Without it the error is raised.

        Raises:
            ImageError, BoxError: as ``__call__`` does, without ``on_error``.
            ModelError: when the model's heatmaps do not fit its card.
            ModelError, EngineError: when the detector is needed and cannot be loaded.

        Example:
            >>> known = {"a.jpg": [[40, 20, 180, 400]], "b.jpg": [[10, 10, 90, 200]]}
            >>> found = list(PoseEstimator().estimate_pairs(known.items()))  # doctest: +SKIP
        """
        found = self.model_poses(pairs, whole_image=whole_image, color=color, on_error=on_error)
        return (poses.view(self.skeleton) for poses in found)

    def model_poses(
        self,
        pairs: Iterable[tuple[Image, ArrayLike | None]],
        *,
        whole_image: bool = False,
        color: Color = "bgr",
        on_error: OnError | None = None,
    ) -> Iterator[Poses]:
        """What :meth:`estimate_pairs` gives, in the joints of the model whatever ``skeleton`` says."""
        waiting: deque[Waiting] = deque()  # images in order, whose people are
        crops: list[np.ndarray] = []  # first cut out,
        batch, underway = Batch(), deque[Batch]()  # then looked at,
        found: deque[tuple[np.ndarray, ...]] = deque()  # and then here, in the same order
        share = min(self.engine.share or self.batch_size, self.batch_size)

        def submit() -> None:
            batch.answers.append(self.submit(np.stack(crops)))
            crops.clear()

        def finish() -> None:
            done = underway.popleft()
            heatmaps = np.concatenate([self._merge(answer.result()) for answer in done.answers])
            found.extend(zip(*self.postprocess(heatmaps, np.stack(done.transforms)), strict=True))

        def ready() -> Iterator[Poses]:
            while waiting and len(found) >= len(waiting[0].boxes):
                image = waiting.popleft()
                poses = image.poses([found.popleft() for _ in image.boxes], self.card)
                yield without_taken(poses[without_doubles(poses)]) if image.detected else poses

        for image, boxes in pairs:
            try:
                pixels, image_waiting = self._open(image, boxes, whole_image, color)
            except (ImageError, BoxError) as error:
                if on_error is None:
                    raise
                on_error(image, error)
                continue
            waiting.append(image_waiting)
            if self.any_angle:
                found.extend(zip(*look_at_any_angle(self, pixels, image_waiting.boxes), strict=True))
                yield from ready()
                continue
            for transform in self._transforms(image_waiting.boxes):
                crops.append(self.crop(pixels, transform))
                batch.transforms.append(transform)
                if len(crops) == share or len(batch.transforms) == self.batch_size:
                    submit()
                if len(batch.transforms) == self.batch_size:
                    underway.append(batch)
                    batch = Batch()
                    if len(underway) == 2:
                        finish()
            yield from ready()
        if crops:
            submit()
        if batch.answers:
            underway.append(batch)
        while underway:
            finish()
        yield from ready()

    def stream(
        self,
        source: "Source",
        *,
        track: bool = True,
        smooth: bool = True,
        detect_every: "DetectEvery" = "auto",
        boxes: ArrayLike | None = None,
        whole_image: bool = False,
        keep_images: bool = False,
        fps: float = 30.0,
        color: Color = "bgr",
        two_pass: bool = False,
    ) -> Generator[Poses, None, None]:
        """The poses of each frame of a video, with ids, the frame's number and its time.

        Args:
            source: a video file, a camera (``0``), a stream (``"rtsp://..."``), or frames: images, or images with
                their times in seconds.
            track, smooth, detect_every, boxes, whole_image: as :class:`leanpose.estimate.stream.PoseTracking` takes
                them.
            keep_images, fps, color: as :func:`leanpose.estimate.stream.stream` takes them.
            two_pass: follow people with the whole video known, as :func:`leanpose.estimate.second_pass.second_pass`
                does, and smooth both ways. Nothing comes until the video has ended. Not with ``keep_images``, nor
                untracked.

        Raises:
            ValueError, ImageError, VideoError: at once, when the arguments do not go together, or the source is none.
            And, while frames are asked for, as :func:`leanpose.estimate.stream.stream` does.

        Example:
            >>> for poses in PoseEstimator().stream("video.mp4"):  # doctest: +SKIP
            ...     print(poses.timestamp, poses.ids, poses.keypoints)
        """
        from leanpose.estimate.stream import PoseTracking, check_source, stream, two_pass_stream

        check_source(source)
        if two_pass and (keep_images or not track):
            raise ValueError("two_pass is for people who are tracked, and keeps no images: leave one out")
        tracking = PoseTracking(
            self, track=track, smooth=smooth and not two_pass, detect_every=detect_every, boxes=boxes,
            whole_image=whole_image, in_model_joints=two_pass,
        )  # fmt: skip
        if two_pass:
            return two_pass_stream(tracking, source, smooth=smooth, fps=fps, color=color)
        return stream(tracking, source, keep_images=keep_images, fps=fps, color=color)

    def _open(
        self, image: Image, boxes: ArrayLike | None, whole_image: bool, color: Color
    ) -> tuple[np.ndarray, Waiting]:
        """The pixels in BGR, and what is to be kept of an image until its people are found."""
        if boxes is not None and whole_image:
            named = os.fspath(image) if isinstance(image, (str, os.PathLike)) else "image"
            raise BoxError(f"{named}: pass either boxes or whole_image=True, not both")
        pixels, source, damage = pixels_of(image, color, self.lenient)
        where = source or "image"
        hw = (pixels.shape[0], pixels.shape[1])
        detected = boxes is None and not whole_image
        if detected:
            checked, scores = self.find_people(pixels, where)
        else:
            checked, scores = check_boxes(geometry.image_box(*hw) if boxes is None else boxes, hw, source or "")
        return pixels, Waiting(hw, checked, scores, source, detected, damage)

    def find_people(
        self, image: np.ndarray, where: str = "image", tiles: Tiles | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The detector's boxes (P, 4) of a BGR image (H, W, 3) and their scores (P,), checked.

        ``where`` names the image in messages; ``tiles`` are others than the estimator's.

        Raises:
            BoxError: when there is no detector, or what it gives are no boxes.
            ModelError, EngineError: when the detector cannot be loaded.
        """
        if self.detector is None:
            raise BoxError(
                f"{where}: nobody says where the people are, and this estimator has no detector: "
                "pass boxes, or whole_image=True to take the whole image as one person"
            )
        return find_in_tiles(self._detect, image, tiles or self.tiles, f"{where}, found by the detector")

    def _detect(self, image: np.ndarray) -> ArrayLike:
        """The detector's boxes, without those smaller than a pixel, which are counted."""
        assert self.detector is not None
        usable, slivers = without_slivers(self.detector(image))
        self.boxes_dropped += slivers
        return usable

    def describe(self) -> str:
        """Model, engine, precision, flip test and decode method in words, for reports."""
        flip, turned = "on" if self.flip_test else "off", ", any angle" if self.any_angle else ""
        words = (
            f"model {self.card.name}, engine {self.engine.describe()}, flip test {flip}, decode {self.decode}{turned}"
        )
        return words if self.skeleton == self.card.skeleton else f"{words}, skeleton {self.skeleton.name}"
