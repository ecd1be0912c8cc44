"""Converting datasets: people of any kind that can be read, written in a format that others read."""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from leanpose.core.errors import DatasetError
from leanpose.core.files import check_free, whole_folder
from leanpose.datasets.readers import FOR_TRAINING, PARTS, Part, Sample, map_sample, parse_spec, read_samples
from leanpose.datasets.readers.coco import coco_ground_truth
from leanpose.datasets.readers.coco_layout import LAYOUTS
from leanpose.datasets.readers.image_folder import is_safe_name
from leanpose.datasets.readers.image_size import image_size
from leanpose.datasets.readers.reasons import nobody
from leanpose.datasets.writers import WRITERS, ImageMode, ImageStore, Losses, Person, Picture
from leanpose.pose.skeleton import LSP14, MPII16, Skeleton, mapping_weights

RECORD = "conversion.json"  # tells a folder that a conversion wrote, and so may replace
SKELETON = "skeleton.json"
FIXED = {"mpii": MPII16, "lsp": LSP14}  # formats that have joints of their own


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion wrote, and what it did not.

    Attributes:
        people: how many, by part.
        images: how many.
        lost: what the format or the new skeleton has no place for, with how often; nothing that occurs zero times.
        left_out: a message for each annotation, and the people of each image, that could not be used.
        spec: with which the folder is read again.
    """

    people: dict[Part, int]
    images: int
    lost: dict[str, int]
    left_out: tuple[str, ...]
    spec: str


def convert(
    specs: Sequence[str],
    to: str,
    out: Path,
    parts: Sequence[Part] = PARTS,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
) -> ConversionReport:
    """Write the people of ``KIND:PATH`` datasets into the folder ``out``, in the format ``to``.

    Images keep their paths below the folder they were in; where two would be the same, the later gets a number. The
    parts are kept. Beside the labels stand the skeleton and a record of what was lost.

    Args:
        to: one of :data:`leanpose.datasets.writers.WRITERS`.
        parts: which to convert; the others are empty in the new dataset.
        skeleton: what all people are mapped to by joint name. ``mpii`` and ``lsp`` have their own.
        images: copy them, link to them, or write labels alone.
        overwrite: replace a conversion that stands at ``out``.

    Raises:
        DatasetError: when a dataset cannot be read, has nobody to convert, ``out`` is taken or holds the images, or
            something cannot be written.
    """
    if to not in WRITERS:
        raise DatasetError(f"unknown format '{to}': use one of {', '.join(WRITERS)}")
    if skeleton not in (None, FIXED.get(to, skeleton)):
        raise DatasetError(f"{to} has the joints of {FIXED[to].name}: leave the skeleton {skeleton.name} out")
    check_free(out, RECORD, overwrite, DatasetError)
    left_out: list[str] = []  # the same file may be read for several parts, and repeats what is wrong with it
    losses: Losses = Counter()
    samples = _read(specs, parts, FIXED.get(to, skeleton), left_out, losses)
    people = _with_pictures(samples, out, left_out)
    if not any(people.values()):
        raise nobody("to convert", specs, parts, left_out)
    target = next(person.sample.skeleton for members in people.values() for person in members)
    counts: dict[Part, int] = {part: len(people[part]) for part in parts}
    with whole_folder(out, RECORD, overwrite, DatasetError) as folder:
        spec = WRITERS[to](folder, people, target, ImageStore(folder, images), losses).format(out)
        lost = {what: count for what, count in losses.items() if count}
        (folder / SKELETON).write_text(json.dumps(target.to_dict(), indent=2) + "\n", encoding="utf-8")
        record = {"format": to, "images": images, "people": counts, "lost": lost, "left_out": len(set(left_out))}
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    pictures = {person.picture.name for members in people.values() for person in members}
    return ConversionReport(counts, len(pictures), lost, tuple(dict.fromkeys(left_out)), spec)


def _read(
    specs: Sequence[str], parts: Sequence[Part], target: Skeleton | None, left_out: list[str], losses: Losses
) -> dict[Part, list[Sample]]:
    """Labelled people by part, in one skeleton."""
    found: dict[Part, list[Sample]] = {part: [] for part in parts}
    for spec in specs:
        kind, path, options = parse_spec(spec)
        for part in parts:
            problems: list[str] = []
            samples = read_samples([spec], part, problems=problems)
            left_out += problems
            labelled = [sample for sample in samples if sample.labelled.any()]
            losses["people without labelled joints"] += len(samples) - len(labelled)
            if kind in LAYOUTS and "boxes" not in options:
                own = {name: value for name, value in options.items() if name not in FOR_TRAINING}
                truth = coco_ground_truth(path, part, kind, problems=[], **own)
                _count_unread(truth, samples, losses)
            found[part] += labelled
    skeletons = {sample.skeleton for samples in found.values() for sample in samples}
    if target is None and len(skeletons) > 1:
        names = ", ".join(sorted(skeleton.name for skeleton in skeletons))
        raise DatasetError(f"datasets of different skeletons together: {names}: name the one to map to with --skeleton")
    if target is None:
        return found
    return {part: [m for s in samples if (m := _map(s, target, left_out, losses))] for part, samples in found.items()}


def _count_unread(truth: dict[str, Any], samples: Sequence[Sample], losses: Losses) -> None:
    """Counts what COCO's files have and a sample, which is a person with labelled joints, is not."""
    losses["crowds"] += sum(bool(annotation["iscrowd"]) for annotation in truth["annotations"])
    bare = [a for a in truth["annotations"] if not a["iscrowd"] and not a["num_keypoints"]]
    losses["people without labelled joints"] += len(bare)
    losses["images without a labelled person"] += len(truth["images"]) - len({sample.image_id for sample in samples})


def _map(sample: Sample, target: Skeleton, left_out: list[str], losses: Losses) -> Sample | None:
    mapped = map_sample(sample, target, left_out)
    if mapped is None or sample.skeleton == target:
        return mapped
    weights = mapping_weights(sample.skeleton, target)
    for joint, is_labelled in zip(sample.skeleton.joints, sample.labelled, strict=True):
        losses[f"joints that {target.name} does not have: {joint}"] += bool(is_labelled and joint not in target.joints)
    made = mapped.labelled & ((weights > 0).sum(axis=1) > 1)
    losses["joints put in the middle of two others"] += int(made.sum())
    return mapped


def _with_pictures(samples: dict[Part, list[Sample]], out: Path, left_out: list[str]) -> dict[Part, list[Person]]:
    """People with names for their images, which differ even without their endings and in lower case."""
    pictures: dict[Any, Picture | None] = {}
    taken: set[str] = set()
    people: dict[Part, list[Person]] = {part: [] for part in samples}
    for part, members in samples.items():
        for sample in members:
            key = sample.image if isinstance(sample.image, Path) else (sample.name, sample.image)
            if key not in pictures:
                pictures[key] = _picture(sample, taken, out, left_out)
            picture = pictures[key]
            if picture is not None:
                people[part].append(Person(sample, picture))
    return people


def _picture(sample: Sample, taken: set[str], out: Path, left_out: list[str]) -> Picture | None:
    """None, with a message, where the image cannot be read."""
    if isinstance(sample.image, Path) and sample.image.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{sample.image} lies in {out}, which is to be replaced: choose another folder")
    try:
        if isinstance(sample.image, Path):
            height, width = image_size(sample.image)
        else:
            height, width = sample.load_image().shape[:2]
    except DatasetError as error:
        left_out.append(f"{sample.name}: {error}: its people left out")
        return None
    stem, ending = os.path.splitext(image_name(sample))
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.casefold())
    return Picture(name + ending, sample, height, width)


def image_name(sample: Sample) -> str:
    """The image's path below its dataset's folder of images; for a crop in a pack a file of its own."""
    text = sample.name.removeprefix(f"{sample.dataset}/")
    if not isinstance(sample.image, Path):
        return os.path.splitext(re.sub(r"[^\w./-]", "_", text))[0].strip("/.") + ".jpg"
    path = sample.image.as_posix()
    names = (text.rpartition("#")[0], text)
    name = next((n for n in names if n and path.endswith(f"/{n}") and is_safe_name(n)), sample.image.name)
    below = [folder.strip() or "_" for folder in PurePosixPath(name).parts]
    if sample.dataset == "yolo":  # which keeps images/train/a.jpg beside labels/train/a.txt
        below = below[below.index("images") + 1 :] if "images" in below[:-1] else below
        below = below[1:] if below[0] in PARTS and len(below) > 1 else below
    return "/".join(below)
