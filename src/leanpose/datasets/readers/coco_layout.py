"""Where COCO and the datasets that copy its format keep annotation files and images, and what each file is for.

Only COCO's own files were at hand. The other layouts follow the datasets' pages (CrowdPose: Jeff-sjtu/CrowdPose,
OCHuman: liruilong940607/OCHumanApi, Halpe: Fang-Haoshu/Halpe-FullBody) and MMPose's guide to preparing them; they are
unverified on the real files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.parts import PARTS, Part, part_of
from leanpose.pose.skeleton import COCO17, CROWDPOSE14, HALPE26, Skeleton


@dataclass(frozen=True)
class Layout:
    """A dataset as distributed, below its folder.

    Attributes:
        dataset: its kind, such as ``"coco"``.
        files: names of each part's annotation file, the usual one first; parts that share a file divide its images.
        images: folders of each part's images.
        divided: names of the parts' files in a folder that divides its people by files alone, as people's own do and
            as ``leanpose data convert`` writes them; the one for "val" tells that a folder does.
        skeleton: of the dataset; None to ask the file's categories.
        stored_joints: how many joints a person may have in the file, the skeleton's coming first; empty for K only.
        area_of_box: the benchmark takes 0.53 of the box for a person's area, whatever the file says.
    """

    dataset: str
    files: Mapping[Part, tuple[str, ...]]
    images: Mapping[Part, tuple[str, ...]]
    skeleton: Skeleton | None = None
    stored_joints: tuple[int, ...] = field(default=())
    area_of_box: bool = False
    divided: Mapping[Part, str] = field(default_factory=dict)


def held_out(train: tuple[str, ...], test: tuple[str, ...]) -> dict[Part, tuple[str, ...]]:
    """Parts of a benchmark that reports on its validation set: epochs are chosen by images held out of the training."""
    return {"train": train, "val": train, "test": test}


COCO = Layout(
    "coco",
    held_out(("person_keypoints_train2017.json",), ("person_keypoints_val2017.json",)),
    held_out(("train2017", "images/train2017"), ("val2017", "images/val2017")),
    divided={part: f"{part}.json" for part in PARTS},
)
CROWDPOSE = Layout(
    "crowdpose",
    {part: (f"crowdpose_{part}.json", f"mmpose_crowdpose_{part}.json") for part in PARTS},
    dict.fromkeys(PARTS, ("images",)),
    CROWDPOSE14,
    area_of_box=True,
)
OCHUMAN = Layout(
    "ochuman",
    {"train": (), **{part: (f"ochuman_coco_format_{part}_range_0.00_1.00.json",) for part in PARTS[1:]}},
    dict.fromkeys(PARTS, ("images",)),
    COCO17,
)
HALPE = Layout(
    "halpe",
    held_out(("halpe_train_v1.json",), ("halpe_val_v1.json",)),
    held_out(("hico_20160224_det/images/train2015", "images/train2015", "train2015"), ("val2017", "images/val2017")),
    HALPE26,
    (26, 136),
)
LAYOUTS: dict[str, Layout] = {layout.dataset: layout for layout in (COCO, CROWDPOSE, OCHUMAN, HALPE)}


def locate(layout: Layout, path: Path, part: Part, whole: str | None = None) -> tuple[Path, list[Part]] | None:
    """The annotation file that serves a part, and all parts it serves; None where the dataset has no such part.

    Args:
        path: the dataset's folder, or an annotation file: one with a distributed name serves the parts that it does in
            the layout, any other serves all three.
        whole: a part that the file is as a whole, whatever its name.

    Raises:
        DatasetError: when the folder has no annotation file for the part, or ``whole`` is no part.
    """
    if whole is not None and whole not in PARTS:
        raise DatasetError(f"{path}: part={whole}: give one of {', '.join(PARTS)}")
    serves: list[Part]
    own = None if not path.is_dir() or whole is not None else _divided(layout, path, part)
    if own is not None:
        return own, [part]
    if path.is_dir():
        names = layout.files[part]
        wanted = [path / below / name for name in names for below in ("annotations", "", "json")]
        file = next((file for file in wanted if file.is_file()), None)
        if file is None and names:
            raise DatasetError(f"{path}: no {names[0]} in it or its annotations/: give the dataset's folder or a file")
        serves = [p for p in PARTS if layout.files[p] == names]
    else:
        file = path
        serves = [p for p in PARTS if any(Path(name).name == path.name for name in layout.files[p])] or list(PARTS)
    if whole is not None:
        serves = [p for p in PARTS if whole == p]
    return (file, serves) if file is not None and part in serves else None


def _divided(layout: Layout, path: Path, part: Part) -> Path | None:
    """The part's file in a folder with a file for each part, which has its own for validation."""
    for below in ("annotations", "") if layout.divided else ():
        files = {p: path / below / name for p, name in layout.divided.items()}
        if files["val"].is_file() and files[part].is_file():
            return files[part]
    return None


def shared_part(name: str, serves: list[Part]) -> Part:
    """The part of an image, by its file's name, where one annotation file serves several.

    A tenth validates, a fifth tests; where the file is not for testing they are trained on.
    """
    part = part_of(name.rpartition("/")[2])
    return part if part in serves else serves[0]


def image_folders(layout: Layout, path: Path, file: Path, part: Part) -> list[Path]:
    """Where the images of an annotation file may be: by the layout, or beside the file."""
    roots = [path] if path.is_dir() else [file.parent.parent, file.parent]
    tail = file.stem.rpartition("_")[2]
    usual = [*layout.images[part], "images", f"images/{tail}", tail]
    return [file.parent / "images", file.parent, *(root / folder for root in roots for folder in usual)]
