"""One annotated person, as every reader delivers it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leanpose.core.errors import DatasetError, ImageError
from leanpose.media.images import read_image
from leanpose.pose.skeleton import Skeleton


@dataclass(frozen=True)
class FileSlice:
    """An encoded image inside a larger file, read when it is asked for."""

    file: Path
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.file}, {self.size} bytes from {self.start}"

    def read_bytes(self) -> bytes:
        """The bytes of the image; fewer where the file ends before."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


EncodedImage = Path | FileSlice | bytes  # a file, its place in a larger file, or the file's content


def image_bytes(image: EncodedImage, name: str) -> bytes:
    """The image as it is encoded; ``name`` is what an error calls it.

    Raises:
        DatasetError: when the file cannot be read.
    """
    try:
        return image if isinstance(image, bytes) else image.read_bytes()
    except OSError as error:
        raise DatasetError(f"{name}: cannot read {image}: {error.strerror}") from error


def decode_image(image: EncodedImage, name: str) -> np.ndarray:
    """The image (H, W, 3), BGR uint8; of a damaged one what there is, for trainings: inspection looks for damage.

    Raises:
        DatasetError: when the file is missing or is no image.
    """
    source = image if isinstance(image, Path) else image_bytes(image, name)
    try:
        return read_image(source, lenient=True, thorough=False).image
    except ImageError as error:
        raise DatasetError(f"{name}: not a readable image: {error}") from error


@dataclass(frozen=True, eq=False)
class Sample:
    """A person in an image.

    Attributes:
        dataset: kind of the dataset, such as ``"lsp"``.
        name: what to call it in messages, such as ``"lsp/im0001.jpg"``.
        image: the image file, its place in a larger file, or its encoded bytes.
        keypoints: (K, 2) image pixels; centres at integers, the first pixel is 0.
        labelled: (K,) whether the coordinates are meant; junk where False.
        box: (4,) the person's extent, xyxy in image pixels.
        skeleton: names the K joints.
        occluded: (K,) whether a labelled joint is hidden; None where the dataset does not say.
        area: of the person in square pixels, the scale of OKS; None where the dataset does not say.
        head_size: pixels, the reference length of PCKh; None where the dataset does not say.
        box_score: of a detector's box; 1 for an annotated one.
        crowd: the box holds several people that are not labelled one by one.
        confidence: (K,) from 0 to 1, how far a labelled joint is to be believed; None where people labelled it.
        image_id, person_id: the dataset's own, for its submission format and its messages.
    """

    dataset: str
    name: str
    image: EncodedImage
    keypoints: np.ndarray
    labelled: np.ndarray
    box: np.ndarray
    skeleton: Skeleton
    occluded: np.ndarray | None = None
    area: float | None = None
    head_size: float | None = None
    box_score: float = 1.0
    crowd: bool = False
    image_id: int | str | None = None
    person_id: int | str | None = None
    confidence: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        """(K,) what a joint counts in training: its confidence, 1 where people labelled it, 0 without a label."""
        return self.labelled * (1.0 if self.confidence is None else self.confidence)

    def image_bytes(self) -> bytes:
        """The image as it is encoded.

        Raises:
            DatasetError: when the file cannot be read.
        """
        return image_bytes(self.image, self.name)

    def load_image(self) -> np.ndarray:
        """The image (H, W, 3), BGR uint8.

        Raises:
            DatasetError: when the file is missing or is no image.
        """
        return decode_image(self.image, self.name)
