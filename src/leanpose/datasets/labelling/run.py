"""Labels many pictures, one after another, so that it can be ended and taken up again at any picture."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from leanpose import __version__
from leanpose.core.boxes import check_boxes
from leanpose.core.errors import BoxError, DatasetError, ImageError
from leanpose.core.files import write_whole
from leanpose.datasets.labelling.document import digest, read_finished, to_document
from leanpose.datasets.labelling.journal import Journal, Record
from leanpose.datasets.labelling.people import Rules, label_people
from leanpose.datasets.labelling.pictures import Picture, PictureList
from leanpose.estimate.detector import Detector
from leanpose.estimate.teachers.interface import Teacher
from leanpose.media import load_image, prefetch
from leanpose.pose.skeleton import Skeleton, view_weights

LOOK_AHEAD = 4  # pictures that are read while the networks look


@dataclass(frozen=True, eq=False)
class Labeller:
    """Who labels one picture, and how.

    Attributes:
        teacher: who finds the joints; ``None`` for boxes alone.
        finder: who finds the people of pictures whose boxes are not known; ``None`` where all are.
        rules: what becomes a label.
        skeleton: whose joints to write; ``None`` for the teacher's.

    Raises:
        SkeletonError: when the skeleton has a joint that the teacher does not know.
    """

    teacher: Teacher | None
    finder: Detector | None
    rules: Rules
    skeleton: Skeleton | None = None

    def __post_init__(self) -> None:
        if self.teacher and self.skeleton:
            view_weights(self.teacher.skeleton, self.skeleton)  # which refuses before the first picture

    def __call__(self, picture: Picture, image: np.ndarray) -> Record:
        """The record of a picture, of which ``image`` (H, W, 3) BGR are the pixels.

        Raises:
            BoxError: when a box that is given or found cannot be used, or there is nobody to find people.
            ModelError: as :func:`leanpose.datasets.labelling.people.label_people` does.
        """
        height, width = image.shape[:2]
        found = picture.boxes
        if found is None:
            if self.finder is None:
                raise BoxError(f"{picture.file}: its people are not known and there is no detector")
            found = self.finder(image)
        boxes, scores = check_boxes(found, (height, width), str(picture.file))
        keep_all = picture.labelled
        people = label_people(image, boxes, scores, self.teacher, self.rules, keep_all, self.skeleton)
        return {"file_name": picture.name, "width": width, "height": height, "people": people}

    @property
    def joints(self) -> Skeleton | None:
        """Of the labels; ``None`` for boxes alone."""
        return None if self.teacher is None else self.skeleton or self.teacher.skeleton


@dataclass(frozen=True)
class Run:
    """Labels in the making.

    Attributes:
        found: the pictures.
        labeller: who labels one.
        out: the label file, written at the end.
        configuration: all that the labels depend on, as JSON has it; another one does not go on.
        info: what the label file says of itself.
        failed: a message for each picture that could not be labelled, as far as it went.
    """

    found: PictureList
    labeller: Labeller
    out: Path
    configuration: Mapping[str, Any]
    info: Mapping[str, Any]
    journal: Journal
    failed: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[Picture]:
        """The pictures that have no labels yet."""
        return [picture for picture in self.found.pictures if picture.name not in self.journal.records]

    def label_missing(self) -> Generator[Picture, None, None]:
        """Labels the pictures without labels, and gives each when its labels are in the journal, or it has failed.

        Raises:
            DatasetError: when the journal cannot be written.
            ModelError: when a network does not answer as it should.
        """
        self.failed.clear()
        ahead = prefetch(_loaded(self.missing), LOOK_AHEAD)
        try:
            for picture, image in ahead:
                try:
                    if isinstance(image, ImageError):
                        raise image
                    self.journal.add(self.labeller(picture, image))
                except (ImageError, BoxError) as error:
                    self.failed.append(str(error))
                yield picture
        finally:
            ahead.close()
            self.journal.close()

    def write(self) -> None:
        """Writes the label file, whole, and takes the journal away.

        Raises:
            DatasetError: when it cannot be written, or no picture could be labelled.
        """
        if not self.journal.records:
            raise DatasetError(f"nothing to write to {self.out}: none of {len(self.found.pictures)} pictures is usable")
        info = {
            **self.info,
            "configuration": digest(self.configuration),
            "leanpose": __version__,
            "date_created": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        document = to_document(self.journal.records, self.found.pictures, self.labeller.joints, info)
        write_whole(self.out, json.dumps(document, allow_nan=False).encode(), DatasetError)
        self.journal.remove()


def journal_path(out: Path) -> Path:
    """Where the journal of a label file lies: beside it."""
    return out.with_name(f"{out.stem}.journal.jsonl")


def start(
    found: PictureList,
    labeller: Labeller,
    out: Path,
    configuration: Mapping[str, Any],
    info: Mapping[str, Any],
    overwrite: bool = False,
) -> Run:
    """A run that goes on where an earlier one of the same configuration ended, also a finished one.

    Args:
        overwrite: begin anew instead, whatever is there.

    Raises:
        DatasetError: when the file, or its journal, is of another configuration, or of something else.
    """
    path = journal_path(out)
    if overwrite:
        path.unlink(missing_ok=True)
    finished = read_finished(out, configuration) if out.exists() and not overwrite else {}
    journal = Journal(path, configuration)
    for record in finished.values():
        journal.records.setdefault(record["file_name"], record)
    return Run(found, labeller, out, configuration, info, journal)


def _loaded(pictures: list[Picture]) -> Generator[tuple[Picture, np.ndarray | ImageError], None, None]:
    for picture in pictures:
        try:
            yield picture, load_image(picture.file)
        except ImageError as error:
            yield picture, error
