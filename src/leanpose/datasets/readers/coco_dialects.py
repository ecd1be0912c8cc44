"""Datasets in COCO's format with joints, parts and folders of their own.

Their files were not at hand: the readers follow the datasets' own pages and evaluation code, named below, and are
unverified on the real files. Coordinates, boxes and errors are as in :mod:`leanpose.datasets.readers.coco`.
"""

from pathlib import Path

from leanpose.datasets.readers.coco import read_layout
from leanpose.datasets.readers.coco_layout import CROWDPOSE, HALPE, OCHUMAN
from leanpose.datasets.readers.parts import Part
from leanpose.datasets.readers.sample import Sample


def read_crowdpose(
    path: Path,
    part: Part,
    images: str | None = None,
    boxes: str | None = None,
    whole: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of CrowdPose (Li et al., CVPR 2019), 14 joints; unverified on the real files.

    Follows github.com/Jeff-sjtu/CrowdPose: ``crowdpose_train.json``, ``..._val.json`` and ``..._test.json`` in
    ``annotations/`` or ``json/`` beside ``images/`` (or MMPose's ``mmpose_crowdpose_*.json``). Papers train on train
    and val and report on test. Areas are 0.53 of the box, as in the dataset's evaluation code.

    Args and errors are those of :func:`leanpose.datasets.readers.coco.read_coco`.
    """
    return read_layout(CROWDPOSE, path, part, images, boxes, None, whole, problems)


def read_ochuman(
    path: Path,
    part: Part,
    images: str | None = None,
    boxes: str | None = None,
    whole: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of OCHuman (Zhang et al., CVPR 2019) in its COCO form, COCO's joints; unverified on the real files.

    Follows github.com/liruilong940607/OCHumanApi: ``ochuman_coco_format_val_range_0.00_1.00.json`` and
    ``..._test_...`` beside ``images/``. It is for testing only: the training part is empty.

    Args and errors are those of :func:`leanpose.datasets.readers.coco.read_coco`.
    """
    return read_layout(OCHUMAN, path, part, images, boxes, None, whole, problems)


def read_halpe(
    path: Path,
    part: Part,
    images: str | None = None,
    boxes: str | None = None,
    whole: str | None = None,
    problems: list[str] | None = None,
) -> list[Sample]:
    """People of Halpe-FullBody (Fang et al., TPAMI 2022); unverified on the real files.

    Follows github.com/Fang-Haoshu/Halpe-FullBody: ``halpe_train_v1.json`` on HICO-DET's training images and
    ``halpe_val_v1.json`` on COCO's val2017, which is the test part; a tenth of the training images is held out as
    ``"val"``. Of the 136 joints the first 26 are read, body and feet; the rest are face and hands.

    Args and errors are those of :func:`leanpose.datasets.readers.coco.read_coco`.
    """
    return read_layout(HALPE, path, part, images, boxes, None, whole, problems)
