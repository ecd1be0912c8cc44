"""Words from files: refused where they say nothing of the people, and seen as other skeletons by name."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging import Word, read_word
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import COCO17, LSP14, MPII16


def test_joints_of_other_skeletons_are_found_by_name_or_between_others(word: Callable[..., Word]) -> None:
    says = word(people=2, less={"left_hip": 0.4}, without=("right_shoulder",))
    seen = says.seen_as(MPII16)
    assert seen.keypoints.shape == (2, 16, 2)
    at = {joint: seen.keypoints[1, k].tolist() for k, joint in enumerate(MPII16.joints)}
    sure = dict(zip(MPII16.joints, seen.confidence[1].tolist(), strict=True))
    assert (at["left_knee"], sure["left_knee"]) == ([350, 400], 0.9)
    assert (at["pelvis"], sure["pelvis"]) == ([300, 300], 0.4)  # as sure as of the less sure hip
    assert np.isnan([at[joint] for joint in ("thorax", "neck", "right_shoulder")]).all()
    assert [sure[joint] for joint in ("thorax", "neck", "right_shoulder")] == [0, 0, 0]
    assert says.seen_as(COCO17) is says


def test_a_file_on_other_people_is_refused(tmp_path: Path, person: Callable[..., Sample]) -> None:
    arrays = tmp_path / "a.npz"
    np.savez(
        arrays, name=["lspet/2.jpg"], joints=LSP14.joints, keypoints=np.ones((1, 14, 2)), confidence=np.ones((1, 14))
    )
    labels = tmp_path / "a.json"
    category = {"id": 1, "keypoints": LSP14.joints}
    labels.write_text(json.dumps({"images": [], "annotations": [], "categories": [category]}))
    for file in (arrays, labels):
        with pytest.raises(DatasetError, match=rf"{file.name}: says nothing of any of the 1 people.*lspet/1.jpg"):
            read_word(file, [person()])
        assert len(read_word(file, [])) == 0
    assert read_word(arrays, [person(name="lspet/2.jpg"), person()]).name == "a"
