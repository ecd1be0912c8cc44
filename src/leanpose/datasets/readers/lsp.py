"""Leeds Sports Pose (Johnson & Everingham, BMVC 2010) and LSP-extended (CVPR 2011), as distributed.

Both come as ``images/`` beside ``joints.mat`` with 14 joints, labelled person-centric, in MATLAB pixels (the first
is 1). Their third coordinate differs: in LSP it marks occluded joints, whose positions are good all the same; in
LSP-extended it marks labelled joints, and where it is 0 the position is junk.
"""

from pathlib import Path

import numpy as np

from leanpose.core.errors import DatasetError
from leanpose.core.geometry import hull_box
from leanpose.datasets.readers.matlab_file import read_mat
from leanpose.datasets.readers.parts import PARTS, Part
from leanpose.datasets.readers.sample import Sample
from leanpose.pose.skeleton import LSP14

TRAIN_IMAGES = 1000  # images 1 to 1000 are for training, 1001 to 2000 for testing
# Training images whose scenes test images repeat: 1120, 1680, 1622, 1211, 1436, 1233, 1366 and 1805, in this order.
LEAKED = frozenset({158, 285, 371, 483, 492, 535, 550, 670})
VAL_EVERY = 8  # image numbers divisible by this are held out of the training images


def lsp_part(number: int) -> Part | None:
    """The part that LSP image ``number`` (from 1) belongs to; None for training images that leak into the test."""
    if number > TRAIN_IMAGES:
        return "test"
    if number in LEAKED:
        return None
    return "val" if number % VAL_EVERY == 0 else "train"


def read_lsp(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
    """Samples of Leeds Sports Pose: 867 to train on, 125 held out of the training images, 1,000 to test on.

    Args:
        path: folder with ``images/im0001.jpg``... and ``joints.mat``, or with such a folder for each part.
        part: ``"train"``, ``"val"`` (every eighth training image) or ``"test"``.
        problems: stays as it is: nothing of the set is left out.

    Raises:
        DatasetError: when the folder does not have that layout, or a labelled joint no position.
    """
    folder, is_part = _part_folder(path, part)
    if folder is None:
        return []
    joints_N3K = np.moveaxis(_load_joints(folder, (3, 14, None)), -1, 0)
    all_labelled = np.ones(14, dtype=bool)
    return [
        _sample("lsp", folder / "images" / f"im{i + 1:04d}.jpg", joints[:2].T, all_labelled, joints[2] > 0)
        for i, joints in enumerate(joints_N3K)
        if is_part or lsp_part(i + 1) == part
    ]


def read_lspet(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
    """Samples of LSP-extended; all of them are for training, so the other parts are empty.

    People with fewer than two labelled joints would have no extent and are left out (the distributed set has none).

    Args:
        path: folder with ``images/im00001.jpg``... and ``joints.mat``, or with such a folder for each part.
        part: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        DatasetError: when the folder does not have that layout, or a labelled joint no position.
    """
    folder, is_part = _part_folder(path, part)
    if folder is None:
        return []
    joints_NK3 = np.moveaxis(_load_joints(folder, (14, 3, None)), -1, 0)
    if not is_part and part != "train":
        return []
    return [
        _sample("lspet", folder / "images" / f"im{i + 1:05d}.jpg", joints[:, :2], joints[:, 2] > 0)
        for i, joints in enumerate(joints_NK3)
        if (joints[:, 2] > 0).sum() >= 2
    ]


def read_hr_lspet(path: Path, part: Part, problems: list[str] | None = None) -> list[Sample]:
    """Samples of the re-annotated, high-resolution LSP-extended (Pishchulin et al., CVPR 2016: hr-lspet.zip).

    The release was not at hand and nothing here is verified on it. As code that reads it does (SPIN's preprocessing
    among others), the columns of ``joints.mat`` are taken for the images ``im00001.png``... that are there, in their
    order: 9,428, some numbers being left out. A third coordinate marks labelled joints, as in LSP-extended, if it is
    set for most joints, and else occluded ones, as in LSP; without one all joints are labelled.

    Args:
        path: folder with ``joints.mat`` and the images, or ``images/`` with them.
        part: ``"train"``; the other parts are empty.
        problems: receives a message for each person with fewer than two labelled joints.

    Raises:
        DatasetError: when the folder does not have that layout, or a labelled joint no position.
    """
    joints = _read_joints(path)
    layouts = {(14, 2): (2, 0, 1), (14, 3): (2, 0, 1), (2, 14): (2, 1, 0), (3, 14): (2, 1, 0)}
    if joints.ndim != 3 or joints.shape[:2] not in layouts:
        raise DatasetError(f"{path / 'joints.mat'}: joints has shape {_times(joints.shape)}, expected 14x2xN or 14x3xN")
    joints_NKC = joints.transpose(layouts[joints.shape[:2]])
    images = sorted((path / "images").glob("im*.png")) or sorted(path.glob("im*.png"))
    if len(images) != len(joints_NKC):
        raise DatasetError(f"{path}: {len(images)} images im*.png, but joints.mat is of {len(joints_NKC)}")
    if part != "train":
        return []
    labelled, occluded = np.ones(joints_NKC.shape[:2], dtype=bool), None
    if joints_NKC.shape[2] == 3:
        flags = joints_NKC[..., 2] > 0
        labelled, occluded = (flags, None) if flags.mean() > 0.5 else (labelled, flags)
    if problems is not None:
        few = [image for image, known in zip(images, labelled, strict=True) if known.sum() < 2]
        problems += [f"hr_lspet/{image.name}: fewer than two labelled joints: left out" for image in few]
    return [
        _sample("hr_lspet", image, joints_NKC[i, :, :2], labelled[i], None if occluded is None else occluded[i])
        for i, image in enumerate(images)
        if labelled[i].sum() >= 2
    ]


def _read_joints(root: Path) -> np.ndarray:
    file = root / "joints.mat"
    if not file.is_file():
        raise DatasetError(f"{root}: no joints.mat: give the folder that holds images/ and joints.mat")
    joints = read_mat(file, "joints")
    if joints.dtype.kind not in "iuf":
        raise DatasetError(f"{file}: joints must be an array of numbers")
    return joints


def _times(shape: tuple[int | None, ...]) -> str:
    return "x".join("N" if n is None else str(n) for n in shape)


def _part_folder(path: Path, part: Part) -> tuple[Path | None, bool]:
    """The folder to read, None if the part has none, and whether all in it is that part.

    ``leanpose data convert`` writes a folder for each part that has people.
    """
    if (path / "joints.mat").is_file() or not any((path / p / "joints.mat").is_file() for p in PARTS):
        return path, False
    return (path / part if (path / part / "joints.mat").is_file() else None), True


def _load_joints(root: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    joints = _read_joints(root)
    if joints.ndim != 3 or any(want not in (None, got) for want, got in zip(shape, joints.shape, strict=True)):
        raise DatasetError(f"{root / 'joints.mat'}: joints has shape {_times(joints.shape)}, expected {_times(shape)}")
    return joints


def _sample(
    dataset: str, image: Path, matlab_points: np.ndarray, labelled: np.ndarray, occluded: np.ndarray | None = None
) -> Sample:
    keypoints = matlab_points.astype(np.float64) - 1  # MATLAB's first pixel is 1
    if not np.isfinite(keypoints[labelled]).all():
        raise DatasetError(f"{dataset}/{image.name}: a labelled joint has no finite position: repair joints.mat")
    box = hull_box(keypoints, labelled)
    return Sample(
        dataset, f"{dataset}/{image.name}", image, keypoints, labelled, box, LSP14, occluded, image_id=image.name
    )
