"""Real MoveNet and BlazePose files on labelled people, held against what was measured with other code.

The figures are of a script that shares no line with leanpose, on the same people: limb joints of COCO's validation part
with boxes of the labels 77.9 % (Thunder) and 62.3 % (BlazePose heavy), of LSP's 89.4 % (heavy) in regions of the labels
and 83.2 % from boxes. A test looks at some of these people only, hence the room.
"""

from pathlib import Path

import numpy as np
import pytest

from leanpose.core.geometry import flip_keypoints
from leanpose.datasets.readers import Sample, read_samples
from leanpose.estimate.teachers import open_teacher
from leanpose.measure import evaluate
from leanpose.measure.teachers import TeacherEstimator


def limbs(teacher, samples: list[Sample]) -> float:
    """PCK@0.2 of the torso, in percent, of the limb joints."""
    return evaluate(TeacherEstimator(teacher), samples).joint_groups["limbs"].figures["pck@0.2"].value


@pytest.fixture
def coco(data_root: Path) -> list[Sample]:
    file = data_root / "coco_sample" / "person_keypoints_sample.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    people = read_samples([f"coco:{file}"], "val", None, [])
    return [person for person in people if person.labelled[5:].sum() >= 8 and not person.crowd]


@pytest.fixture
def lsp(data_root: Path) -> list[Sample]:
    return read_samples([f"lsp:{data_root / 'lsp_dataset'}"], "val", None, [])[:16]


def test_thunder_finds_cocos_people(teacher_files: Path, coco: list[Sample]) -> None:
    assert limbs(open_teacher(f"movenet:{teacher_files / 'movenet-thunder.pb'}", threads=1), coco[:40]) > 70


def test_blazepose_finds_athletes(teacher_files: Path, lsp: list[Sample]) -> None:
    heavy = open_teacher(f"blazepose:{teacher_files / 'pose_landmark_heavy.tflite'}", threads=1)
    assert limbs(heavy, lsp) > 76


@pytest.mark.parametrize("file", ["movenet-thunder.pb", "movenet-lightning.pb", "pose_landmark_full.tflite,looks=1"])
def test_a_mirrored_person_has_mirrored_joints(teacher_files: Path, coco: list[Sample], file: str) -> None:
    """The half pixel between the two ways to count would show as a shift of half a pixel of the crop to one side."""
    teacher = open_teacher(f"{teacher_files}/{file}", threads=1, precision="f32")
    shifts = []
    for person in coco[:10]:
        image = person.load_image()
        width, side = image.shape[1], (person.box[2:] - person.box[:2]).max()
        mirrored = flip_keypoints(person.box.reshape(2, 2), width, np.array([0, 1]))
        box = np.concatenate((mirrored.min(axis=0), mirrored.max(axis=0)))
        straight, sure = teacher(image, person.box[None])
        back, sure_too = teacher(np.ascontiguousarray(image[:, ::-1]), box[None])
        back = flip_keypoints(back, width, teacher.skeleton.flip_permutation)
        same = (sure[0] > 0.3) & (sure_too[0] > 0.3) & (np.abs(straight - back)[0].max(axis=1) < 0.05 * side)
        shifts += list((straight - back)[0, same, 0] / 2 * teacher.input_hw[1] / (side * teacher.padding))
    assert len(shifts) > 50
    assert abs(np.median(shifts)) < 0.5
