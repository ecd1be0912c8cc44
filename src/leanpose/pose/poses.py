"""Poses: the people found in one image. Their files (JSON, CSV, COCO results) are in :mod:`leanpose.pose.formats`."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, overload

import numpy as np

from leanpose.core.errors import LeanposeError, PosesError
from leanpose.pose.oks import rescored
from leanpose.pose.skeleton import Skeleton, map_joints, map_uncertainties, view_weights


@dataclass(frozen=True, eq=False, repr=False)
class Poses:
    """P people with K joints each, found in one image. The arrays are read-only copies of what was given.

    Attributes:
        keypoints: (P, K, 2) float32, x and y in image pixels whose centres lie at integers; NaN where not found.
        scores: (P, K) float32 in [0, 1], one per joint; of a calibrated model the probability that it is right. An
            estimator gives 0 to joints outside the image, and to those that are another person's; they keep a place.
        boxes: (P, 4) float32, the people's extents as x1, y1, x2, y2 in image pixels.
        box_scores: (P,) float32 in [0, 1].
        skeleton: names the K joints.
        image_hw: height and width of the image in pixels.
        ids: (P,) int64, one per tracked person, or ``None``.
        source: name of the image file, or of the video, or ``None``.
        frame: number of the video's frame, from 0, or ``None`` for an image.
        timestamp: seconds from the video's start to that frame, or ``None``.
        image: the pixels the people were found in, BGR (H, W, 3), where they were to be kept; they are not copied.
        uncertainties: (P, K) float32, the radius in pixels within which 68 % of such joints lie, NaN where not found;
            ``None`` where nobody knows.
        damage: what is wrong with the image file in words, where it was read all the same; ``None`` of a whole one.

    Raises:
        PosesError: when a field has the wrong shape, type or range. The message names the field.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    skeleton: Skeleton
    image_hw: tuple[int, int]
    ids: np.ndarray | None = None
    source: str | None = None
    frame: int | None = None
    timestamp: float | None = None
    image: np.ndarray | None = field(default=None, repr=False)
    uncertainties: np.ndarray | None = None
    damage: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.skeleton, Skeleton):
            raise PosesError(f"skeleton: must be a leanpose Skeleton, is {type(self.skeleton).__name__}")
        if self.source is not None and not isinstance(self.source, str):
            raise PosesError(f"source: must be a file name or None, is {type(self.source).__name__}")
        if self.damage is not None and not isinstance(self.damage, str):
            raise PosesError(f"damage: must be text or None, is {type(self.damage).__name__}")
        if self.frame is not None and not (_is(int, self.frame) and self.frame >= 0):
            raise PosesError(f"frame: must be a whole number from 0 or None, is {self.frame!r}")
        if self.timestamp is not None and not (_is((int, float), self.timestamp) and isfinite(self.timestamp)):
            raise PosesError(f"timestamp: must be seconds or None, is {self.timestamp!r}")
        hw = tuple(self.image_hw) if isinstance(self.image_hw, Sequence) else ()
        if len(hw) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in hw):
            raise PosesError(f"image_hw: must be two positive whole numbers (height, width), is {self.image_hw!r}")
        object.__setattr__(self, "image_hw", (int(hw[0]), int(hw[1])))

        people = len(self.keypoints) if hasattr(self.keypoints, "__len__") else 0
        joints = len(self.skeleton)
        self._freeze("keypoints", np.float32, (people, joints, 2))
        self._freeze("scores", np.float32, (people, joints))
        self._freeze("boxes", np.float32, (people, 4))
        self._freeze("box_scores", np.float32, (people,))
        if self.ids is not None:
            self._freeze("ids", np.int64, (people,))
        if self.uncertainties is not None:
            self._freeze("uncertainties", np.float32, (people, joints))
            if (self.uncertainties < 0).any() or np.isinf(self.uncertainties).any():
                raise PosesError("uncertainties: must be pixels from 0, or NaN for a joint that was not found")

        missing = np.isnan(self.keypoints)
        if np.isinf(self.keypoints).any():
            raise PosesError("keypoints: infinite or beyond float32; a joint that was not found is NaN")
        if (missing[..., 0] != missing[..., 1]).any():
            raise PosesError("keypoints: a joint has only one of x and y; a joint that was not found has NaN in both")
        for name in ("scores", "box_scores"):
            values = getattr(self, name)
            if not ((values >= 0) & (values <= 1)).all():
                raise PosesError(f"{name}: must lie in [0, 1]; a joint that was not found scores 0")
        if not np.isfinite(self.boxes).all() or (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise PosesError("boxes: must be finite x1, y1, x2, y2 with x2 >= x1 and y2 >= y1")

    def _freeze(self, name: str, dtype: type, shape: tuple[int, ...]) -> None:
        """Puts a read-only copy of the field in its place, once its kind and shape are right."""
        try:
            given = np.asarray(getattr(self, name))
        except ValueError as error:
            raise PosesError(f"{name}: not an array of shape {shape}: {error}") from error
        if given.dtype.kind not in ("iu" if dtype is np.int64 else "iuf") and given.size:
            raise PosesError(f"{name}: must hold {np.dtype(dtype).name} numbers, holds {given.dtype}")
        if given.shape != shape:
            raise PosesError(
                f"{name}: shape {given.shape} instead of {shape}, for {shape[0]} people (the length of keypoints) "
                f"with the {len(self.skeleton)} joints of {self.skeleton.name}"
            )
        with np.errstate(over="ignore"):  # what does not fit float32 becomes infinite and is refused by the caller
            array = given.astype(dtype)
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    @classmethod
    def empty(cls, skeleton: Skeleton, image_hw: tuple[int, int], source: str | None = None) -> "Poses":
        """An image in which nobody was found."""
        joints = len(skeleton)
        return cls(
            np.zeros((0, joints, 2)), np.zeros((0, joints)), np.zeros((0, 4)), np.zeros(0),
            skeleton, image_hw, source=source,
        )  # fmt: skip

    @property
    def person_scores(self) -> np.ndarray:
        """(P,) float32 in [0, 1], of the people as a whole: the box's score times the mean of the joints' above 0.2.

        It is 0 where no joint scores as much. This is the rule of the HRNet line, by which ``leanpose evaluate``
        measures AP.
        """
        found = np.isfinite(self.keypoints).all(axis=-1)
        return rescored(np.where(found, self.scores, 0), self.box_scores).astype(np.float32)

    def __repr__(self) -> str:
        """One line, such as ``<Poses: 2 people, body19, 640x480, clip.mp4, frame 7>``."""
        people = f"{len(self)} {'person' if len(self) == 1 else 'people'}"
        height, width = self.image_hw
        source = None if self.source is None else os.path.basename(self.source)
        frame = None if self.frame is None else f"frame {self.frame}"
        parts = [people, self.skeleton.name, f"{width}x{height}", source, frame]
        return f"<Poses: {', '.join(part for part in parts if part)}>"

    def __len__(self) -> int:
        return len(self.keypoints)

    @overload
    def __getitem__(self, index: str) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: Any) -> "Poses": ...

    def __getitem__(self, index: Any) -> "Poses | np.ndarray":
        """Some of the people: one by number (still a Poses, of length 1), a slice, a mask (P,) or a list of numbers.

        Or, by its name, a joint of all of them: ``poses["left_wrist"]`` is (P, 3), x, y and score.

        Raises:
            IndexError: when there is no such person, or the mask has another length.
            KeyError: when there is no such joint; it names those there are.
        """
        if isinstance(index, str):
            if index not in self.skeleton.joints:
                raise KeyError(f"{self.skeleton.name} has no joint '{index}': it has {', '.join(self.skeleton.joints)}")
            joint = self.skeleton.joints.index(index)
            return np.concatenate((self.keypoints[:, joint], self.scores[:, joint, None]), axis=1)
        if isinstance(index, (int, np.integer)):
            index = [index]
        return Poses(
            self.keypoints[index], self.scores[index], self.boxes[index], self.box_scores[index],
            self.skeleton, self.image_hw, None if self.ids is None else self.ids[index], self.source,
            self.frame, self.timestamp, self.image, None if self.uncertainties is None else self.uncertainties[index],
            self.damage,
        )  # fmt: skip

    def __iter__(self) -> Iterator["Poses"]:
        return (self[person] for person in range(len(self)))

    def view(self, skeleton: str | os.PathLike[str] | Skeleton) -> "Poses":
        """These people in the joints of another skeleton, taken by name.

        What :data:`leanpose.pose.skeleton.INTERPOLATED` tells how to place is put in the middle of its parts, with the
        lowest of their scores and the uncertainty that independent errors of theirs give, and is not found where one
        of them is not. No joint is made up.

        Args:
            skeleton: a built-in one's name, a skeleton file as :func:`leanpose.pose.skeleton_files.load_skeleton` reads
                it, or a Skeleton.

        Raises:
            SkeletonError: when it has a joint that these people do not have.
        """
        from leanpose.pose.skeleton_files import find_skeleton

        target = find_skeleton(skeleton)
        if target == self.skeleton:
            return self
        weights, uncertainties = view_weights(self.skeleton, target), None
        keypoints, scores = map_joints(weights, self.keypoints, self.scores)
        if self.uncertainties is not None:
            missing = np.isnan(keypoints[..., 0])
            uncertainties = np.where(missing, np.nan, map_uncertainties(weights, self.uncertainties))
        return replace(self, keypoints=keypoints, scores=scores, skeleton=target, uncertainties=uncertainties)

    def confident(self, min_score: float) -> "Poses":
        """These people without the joints that score less than ``min_score``, which count as not found."""
        weak = self.scores < min_score
        if not weak.any():
            return self
        off = None if self.uncertainties is None else np.where(weak, np.nan, self.uncertainties)
        keypoints, scores = np.where(weak[..., None], np.nan, self.keypoints), np.where(weak, 0, self.scores)
        return replace(self, keypoints=keypoints, scores=scores, uncertainties=off)

    def draw(self, image: np.ndarray | None = None, **options: Any) -> np.ndarray:
        """A copy of the image (H, W, 3) with these people drawn on it.

        Args:
            image: by default the one that was kept.
            options: as in :func:`leanpose.pose.drawing.draw_poses`.

        Raises:
            PosesError: when there is no image, or it is of another size.
        """
        from leanpose.pose.drawing import draw_poses

        if image is None:
            image = self.image
        if image is None:
            raise PosesError("image: none was kept: give one, or ask the stream to keep_images")
        return draw_poses(image, self, **options)

    def save(self, path: str | os.PathLike[str], image: np.ndarray | None = None, **options: Any) -> None:
        """Writes :meth:`draw` into an image file (``.png``, ``.jpg``, ...), or the poses into ``.json`` or ``.csv``.

        Args:
            image, options: as of :meth:`draw`; without an image that of the source is read.

        Raises:
            PosesError, ImageError: when there is no image to draw on, or the file cannot be written.
        """
        from leanpose.media import save_image
        from leanpose.pose.formats import write_csv, write_json

        kinds = {".json": write_json, ".csv": write_csv}
        write = kinds.get(os.path.splitext(path)[1].lower())
        if write is not None:
            write([self], path)
        else:
            save_image(path, self._drawn(image, **options))

    def show(self, image: np.ndarray | None = None, **options: Any) -> Any:
        """:meth:`draw` in a notebook's output or, elsewhere, in the system's picture viewer, by Pillow.

        Args:
            image, options: as of :meth:`save`.

        Returns:
            The Pillow image, which a notebook shows as a cell's last value.

        Raises:
            LeanposeError: without Pillow.
            PosesError, ImageError: when there is no image to draw on.
        """
        drawn = self._drawn(image, **options)
        try:
            from PIL import Image
        except ModuleNotFoundError as error:
            raise LeanposeError("show needs Pillow: pip install pillow, or use poses.save('drawn.png')") from error
        picture = Image.fromarray(drawn[..., ::-1])
        if "ipykernel" not in sys.modules:
            picture.show()
        return picture

    def _drawn(self, image: np.ndarray | None, **options: Any) -> np.ndarray:
        """:meth:`draw`, on the source's own image where neither was one given nor kept."""
        if image is None and self.image is None and self.source is not None and self.frame is None:
            from leanpose.media import load_image

            image = load_image(self.source, lenient=self.damage is not None)
        return self.draw(image, **options)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each joint and the columns of :data:`leanpose.pose.formats.CSV_COLUMNS`.

        Unknown values are missing ones. An image with nobody in it has one row, as in CSV files.

        Raises:
            LeanposeError: when pandas is not installed.
        """
        from leanpose.pose.formats import CSV_COLUMNS, csv_rows

        try:
            import pandas  # pyright: ignore[reportMissingImports, reportMissingModuleSource]
        except ModuleNotFoundError as error:
            raise LeanposeError("to_pandas needs pandas: pip install pandas") from error
        rows = [[None if cell == "" else cell for cell in row] for row in csv_rows(self)]
        return pandas.DataFrame(rows, columns=list(CSV_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """This image as a document of the JSON schema (see :func:`leanpose.pose.formats.to_document`)."""
        from leanpose.pose.formats import to_document

        return to_document([self])

    @classmethod
    def from_dict(cls, document: Any) -> "Poses":
        """The poses in a document that holds one image.

        Raises:
            PosesError: when the document is of another schema or version, holds several images or does not fit.
        """
        from leanpose.pose.formats import document_fields

        images = document_fields(document)
        if len(images) != 1:
            raise PosesError(f"images: expected one image, found {len(images)}; use read_json for several")
        return cls.from_fields(images[0], "images[0].")

    @classmethod
    def from_fields(cls, fields: dict[str, Any], where: str) -> "Poses":
        """Of fields read from a file; what a PosesError says begins with ``where``."""
        try:
            return cls(**fields)
        except PosesError as error:
            raise PosesError(f"{where}{error}") from error

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Poses":
        """:meth:`from_dict` of JSON text; raises PosesError as it does, and when the text is not JSON."""
        from leanpose.pose.formats import parse_json

        return cls.from_dict(parse_json(text))

    def to_coco(self, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """COCO keypoint results, one per person, as :func:`leanpose.pose.coco.coco_results` makes them."""
        from leanpose.pose.coco import coco_results

        return coco_results(self, image_id)


def _is(kind: type | tuple[type, ...], value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
