"""Label files of each format by hand: a writer of labels, and a reader of the same."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import loadmat, savemat

from leanpose.pose.skeleton import Skeleton

WIDTH, HEIGHT = 200, 160
PARTS = ("train", "val", "test")
JPEG = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
MPII_FILES = {"train": "train.json", "val": "val.json", "test": "valid.json"}


@dataclass
class Labels:
    """A person as a label file has it, in the numbers of that file: joints (K, 2), visibility (K,), box (4,)."""

    image: str
    joints: list[list[float]]
    seen: list[int]
    box: list[float]


def _write_images(folder: Path, names: Any) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)


def write_coco(root: Path, people: dict[str, list[Labels]], skeleton: Skeleton) -> str:
    (root / "annotations").mkdir()
    for part, members in people.items():
        names = list(dict.fromkeys(p.image for p in members))
        _write_images(root / "images", names)
        annotations = [
            {
                "id": i, "image_id": names.index(p.image), "category_id": 1, "iscrowd": 0, "bbox": p.box, "area": 7.5,
                "keypoints": [v for xy, s in zip(p.joints, p.seen, strict=True) for v in ([*xy, s] if s else [0] * 3)],
            }
            for i, p in enumerate(members)
        ]  # fmt: skip
        images = [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)]
        categories = [{"id": 1, "name": "person", "keypoints": skeleton.joints}]
        document = {"images": images, "annotations": annotations, "categories": categories}
        (root / "annotations" / f"{part}.json").write_text(json.dumps(document))
    return f"coco:{root}"


def _read_coco(root: Path, part: str) -> Iterator[Labels]:
    document = json.loads((root / "annotations" / f"{part}.json").read_text())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    for entry in document["annotations"]:
        numbers = np.reshape(entry["keypoints"], (-1, 3))
        yield Labels(names[entry["image_id"]], numbers[:, :2].tolist(), numbers[:, 2].tolist(), entry["bbox"])


def _write_mpii(root: Path, people: dict[str, list[Labels]], skeleton: Skeleton) -> str:
    (root / "annot").mkdir()
    for part, members in people.items():
        _write_images(root / "images", [p.image for p in members])
        entries = [
            {"image": p.image, "joints": p.joints, "joints_vis": [int(s > 0) for s in p.seen],
             "center": p.box[:2], "scale": p.box[2]}
            for p in members
        ]  # fmt: skip
        (root / "annot" / MPII_FILES[part]).write_text(json.dumps(entries))
    return f"mpii:{root}"


def _read_mpii(root: Path, part: str) -> Iterator[Labels]:
    for entry in json.loads((root / "annot" / MPII_FILES[part]).read_text()):
        seen = [2 * s for s in entry["joints_vis"]]
        yield Labels(entry["image"], entry["joints"], seen, [*entry["center"], entry["scale"]])


def _write_yolo(root: Path, people: dict[str, list[Labels]], skeleton: Skeleton) -> str:
    for part, members in people.items():
        _write_images(root / "images" / part, [p.image for p in members])
        for p in members:
            joints = [v for xy, s in zip(p.joints, p.seen, strict=True) for v in ([*xy, s] if s else [0, 0, 0])]
            label = root / "labels" / part / Path(p.image).with_suffix(".txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            with label.open("a") as file:
                file.write(" ".join(map(str, [0, *p.box, *joints])) + "\n")
    splits = "".join(f"{part}: images/{part}\n" for part in people)
    flips = skeleton.flip_permutation.tolist()
    text = f"{splits}kpt_shape: [{len(skeleton)}, 3]\nflip_idx: {flips}\nnames:\n  0: person\nkpt_names:\n  0:\n"
    (root / "data.yaml").write_text(text + "".join(f"    - {joint}\n" for joint in skeleton.joints))
    return f"yolo:{root}"


def _read_yolo(root: Path, part: str) -> Iterator[Labels]:
    folder = root / "images" / part
    for image in sorted(folder.rglob("*.jpg")):
        name = image.relative_to(folder)
        for line in (root / "labels" / part / name.with_suffix(".txt")).read_text().splitlines():
            numbers = [float(word) for word in line.split()]
            joints = np.reshape(numbers[5:], (-1, 3))
            yield Labels(name.as_posix(), joints[:, :2].tolist(), joints[:, 2].astype(int).tolist(), numbers[1:5])


def _write_lsp(root: Path, people: dict[str, list[Labels]], skeleton: Skeleton) -> str:
    complete = all(all(p.seen) for members in people.values() for p in members)
    for part, members in people.items():
        _write_images(root / part / "images", [p.image for p in members])
        third = [[int(s == 1 if complete else s > 0) for s in p.seen] for p in members]
        joints = np.concatenate((np.array([p.joints for p in members]), np.array(third)[..., None]), axis=2)
        savemat(root / part / "joints.mat", {"joints": joints.transpose((2, 1, 0) if complete else (1, 2, 0))})
    return f"lsp:{root}" if complete else f"lspet:{root}"


def _read_lsp(root: Path, part: str) -> Iterator[Labels]:
    joints = loadmat(root / part / "joints.mat")["joints"]
    complete = joints.shape[:2] == (3, 14)
    for i, person in enumerate(joints.transpose((2, 1, 0) if complete else (2, 0, 1)), start=1):
        seen = 2 - person[:, 2] if complete else 2 * person[:, 2]
        yield Labels(f"im{i:04d}.jpg" if complete else f"im{i:05d}.jpg", person[:, :2].tolist(), seen.tolist(), [])


def _write_csv(root: Path, people: dict[str, list[Labels]], skeleton: Skeleton) -> str:
    header = ["file", "part", "x1", "y1", "x2", "y2"]
    rows = [header + [f"{joint}_{value}" for joint in skeleton.joints for value in "xyv"]]
    for part, members in people.items():
        _write_images(root / "images", [p.image for p in members])
        for p in members:
            cells = [v for xy, s in zip(p.joints, p.seen, strict=True) for v in ([*xy, s] if s else ["", "", 0])]
            rows.append([p.image, part, *map(str, p.box), *map(str, cells)])
    (root / "labels.csv").write_text("\n".join(",".join(row) for row in rows))
    return f"csv:{root}"


def _read_csv(root: Path, part: str) -> Iterator[Labels]:
    with (root / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["part"] == part:
                joints = [column[:-2] for column in row if column.endswith("_x")]
                points = [[float(row[f"{j}_{v}"] or 0) for v in "xy"] for j in joints]
                seen = [int(row.get(f"{j}_v", 2 if row[f"{j}_x"] else 0)) for j in joints]
                yield Labels(row["file"], points, seen, [float(row[side]) for side in ("x1", "y1", "x2", "y2")])


WRITE = {"coco": write_coco, "mpii": _write_mpii, "yolo": _write_yolo, "lsp": _write_lsp, "csv": _write_csv}
READ = {"coco": _read_coco, "mpii": _read_mpii, "yolo": _read_yolo, "lsp": _read_lsp, "csv": _read_csv}
