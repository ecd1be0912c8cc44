"""Opens a file of ``leanpose predict --format coco-dataset`` with readers of labelling tools, and counts what they see.

Each tool has a heavy environment of its own, in which leanpose is not needed:

    python -m venv there && there/bin/pip install datumaro    # or label-studio-sdk, or fiftyone
    leanpose predict photos --format coco-dataset --out found
    there/bin/python benchmarks/coco_dataset_readers.py datumaro found/poses.coco-dataset.json photos
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Seen = dict[str, tuple[list[list[float]], list[list[tuple[float, float, int]]]]]
"""By file name: boxes (x, y, width, height), and each person's joints (x, y, visibility), as a reader has them."""


def truth(file: Path) -> Seen:
    """What is written there."""
    document = json.loads(file.read_text())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    seen: Seen = {name: ([], []) for name in names.values()}
    for person in document["annotations"]:
        boxes, people = seen[names[person["image_id"]]]
        boxes.append(person["bbox"])
        rows = np.reshape(person["keypoints"], (-1, 3)).tolist()
        people.append([(x, y, int(v)) for x, y, v in rows])
    return seen


def datumaro(file: Path, images: Path) -> Seen:
    """As CVAT, which uses a fork of it, imports "COCO Keypoints 1.0": a folder of images and one of annotations."""
    from datumaro import AnnotationType, Dataset

    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "annotations").mkdir()
        shutil.copy(file, top / "annotations" / "person_keypoints_default.json")
        for name in truth(file):  # copies, because it refuses links that lead out of the folder
            copy = top / "images" / "default" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(images / name, copy)
        dataset = Dataset.import_from(str(top), "coco_person_keypoints")
        seen: Seen = {}
        for item in dataset:
            boxes = [list(a.get_bbox()) for a in item.annotations if a.type == AnnotationType.bbox]
            people = []
            for one in (a for a in item.annotations if a.type == AnnotationType.points):
                places = np.reshape(one.points, (-1, 2)).tolist()
                people.append([(x, y, v.value) for (x, y), v in zip(places, one.visibility, strict=True)])
            assert item.media.data is not None
            seen[Path(item.media.path).relative_to(top / "images" / "default").as_posix()] = boxes, people
    return seen


def label_studio(file: Path, images: Path) -> Seen:
    """By its converter, from per cent of the image back to pixels."""
    try:
        from label_studio_sdk.converter.imports.coco import convert_coco_to_ls
    except ImportError:
        from label_studio_converter.imports.coco import convert_coco_to_ls

    with tempfile.TemporaryDirectory() as folder:
        tasks = Path(folder) / "tasks.json"
        convert_coco_to_ls(str(file), str(tasks), image_root_url="/data")
        seen: Seen = {}
        for task in json.loads(tasks.read_text()):
            boxes: list[list[float]] = []
            points = []
            for result in task["annotations"][0]["result"]:
                value, scale = result["value"], (result["original_width"] / 100, result["original_height"] / 100)
                if result["type"] == "rectanglelabels":
                    boxes.append([value[k] * scale[i % 2] for i, k in enumerate(("x", "y", "width", "height"))])
                elif result["type"] == "keypointlabels":
                    points.append((value["x"] * scale[0], value["y"] * scale[1], 0 if value.get("hidden") else 2))
            seen[task["data"]["image"].removeprefix("/data/")] = boxes, [points]
    return seen


def fiftyone(file: Path, images: Path) -> Seen:
    """By the importer of its COCO datasets, which needs no database."""
    from fiftyone.utils.coco import COCODetectionDatasetImporter

    importer = COCODetectionDatasetImporter(
        data_path=str(images.resolve()), labels_path=str(file), label_types=["detections", "keypoints"]
    )
    seen: Seen = {}
    with importer:
        for path, metadata, labels in importer:
            size = np.array((metadata.width, metadata.height))
            objects = labels["detections"].detections if "detections" in labels else []
            boxes = [(np.array(one.bounding_box) * np.tile(size, 2)).tolist() for one in objects]
            people = []
            for one in labels["keypoints"].keypoints if "keypoints" in labels else []:
                places = (np.array(one.points) * size).tolist()
                people.append([(x, y, 0 if np.isnan(x) else 2) for x, y in places])
            seen[Path(path).relative_to(images.resolve()).as_posix()] = boxes, people
    return seen


READERS: dict[str, Callable[[Path, Path], Seen]] = {
    "datumaro": datumaro, "label-studio": label_studio, "fiftyone": fiftyone
}  # fmt: skip


def compared(written: Seen, seen: Seen) -> str:
    """Counts, and the largest difference in pixels, in words."""
    boxes = joints = 0
    box_off = joint_off = 0.0
    for name, (own_boxes, own_people) in written.items():
        found_boxes, found_people = seen.get(name, ([], []))
        boxes += len(found_boxes)
        own_joints = np.array([(x, y) for one in own_people for x, y, v in one if v]).reshape(-1, 2)
        found = np.array([(x, y) for one in found_people for x, y, v in one if v]).reshape(-1, 2)
        joints += len(found)
        for own, others in ((np.array(own_boxes), np.array(found_boxes)), (own_joints, found)):
            if len(own) and len(others):
                apart = np.abs(own[:, None] - others[None]).max(axis=-1).min(axis=1).max()
                if own.shape[1] == 4:
                    box_off = max(box_off, float(apart))
                else:
                    joint_off = max(joint_off, float(apart))
    true_boxes = sum(len(boxes) for boxes, _ in written.values())
    true_joints = sum(v > 0 for _, people in written.values() for one in people for *_, v in one)
    return (
        f"images {len(written.keys() & seen.keys())} of {len(written)}, boxes {boxes} of {true_boxes}, at most "
        f"{box_off:.3f} px off, joints {joints} of {true_joints}, at most {joint_off:.3f} px off"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=READERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("images", type=Path)
    given = parser.parse_args()
    written = truth(given.file)
    print(f"{given.tool}: {compared(written, READERS[given.tool](given.file, given.images))}")


if __name__ == "__main__":
    main()
