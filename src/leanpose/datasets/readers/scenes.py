"""Whole images with the boxes of their people: what a person detector learns from and is measured on.

Besides two kinds of its own, boxes and person-free backgrounds, every pose dataset gives scenes. Who stands in a pose
dataset without joints has mostly no box either, so such scenes are not exhaustive: a detector that fires beside a box
may well be right.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.bounded import read_text
from leanpose.core.errors import DatasetError
from leanpose.core.geometry import from_corner, grow_box
from leanpose.core.json_file import are_numbers, is_number, no_cycle_search, read_json
from leanpose.datasets.readers import READERS, parse_spec, read_people
from leanpose.datasets.readers.coco_annotations import Id, check_lists, read_images
from leanpose.datasets.readers.image_folder import find_image_folder, is_inside
from leanpose.datasets.readers.parts import PARTS, Part, part_of
from leanpose.datasets.readers.sample import EncodedImage, Sample, decode_image
from leanpose.media import IMAGE_SUFFIXES

MEASURED_BACKGROUNDS = 100  # the first of a folder, by name; they are for measuring only
HULL_DATASETS = frozenset({"lsp", "lspet", "hr_lspet"})  # their boxes are no people's extents but hulls of joints
HULL_GROWTH = 0.15  # of the hull's size; from joints to the body's outline
WHOLE_HULL = 12  # labelled joints of 14; a hull of fewer may leave out half of the person


@dataclass(frozen=True, eq=False)
class Scene:
    """An image and the boxes of the people in it.

    Attributes:
        dataset: kind of the dataset.
        name: what to call it in messages.
        image: the image file, its place in a larger file, or its encoded bytes.
        boxes: (B, 4) people, xyxy in image pixels.
        ignored: (C, 4) regions where answers count neither for nor against: crowds, people half labelled.
        exhaustive: whether everybody in the image is in ``boxes`` or ``ignored``.
        image_id: the dataset's own.
    """

    dataset: str
    name: str
    image: EncodedImage
    boxes: np.ndarray
    ignored: np.ndarray
    exhaustive: bool
    image_id: int | str | None = None

    def load_image(self) -> np.ndarray:
        """The image (H, W, 3), BGR uint8.

        Raises:
            DatasetError: when the file is missing or is no image.
        """
        return decode_image(self.image, self.name)


def read_scenes(specs: Sequence[str], part: Part, problems: list[str] | None = None) -> list[Scene]:
    """Scenes of one part of the datasets named by ``KIND:PATH[,OPTION=VALUE...]`` specs, in their order.

    Args:
        specs: ``boxes:FILE`` (COCO's format, boxes suffice), ``backgrounds:FOLDER`` (person-free images), or any kind
            that :func:`leanpose.datasets.readers.read_samples` takes.
        problems: receives a message for every annotation that was left out.

    Raises:
        DatasetError: as the readers do.
    """
    problems = [] if problems is None else problems
    scenes: list[Scene] = []
    for spec in specs:
        kind, path, options = parse_spec(spec, {**READERS, **SCENE_READERS})
        if kind in SCENE_READERS:
            scenes += SCENE_READERS[kind](path, part, problems=problems, **options)
        else:
            scenes += scenes_of(read_people(kind, path, part, problems, options))
    return scenes


def scenes_of(samples: Iterable[Sample]) -> list[Scene]:
    """The images of pose samples with their people's boxes, in the order of their first people; not exhaustive.

    The hulls of joints that LSP and its extension have for boxes grow by 15 %; with fewer than 12 labelled joints they
    are ignored regions.
    """
    by_image: dict[tuple[str, object], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_image[sample.dataset, sample.image].append(sample)
    return [_scene(people) for people in by_image.values()]


def _scene(people: list[Sample]) -> Scene:
    boxes, ignored = [], []
    for person in people:
        hull = person.dataset in HULL_DATASETS
        whole = not (person.crowd or (hull and person.labelled.sum() < WHOLE_HULL))
        (boxes if whole else ignored).append(grow_box(person.box, HULL_GROWTH) if hull else person.box)
    first = people[0]
    name = first.name.partition("#")[0]
    return Scene(first.dataset, name, first.image, _stack(boxes), _stack(ignored), False, first.image_id)


@no_cycle_search()
def read_boxes_file(
    path: Path,
    part: Part,
    images: str | None = None,
    exhaustive: str = "yes",
    whole: str | None = None,
    positive: str = "0.35",
    doubtful: str = "0.2",
    problems: list[str] | None = None,
) -> list[Scene]:
    """Scenes of a detection file in COCO's format: annotations with ``bbox``, of people only.

    Images with a field ``group`` (frames of one camera, say) are divided group by group: in an order drawn from their
    names, groups test while they hold a fifth of the images at most, then validate up to a tenth, and the others train.
    Without groups an image's name tells its part.

    Args:
        images: folder of the images; looked for beside the file if not given.
        exhaustive: ``no`` where people may stand without a box.
        whole: the part that the file is, undivided.
        positive, doubtful: of boxes that a detector gave, with a ``score``: those of at least ``positive`` are people,
            those below it and of at least ``doubtful`` are ignored regions, and the others are nothing. The defaults
            suit the detectors that :mod:`leanpose.datasets.labelling` merges.
        problems: receives a message for each annotation left out.

    Raises:
        DatasetError: when the file is missing or has no lists of images and annotations, or no image is found.
    """
    problems = [] if problems is None else problems
    if exhaustive not in ("yes", "no"):
        raise DatasetError(f"{path}: exhaustive={exhaustive}: write yes or no")
    if whole not in (None, *PARTS):
        raise DatasetError(f"{path}: part={whole}: write {', '.join(PARTS)}, or leave it out to divide the images")
    scores = _score(path, "positive", positive), _score(path, "doubtful", doubtful)
    document = read_json(path)
    check_lists(document, path, ("images", "annotations"))
    entries = read_images(document, path, problems)
    people = {c["id"] for c in document["categories"] if c.get("name") == "person"}
    folders = [Path(images)] if images else [path.parent / "images", path.parent]
    folder = find_image_folder(folders, [entry["file_name"] for entry in entries.values()], path)
    boxes, ignored = _boxes_by_image(document["annotations"], path, entries, people, scores, problems)
    parts = dict.fromkeys(entries, whole) if whole else _parts(entries)
    return [
        Scene(
            "boxes", f"boxes/{entry['file_name']}", folder.root / entry["file_name"],
            _stack(boxes[id_]), _stack(ignored[id_]), exhaustive == "yes", id_,
        )
        for id_, entry in entries.items()
        if parts[id_] == part and entry["file_name"] in folder
    ]  # fmt: skip


def read_backgrounds(
    path: Path, part: Part, people: str | None = None, problems: list[str] | None = None
) -> list[Scene]:
    """Person-free images of a folder: the first hundred by name only measure, of the rest a tenth validates.

    Args:
        people: a text file that names, one a line, images of the folder that do hold somebody: they are left out, and
            move no other image to another part.
        problems: stays as it is.

    Raises:
        DatasetError: when the folder has no images, or ``people`` cannot be read or names an image that is not there.
    """
    files = sorted(file for file in path.glob("*") if file.suffix.lower() in IMAGE_SUFFIXES and is_inside(file, path))
    if not files:
        raise DatasetError(f"{path}: no images: give the folder that holds them")
    holding = _names_in(Path(people), {file.name for file in files}) if people else frozenset()
    rest = files[MEASURED_BACKGROUNDS:]
    chosen = {
        "test": files[:MEASURED_BACKGROUNDS],
        "val": [file for file in rest if part_of(file.name) == "val"],
        "train": [file for file in rest if part_of(file.name) != "val"],
    }[part]
    return [
        Scene("backgrounds", f"backgrounds/{f.name}", f, _stack([]), _stack([]), True, f.name)
        for f in chosen
        if f.name not in holding
    ]


def _names_in(file: Path, known: set[str]) -> frozenset[str]:
    names = frozenset(line.strip() for line in read_text(file, DatasetError).splitlines()) - {""}
    if strangers := sorted(names - known):
        raise DatasetError(f"{file}: names {strangers[0]}, which is none of the folder's images")
    return names


SCENE_READERS = {"boxes": read_boxes_file, "backgrounds": read_backgrounds}


def _score(path: Path, option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise DatasetError(f"{path}: {option}={text}: write a score from 0 to 1")
    return value


def _boxes_by_image(
    annotations: list[Any],
    path: Path,
    images: dict[Id, dict[str, Any]],
    people: set[Id],
    scores: tuple[float, float],
    problems: list[str],
) -> tuple[dict[Id, list[np.ndarray]], dict[Id, list[np.ndarray]]]:
    """People's boxes by image, clipped to it, and those of crowds and of doubtful score."""
    boxes, ignored = defaultdict(list), defaultdict(list)
    positive, doubtful = scores
    for number, annotation in enumerate(annotations):
        box = annotation.get("bbox") if isinstance(annotation, dict) else None
        if not are_numbers(box, 4) or annotation.get("image_id") not in images:
            problems.append(f"{path}: annotation {number}: no bbox of four numbers, or of no image here: left out")
            continue
        if people and annotation.get("category_id") not in people:
            continue
        image = images[annotation["image_id"]]
        corners = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]], dtype=float)
        corners = from_corner(np.clip(corners, 0, [image["width"], image["height"]] * 2))
        if (corners[2:] <= corners[:2]).any():
            problems.append(f"{path}: annotation {number}: bbox {box} has no area in the image: left out")
            continue
        score = annotation.get("score", 1.0)
        if not is_number(score):
            problems.append(f"{path}: annotation {number}: score {score!r:.40} is no number: left out")
        elif score >= min(doubtful, positive):
            unsure = annotation.get("iscrowd") or score < positive
            (ignored if unsure else boxes)[annotation["image_id"]].append(corners)
    return boxes, ignored


def _parts(images: dict[Id, dict[str, Any]]) -> dict[Id, Part]:
    if not all(isinstance(image.get("group"), str) for image in images.values()):
        return {id_: part_of(image["file_name"]) for id_, image in images.items()}
    sizes = Counter(image["group"] for image in images.values())
    room = {"test": len(images) // 5, "val": len(images) // 10}
    part_of_group: dict[str, Part] = {}
    for group in sorted(sizes, key=lambda name: (zlib.crc32(name.encode()), name)):
        part_of_group[group] = next((part for part in room if sizes[group] <= room[part]), "train")  # type: ignore[assignment]
        if part_of_group[group] != "train":
            room[part_of_group[group]] -= sizes[group]
    return {id_: part_of_group[image["group"]] for id_, image in images.items()}


def _stack(boxes: list[np.ndarray]) -> np.ndarray:
    return np.array(boxes, dtype=float).reshape(-1, 4)
