"""MPII Human Pose (Andriluka et al., CVPR 2014): the json annotations of the HRNet line, and the released .mat file.

The json fields (image, joints, joints_vis, center, scale) are those that HRNet's code reads; a real sample of them was
at hand. All numbers are MATLAB's, whose first pixel is 1.

A person's box is the papers' crop: the square with sides of 200 scales, about the centre moved down by 15 scales. What
HRNet's code adds, 1.25 times the side, is the padding of its recipe. The head size is 0.6 of the head box's diagonal,
as in the benchmark's evaluation code.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.json_file import are_numbers, is_number, read_json
from leanpose.datasets.readers.coco_layout import Layout, held_out, image_folders, locate, shared_part
from leanpose.datasets.readers.image_folder import find_image_folder, is_safe_name
from leanpose.datasets.readers.matlab_file import read_mat
from leanpose.datasets.readers.mpii_release import HEAD_SIZE, MpiiPerson, read_release
from leanpose.datasets.readers.parts import PARTS, Part
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import MPII16

SIDE_PER_SCALE = 200  # pixels
SHIFT_PER_SCALE = 15  # pixels by which the crop's centre lies below the annotated one
HEADS = "gt_valid.mat"  # HRNet's ground truth for its evaluation, which knows the head boxes of valid.json

MPII = Layout(
    "mpii",
    held_out(("annot/train.json", "train.json"), ("annot/valid.json", "valid.json")),
    dict.fromkeys(PARTS, ("images",)),
    MPII16,
    divided={"train": "annot/train.json", "val": "annot/val.json", "test": "annot/valid.json"},
)


def read_mpii(
    path: Path,
    part: Part,
    images: str | None = None,
    split: str | None = None,
    heads: str | None = None,
    people: str = "all",
    whole: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of MPII with labelled joints; those of the benchmark's own test images are withheld and so no samples.

    Args:
        path: the folder that holds ``images/`` beside ``annot/train.json`` and ``annot/valid.json``, or beside
            ``mpii_human_pose_v1_u12_1.mat``; or one of these files.
        part: ``"test"`` is the validation set of Tompson et al. (2015), on which papers report: ``valid.json``, or
            the images in ``split``; a tenth of the other images is held out as ``"val"``. Without ``split`` the .mat
            file, as any other json file, is divided by its images' names, which is not the benchmark's division.
        images: folder of the images; looked for beside the file if not given.
        split: for the .mat file, the validation list: image names in a text file, one a line (the ``valid_images.txt``
            of the hourglass code), or a ``valid.json``.
        heads: for a json file, HRNet's ``gt_valid.mat`` with the head boxes of its entries; taken from beside
            ``valid.json`` if it is there. Without it there is no head size.
        people: for the .mat file, ``"all"``, or ``"separate"`` for those that stand sufficiently apart, whom the
            single-person benchmark is about.
        whole: the part that the file is, undivided.
        problems: receives a message for each person left out.

    Raises:
        DatasetError: when a file is missing or of another form, or none of its images is found.
    """
    problems = [] if problems is None else problems
    release = _release_file(path)
    if release is not None:
        if heads is not None:
            raise DatasetError(f"{release}: heads={heads}: the .mat file has head boxes of its own; leave heads out")
        file = release
        found = read_release(release, part, split, people, whole, problems)
    else:
        if split is not None or people != "all":
            raise DatasetError(f"{path}: split and people are options of the released .mat file, not of json files")
        place = locate(MPII, path, part, whole)
        if place is None:
            return []
        file, serves = place
        found = _read_json(file, serves, part, _head_sizes(file, path, part, heads), problems)
    candidates = [Path(images)] if images is not None else image_folders(MPII, path, file, part)
    return _samples(list(found), candidates, file, problems)


def _release_file(path: Path) -> Path | None:
    """The .mat file that is meant; None where json files are."""
    if path.suffix.lower() == ".mat":
        return path
    if not path.is_dir() or any((path / name).is_file() for names in MPII.files.values() for name in names):
        return None
    folders = (path, path / "annot", path / "mpii_human_pose_v1_u12_1", path / "mpii_human_pose_v1_u12_2")
    files = [folder / "mpii_human_pose_v1_u12_1.mat" for folder in folders]
    return next((file for file in files if file.is_file()), None)


def _samples(people: list[MpiiPerson], candidates: list[Path], file: Path, problems: list[str]) -> list[Sample]:
    if not people:
        return []
    folder = find_image_folder(candidates, [person.image for person in people], file)
    samples = []
    seen: dict[tuple[str, bytes], int | str] = {}
    for person in people:
        where = f"{file}: person {person.id} of {person.image}"
        with np.errstate(over="ignore", invalid="ignore"):
            side = SIDE_PER_SCALE * person.scale
            centre = person.centre + np.array([0, SHIFT_PER_SCALE * person.scale]) - 1
            box = np.concatenate((centre - side / 2, centre + side / 2))
        if person.image not in folder:
            problems.append(f"{where}: the image is not in {folder.root}: left out")
        elif not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
            problems.append(f"{where}: center and scale make no box: left out")
        elif (first := seen.setdefault((person.image, person.joints.tobytes()), person.id)) != person.id:
            problems.append(f"{where}: has the joints of person {first}: left out")
        else:
            samples.append(
                Sample(
                    "mpii",
                    f"mpii/{person.image}#{person.id}",
                    folder.root / person.image,
                    person.joints - 1,
                    person.labelled,
                    box,
                    MPII16,
                    person.occluded,
                    head_size=person.head_size,
                    image_id=person.image,
                    person_id=person.id,
                )
            )
    return samples


def _head_sizes(file: Path, path: Path, part: Part, heads: str | None) -> np.ndarray | None:
    """(N,) pixels, for each entry of the json file."""
    beside = file.with_name(HEADS)
    if heads is None and not (file.name == "valid.json" and beside.is_file()):
        return None
    if path.is_dir() and part != "test":
        return None  # the head boxes are those of valid.json
    boxes = read_mat(beside if heads is None else Path(heads), "headboxes_src")
    if (
        not isinstance(boxes, np.ndarray)
        or boxes.ndim != 3
        or boxes.shape[:2] != (2, 2)
        or boxes.dtype.kind not in "iuf"
    ):
        raise DatasetError(f"{heads or beside}: headboxes_src must be numbers of shape 2x2xN: two corners a person")
    return HEAD_SIZE * np.linalg.norm(boxes[1].astype(float) - boxes[0], axis=0)


def _read_json(
    file: Path, serves: list[Part], part: Part, head_sizes: np.ndarray | None, problems: list[str]
) -> Iterator[MpiiPerson]:
    entries = read_json(file)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DatasetError(f"{file}: not an MPII file: it must be a list of objects with image, joints, center, scale")
    if entries and not any("joints" in entry for entry in entries):
        raise DatasetError(f"{file}: nobody in it has joints, as in MPII's test.json: give train.json or valid.json")
    if head_sizes is not None and len(head_sizes) != len(entries):
        raise DatasetError(f"{file}: {len(entries)} people, but the head boxes are of {len(head_sizes)}: other files?")
    for number, entry in enumerate(entries):
        name = entry.get("image")
        if not is_safe_name(name):
            problems.append(f"{file}: person {number}: image {name!r:.80} is no path below the image folder: left out")
        elif "joints" in entry and shared_part(name, serves) == part:
            fault = _fault(entry)
            head = None if head_sizes is None else float(head_sizes[number])
            if fault is None and head is not None and not 0 < head < np.inf:
                fault = "its head box has no size"
            if fault is not None:
                problems.append(f"{file}: person {number} of {name}: {fault}: left out")
            elif any(entry["joints_vis"]):
                yield MpiiPerson(
                    name,
                    number,
                    np.array(entry["joints"], dtype=float),
                    np.array(entry["joints_vis"]) > 0,
                    None,
                    np.array(entry["center"], dtype=float),
                    float(entry["scale"]),
                    head,
                )


def _fault(entry: dict[str, Any]) -> str | None:
    joints, visible, count = entry["joints"], entry.get("joints_vis"), len(MPII16)
    if not isinstance(joints, list) or len(joints) != count or not all(are_numbers(xy, 2) for xy in joints):
        return f"joints must be {count} pairs of finite numbers"
    if not are_numbers(visible, count) or not {0, 1}.issuperset(visible):
        return f"joints_vis must be {count} numbers, 1 for a labelled joint and 0 for the others"
    if not are_numbers(entry.get("center"), 2) or not is_number(entry.get("scale")) or entry["scale"] <= 0:
        return "center must be two finite numbers and scale a positive one"
    if entry["center"][0] == -1:
        return "it has no center (-1)"
    return None
