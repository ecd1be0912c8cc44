"""What a YOLO-pose dataset's data.yaml says: the joints, and where the images of each part are."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from leanpose.core.bounded import read_text
from leanpose.core.errors import DatasetError, MissingExtraError, SkeletonError
from leanpose.datasets.readers.coco_layout import shared_part
from leanpose.datasets.readers.image_folder import is_inside, is_safe_name
from leanpose.datasets.readers.parts import PARTS, Part
from leanpose.media import IMAGE_SUFFIXES
from leanpose.pose.skeleton import MOST_JOINTS, SKELETONS, Skeleton
from leanpose.pose.skeleton_files import find_skeleton, skeleton_from_category

LARGEST_YAML = 200_000  # bytes; PyYAML reads them slowly
LARGEST_LIST = 100_000_000
MOST_BRACKETS = 1000


def find_yaml(path: Path) -> Path:
    """The file that is meant: itself, or in a folder data.yaml or the only other one.

    Raises:
        DatasetError: when the folder has none, or several.
    """
    if not path.is_dir():
        return path
    files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    named = [file for file in files if file.stem == "data"] or files
    if len(named) != 1:
        raise DatasetError(f"{path}: {len(named)} .yaml files: give the one that describes the dataset")
    return named[0]


def read_yaml(file: Path) -> dict[str, Any]:
    """What the file says, with train and kpt_shape among it.

    Raises:
        DatasetError: when it cannot be read or describes no poses.
        MissingExtraError: when PyYAML is not installed.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingExtraError("PyYAML", "train") from error
    text = read_text(file, DatasetError, LARGEST_YAML)
    if text.count("[") + text.count("{") > MOST_BRACKETS:  # each of a nest goes over all that are open
        raise DatasetError(f"{file}: not YAML of a dataset: over {MOST_BRACKETS:,} brackets")
    try:
        # An alias of an alias of an alias is billions of joints in a few lines, and no data.yaml needs any.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise DatasetError(f"{file}: YAML with aliases (*name) is not read here: write out what they stand for")
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{file}: not YAML: {error!s:.200}") from error
    if not isinstance(data, dict) or data.get("train") in (None, "") or "kpt_shape" not in data:
        raise DatasetError(f"{file}: not a YOLO-pose dataset: it needs kpt_shape and train")
    return data


def read_skeleton(data: dict[str, Any], file: Path, skeleton: str | None) -> tuple[Skeleton, int]:
    """The joints, and how many values each has in a row.

    Raises:
        DatasetError: when kpt_shape is none, or the skeleton asked for has another number of joints.
        SkeletonError: when the file's names or flip_idx make no skeleton.
    """
    shape = data["kpt_shape"]
    if not _are_integers(shape) or len(shape) != 2 or shape[0] < 1 or shape[1] not in (2, 3):
        raise DatasetError(f"{file}: kpt_shape {shape!r:.60} must be the number of joints, and 2 or 3 values for each")
    count, values = shape
    if count > MOST_JOINTS:
        raise DatasetError(f"{file}: kpt_shape says {count:,} joints, at most {MOST_JOINTS:,} make sense")
    if skeleton is not None:
        given = find_skeleton(skeleton)
        if len(given) != count:
            raise DatasetError(f"{file}: kpt_shape says {count} joints, skeleton {given.name} has {len(given)}")
        return given, values
    try:
        return _own_skeleton(data, count, file.stem), values
    except SkeletonError as error:
        raise SkeletonError(f"{file}: {error}") from error


def _own_skeleton(data: dict[str, Any], count: int, name: str) -> Skeleton:
    listed = data.get("kpt_names")
    listed = list(listed.values()) if isinstance(listed, dict) else [listed]
    if any(names != listed[0] for names in listed):
        raise SkeletonError("kpt_names differ between the classes: one skeleton is needed")
    flips = data.get("flip_idx")
    coco = SKELETONS["coco17"]
    if listed and listed[0] is not None:
        joints = listed[0]
    elif count == len(coco) and flips == coco.flip_permutation.tolist():
        return coco  # what Ultralytics calls its COCO pose data has no kpt_names
    else:
        joints = [f"joint{k}" for k in range(count)]
    if not isinstance(joints, list) or len(joints) != count:
        raise SkeletonError(f"kpt_names must be {count} names, as kpt_shape says, not {joints!r:.80}")
    category: dict[str, Any] = {"name": name, "keypoints": joints}
    if flips is not None:
        if not _are_integers(flips) or sorted(flips) != list(range(count)) or any(flips[flips[k]] != k for k in flips):
            raise SkeletonError(f"flip_idx {flips!r:.80} must lead from each of {count} joints to its partner and back")
        category["flips"] = [[joints[k], joints[flips[k]]] for k in range(count) if k < flips[k]]
    return skeleton_from_category(category)


def _are_integers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def find_images(
    data: dict[str, Any], file: Path, part: Part, root: Path | None, problems: list[str]
) -> Iterator[tuple[PurePosixPath, Path]]:
    """The images of a part as paths relative to a folder, and that folder.

    Raises:
        DatasetError: when a folder or list that the part needs is not below the root, or names no images.
    """
    split, serves = _source(data, part)
    if root is None:
        below = _relative(data.get("path") or ".")
        root = file.parent / below if below is not None and (file.parent / below).is_dir() else file.parent
    seen: set[Path] = set()
    for entry in data[split] if isinstance(data[split], list) else [data[split]]:
        below = _relative(entry)
        if below is None or not (root / below).exists():
            raise DatasetError(
                f"{file}: {split}: {entry!r:.80} is not to be found below {root}: name the folder with root=DIR"
            )
        for image, base in _listed(root, below, problems):
            if base / image not in seen:
                seen.add(base / image)
                if shared_part(image.name, serves) == part:
                    yield image, base
    if not seen and data[split] != []:  # an empty list says that nobody is in the part
        raise DatasetError(f"{file}: {split}: no images in {data[split]!r:.80} below {root}")


def _source(data: dict[str, Any], part: Part) -> tuple[str, list[Part]]:
    """Which of the file's lists a part comes from, and the parts that share it."""
    given = {split for split in PARTS if data.get(split) not in (None, "")}
    if len(given) == len(PARTS):
        return part, [part]
    if len(given) == 1:
        return "train", list(PARTS)
    return ("train", ["train", "val"]) if part != "test" else (next(iter(given - {"train"})), ["test"])


def _relative(entry: Any) -> str | None:
    """A path below the root; None where it leads elsewhere. Roboflow writes ../ in front, which is passed over."""
    text = re.sub(r"^(\.{1,2}/)+", "", entry.strip()) if isinstance(entry, str) else ""
    return text if _is_path(text) else None


def _is_path(text: str) -> bool:
    """Whether it is a safe relative path that file systems take, which refuse longer ones with an error."""
    return is_safe_name(text) and len(text) < 1000 and all(len(part.encode()) < 250 for part in text.split("/"))


def _listed(root: Path, below: str, problems: list[str]) -> Iterator[tuple[PurePosixPath, Path]]:
    place = root / below
    if place.is_dir():
        found = sorted(path for path in place.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        files = [path for path in found if not path.is_symlink() or is_inside(path, root)]
        if len(files) < len(found):
            problems.append(f"{place}: {len(found) - len(files)} links lead out of {root}: left out")
        yield from ((PurePosixPath(path.relative_to(root).as_posix()), root) for path in files)
        return
    lines = read_text(place, DatasetError, LARGEST_LIST).splitlines()
    for line in filter(None, map(str.strip, lines)):
        if _is_path(line):  # as Ultralytics reads it, ./ is where the list lies
            yield PurePosixPath(line), place.parent if line.startswith("./") else root
        else:
            problems.append(f"{place}: {line!r:.80} is no path below {root}: left out")
