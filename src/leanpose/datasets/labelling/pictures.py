"""Which pictures are to be labelled, what they are called in the label file, and whose boxes are known."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from leanpose.core.boxes import BoxFile
from leanpose.core.errors import DatasetError, ImageError, VideoError
from leanpose.datasets.readers import PARTS, READERS, Part
from leanpose.datasets.readers.image_folder import is_safe_name
from leanpose.datasets.readers.scenes import HULL_DATASETS, SCENE_READERS, read_scenes
from leanpose.media.choosing import Chosen, choose


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture to be labelled.

    Attributes:
        name: path below the common folder of all pictures, with ``/``; what the label file calls it.
        file: where it lies.
        boxes: (P, 5) the people's extents in image pixels and their scores; ``None`` where they are to be found.
        labelled: whether people drew those boxes, so that every one of them is somebody.
        image_id: the number that its dataset has for it, if any.
    """

    name: str
    file: Path
    boxes: np.ndarray | None = None
    labelled: bool = False
    image_id: int | None = None


@dataclass(frozen=True, eq=False)
class PictureList:
    """Pictures by name, and the folder that their names start from.

    Attributes:
        root: folder that holds all of them.
        pictures: sorted by name, each file once.
        problems: a message for each picture, or annotation of a dataset, that was left out.
        notes: a line each about files in folders that are no pictures, or of which not all is looked at.
    """

    root: Path
    pictures: list[Picture]
    problems: list[str]
    notes: list[str] = field(default_factory=list)


def find_pictures(sources: Sequence[str], parts: Sequence[Part] = PARTS, boxes: BoxFile | None = None) -> PictureList:
    """The pictures that are named: folders with all folders in them, files, patterns, or ``KIND:PATH`` datasets.

    Args:
        sources: a file that is named by several of them is taken once, as the first says.
        parts: of datasets.
        boxes: whose boxes to take, also for pictures of datasets; a picture that has none there has no people. Without
            it the people of datasets are those of their labels, and all others are to be found.

    Raises:
        ImageError: when a source does not exist or holds no pictures.
        DatasetError: when a dataset cannot be read, or keeps its pictures in no files of their own, or when no picture
            is left or they have no common folder.
    """
    found: dict[Path, Picture] = {}
    problems: list[str] = []
    folders: list[Path] = []
    notes: list[str] = []
    for source in sources:
        if is_dataset(source):
            pictures = _of_dataset(source, parts, problems)
            folders += {picture.file.parent for picture in pictures}
        else:
            path = Path(os.path.expanduser(source))
            pictures = _in_files(source, notes)
            folders += [path.absolute()] if path.is_dir() else {picture.file.parent for picture in pictures}
        for picture in pictures:
            found.setdefault(picture.file, picture)
    if not found:
        raise DatasetError(f"{', '.join(sources)}: no pictures to label there")
    try:
        root = Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))
    except ValueError as error:  # on Windows
        raise DatasetError("the pictures lie on several drives: label those of each drive by themselves") from error
    named_ones = [_named(picture, root, boxes) for picture in found.values()]
    problems += [f"{p.file!s:.200}: its name cannot stand in a label file: rename it" for p in _unsafe(named_ones)]
    usable = [picture for picture in named_ones if is_safe_name(picture.name)]
    if not usable:
        raise DatasetError(problems[-1])
    return PictureList(root, sorted(usable, key=lambda picture: picture.name), problems, notes)


def is_dataset(source: str) -> bool:
    """Whether a source is ``KIND:PATH`` with a kind that can be read, and no file of that name."""
    kind, colon, _ = source.partition(":")
    return bool(colon) and kind in {**READERS, **SCENE_READERS} and not Path(source).exists()


def image_ids(pictures: Sequence[Picture]) -> dict[str, int]:
    """The pictures' numbers by name: their datasets' own where all have one and none twice, else counted from 1."""
    own = [picture.image_id for picture in pictures]
    if None in own or len(set(own)) < len(own):
        own = list(range(1, len(own) + 1))
    return {picture.name: int(number) for picture, number in zip(pictures, own, strict=True) if number is not None}


def _in_files(source: str, notes: list[str]) -> list[Picture]:
    try:
        chosen = choose([source], recursive=True)
    except VideoError as error:  # what is not there could have been a video
        raise ImageError(str(error)) from error
    moving = [Path(video) for video in chosen.videos if video.lower().endswith(".gif")]
    films = len(chosen.videos) - len(moving)
    chosen = Chosen(sorted([*chosen.images, *moving]), [], chosen.left_out, 0, [*chosen.animated, *moving])
    said = chosen.notes()
    if films:
        said.append(f"left out: {films} video{'s' * (films > 1)}: label takes pictures, predict reads videos")
    if not chosen.images:
        raise ImageError(f"{source}: no pictures there ({'; '.join(said)})")
    notes += said
    return [Picture("", Path(os.path.abspath(file))) for file in chosen.images]


def _of_dataset(source: str, parts: Sequence[Part], problems: list[str]) -> list[Picture]:
    pictures = []
    messages: list[str] = []  # a file is read for each part, and repeats what is wrong with it
    for scene in (scene for part in parts for scene in read_scenes([source], part, messages)):
        if not isinstance(scene.image, Path):
            raise DatasetError(f"{source}: its pictures are in no files of their own: label the dataset it came from")
        number = scene.image_id if isinstance(scene.image_id, int) else None
        # a hull of few joints is too small to learn boxes from, and somebody's all the same
        people = np.concatenate((scene.boxes, scene.ignored)) if scene.dataset in HULL_DATASETS else scene.boxes
        boxes = np.column_stack((people, np.ones(len(people))))
        pictures.append(Picture("", Path(os.path.abspath(scene.image)), boxes, True, number))
    problems += dict.fromkeys(messages)
    if not pictures:
        raise DatasetError(f"{source}: no pictures in its {', '.join(parts)} part")
    return pictures


def _named(picture: Picture, root: Path, boxes: BoxFile | None) -> Picture:
    name = picture.file.relative_to(root).as_posix()
    if boxes is None:
        return replace(picture, name=name)
    return replace(picture, name=name, boxes=boxes.find(picture.file), labelled=False)


def _unsafe(pictures: Iterable[Picture]) -> list[Picture]:
    return [picture for picture in pictures if not is_safe_name(picture.name)]
