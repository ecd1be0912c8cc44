"""Time and memory of reading COCO's training annotations, on a file of their size made from a small one.

    python benchmarks/read_coco.py person_keypoints_sample.json

The labels of the given COCO keypoint file are repeated, with new ids, to what train2017 has: 118,287 images and 262,465
people, of whom 149,813 have labelled joints, with outlines that bring the file to about 240 MB. The images are empty
files, for the reader looks which are there. Reading runs in a process of its own, whose peak memory is reported.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES, PEOPLE, LABELLED = 118_287, 262_465, 149_813
OUTLINE_POINTS = 46  # per person; with it the file has the size of COCO's

READ = """
import resource, sys, time
from leanpose.datasets.readers import read_samples
start, cpu_start = time.perf_counter(), time.process_time()
problems = []
samples = read_samples([f"coco:{sys.argv[1]},whole=train"], "train", problems=problems)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(f"{len(samples)} people read, {len(problems)} left out")
print(f"{seconds:.1f} s ({cpu:.1f} s of one core), peak memory {peak:.2f} GB")
"""


def write_dataset(source: Path, root: Path) -> Path:
    """Writes the large dataset below ``root`` and returns its annotation file."""
    small = json.loads(source.read_text())
    sizes = {image["id"]: (image["width"], image["height"]) for image in small["images"]}
    labelled = [a for a in small["annotations"] if any(a["keypoints"][2::3])]
    rng = random.Random(0)
    folder = root / "train2017"
    folder.mkdir()
    images = []
    for number in range(IMAGES):
        name = f"{number:012d}.jpg"
        (folder / name).touch()
        images.append({"id": number, "file_name": name, "width": 640, "height": 640, "license": 1})
    people = []
    for number in range(PEOPLE):
        person = labelled[number % len(labelled)]
        keypoints = [int(value) for value in person["keypoints"]] if number < LABELLED else [0] * 51
        width, height = sizes[person["image_id"]]
        outline = [round(rng.uniform(0, side), 2) for _ in range(OUTLINE_POINTS) for side in (width, height)]
        people.append(
            {
                "segmentation": [outline],
                "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
                "area": person["area"],
                "iscrowd": 0,
                "keypoints": keypoints,
                "image_id": number % IMAGES,
                "bbox": person["bbox"],
                "category_id": 1,
                "id": number,
            }
        )
    file = root / "annotations" / "person_keypoints_train2017.json"
    file.parent.mkdir()
    document = {"images": images, "annotations": people, "categories": small["categories"]}
    file.write_text(json.dumps(document, separators=(",", ": ")))
    return file


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/read_coco.py COCO_KEYPOINT_FILE.json")
    with tempfile.TemporaryDirectory() as root:
        file = write_dataset(Path(sys.argv[1]), Path(root))
        print(f"{file.stat().st_size / 1e6:.0f} MB, {PEOPLE} people, {LABELLED} of them labelled")
        subprocess.run([sys.executable, "-c", READ, root], check=True)


if __name__ == "__main__":
    main()
