"""A detector's boxes for the pictures of a COCO file, as a detections file for AP from picture to joints.

    python benchmarks/detected_boxes.py DETECTOR people.json boxes.json [IMAGES]
    leanpose evaluate small --data coco:people.json,boxes=boxes.json

DETECTOR is what ``leanpose predict --detector`` takes. Boxes from a score of 0.05 on are written: AP orders by score.
"""

import json
import sys
from pathlib import Path

from leanpose.core.geometry import to_corner
from leanpose.datasets.readers.image_folder import find_image_folder
from leanpose.estimate.detector import PersonDetector
from leanpose.media import load_image

LOWEST = 0.05


def main(detector: str, people: str, out: str, images: str | None = None) -> None:
    find = PersonDetector(detector, threshold=LOWEST)
    file = Path(people)
    entries = json.loads(file.read_text())["images"]
    folders = [Path(images)] if images else [file.parent / "images", file.parent]
    folder = find_image_folder(folders, [entry["file_name"] for entry in entries], file)
    rows = []
    for entry in entries:
        for found in find(load_image(folder.root / entry["file_name"])):
            bbox = [*to_corner(found[:2]).tolist(), *(found[2:4] - found[:2]).tolist()]
            rows.append({"image_id": entry["id"], "category_id": 1, "bbox": bbox, "score": float(found[4])})
    Path(out).write_text(json.dumps(rows))
    print(f"{out}: {len(rows)} boxes in {len(entries)} pictures")


if __name__ == "__main__":
    main(*sys.argv[1:])
