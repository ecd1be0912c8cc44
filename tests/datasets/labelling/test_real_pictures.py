"""Real detectors and teachers on real pictures, held against what people labelled there."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.geometry import box_iou
from leanpose.datasets.labelling.parties import open_finder
from leanpose.datasets.labelling.people import Rules
from leanpose.datasets.labelling.pictures import find_pictures
from leanpose.datasets.labelling.run import Labeller, start
from leanpose.datasets.readers import read_samples
from leanpose.estimate.teachers import open_teacher

FILES = ("nanodet.pb", "movenet-thunder.pb", "pose_landmark_heavy.tflite")


@pytest.fixture
def files():
    folder = os.environ.get("LEANPOSE_TEACHERS")
    if not folder or not all((Path(folder) / name).is_file() for name in FILES):
        pytest.skip(f"no {', '.join(FILES)}: set LEANPOSE_TEACHERS to the folder that holds them")
    pytest.importorskip("openvino")
    return [str(Path(folder) / name) for name in FILES]


def test_surer_joints_are_right_more_often(data_root, files, tmp_path):
    nanodet, thunder, heavy = files
    sample = data_root / "coco_sample" / "person_keypoints_sample.json"
    people = read_samples([f"coco:{sample}"], "val")[:30]
    pictures = [str(path) for path in dict.fromkeys(person.image for person in people)]
    finder, _ = open_finder([nanodet], True, 0.2, threads=1)
    labeller = Labeller(open_teacher(f"movenet:{thunder}+blazepose:{heavy}", 1), finder, Rules())
    run = start(find_pictures(pictures), labeller, tmp_path / "labels.json", {}, {})
    list(run.label_missing())
    run.write()
    assert run.failed == []
    images = run.found.root
    labels = read_samples([f"coco:{run.out},images={images},part=train"], "train")
    right, sure = [], []
    for person in people:
        here = [label for label in labels if label.image == person.image]
        label = max(here, key=lambda one: float(box_iou(one.box, person.box)), default=None)
        if label is None or box_iou(label.box, person.box) < 0.6:
            continue
        both = label.labelled & person.labelled
        assert label.confidence is not None
        side = (person.box[2:] - person.box[:2]).max()
        right += (np.linalg.norm(label.keypoints - person.keypoints, axis=1) < 0.05 * side)[both].tolist()
        sure += label.confidence[both].tolist()
    right, sure = np.array(right), np.array(sure)
    assert len(right) > 100
    assert right[sure >= 0.8].mean() > 0.85
    assert right[sure >= 0.8].mean() > right[sure < 0.5].mean() + 0.1
    assert json.loads(run.out.read_text())["categories"][0]["keypoints"][0] == "nose"
