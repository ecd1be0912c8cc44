"""Words as arrays: rows by people's names, and files that are something else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leanpose.core.errors import DatasetError
from leanpose.datasets.merging import read_word
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import COCO17

NAMES = np.array(["lspet/1.jpg", "lspet/2.jpg", "lspet/3.jpg"])


def _arrays(**changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    arrays = {
        "name": NAMES, "joints": np.array(COCO17.joints), "keypoints": rng.uniform(0, 99, (3, 17, 2)).astype("f4"),
        "confidence": rng.random((3, 17)).astype("f2"), "person": np.array([0.1, 0.2, 0.3], "f2"),
        "image_id": NAMES,
    }  # fmt: skip
    return {name: value for name, value in (arrays | changed).items() if value is not None}


def test_rows_are_found_by_name(tmp_path: Path, person: Callable[..., Sample]) -> None:
    file, arrays = tmp_path / "heavy.npz", _arrays()
    np.savez(file, **arrays)
    people = [person(name=f"lspet/{n}.jpg") for n in (3, 7, 1)]
    word = read_word(file, people)
    assert (word.name, word.skeleton) == ("heavy", COCO17)
    for i, row in ((0, 2), (2, 0)):
        assert np.array_equal(word.keypoints[i], arrays["keypoints"][row])
        assert np.array_equal(word.confidence[i], arrays["confidence"][row])
        assert word.person[i] == arrays["person"][row]
    assert np.isnan(word.keypoints[1]).all()
    assert np.isnan(word.person[1])
    assert not word.confidence[1].any()


def test_who_does_not_state_a_person_is_sure_of_them(tmp_path: Path, person: Callable[..., Sample]) -> None:
    keypoints = _arrays()["keypoints"]
    keypoints[0, 4] = np.nan
    np.savez(tmp_path / "w.npz", **_arrays(person=None, keypoints=keypoints))
    word = read_word(tmp_path / "w.npz", [person()])
    assert word.person.tolist() == [1]
    assert word.confidence[0, 4] == 0
    own = _arrays(joints=np.array(["a", "b"]), keypoints=np.ones((3, 2, 2)), confidence=np.ones((3, 2), int))
    np.savez(tmp_path / "own.npz", **own)
    assert read_word(tmp_path / "own.npz", [person()]).skeleton.joints == ("a", "b")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": None}, "no array 'name' of name, joints, keypoints, confidence"),
        ({"confidence": None}, "no array 'confidence'"),
        ({"keypoints": np.ones((3, 17, 3))}, r"'keypoints' has shape \(3, 17, 3\) of float64, expected \(3, 17, 2\)"),
        ({"confidence": np.ones((2, 17))}, r"'confidence' has shape \(2, 17\)"),
        ({"confidence": np.full((3, 17), 1.5)}, "'confidence' must be from 0 to 1"),
        ({"person": np.full(3, np.nan)}, "'person' must be from 0 to 1"),
        ({"person": np.ones(4)}, r"'person' has shape \(4,\)"),
        ({"name": np.arange(3)}, "'name' has shape .* expected .* of texts"),
        ({"name": NAMES[[0, 0, 1]]}, "'lspet/1.jpg' twice"),
        ({"keypoints": np.full((3, 17, 2), "a")}, "'keypoints' has .* of numbers"),
        ({"joints": np.array(["left_wrist"] * 17)}, "'joints' make no skeleton: .* named twice"),
        ({"keypoints": np.full((3, 17, 2), None)}, "not a file of arrays"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_word_are_refused(
    tmp_path: Path, person: Callable[..., Sample], changed: dict, message: str
) -> None:
    np.savez(tmp_path / "w.npz", **_arrays(**changed))
    with pytest.raises(DatasetError, match=f"w.npz: .*{message}"):
        read_word(tmp_path / "w.npz", [person()])


def test_files_that_are_no_arrays_are_refused(tmp_path: Path, person: Callable[..., Sample]) -> None:
    file = tmp_path / "w.npz"
    with pytest.raises(DatasetError, match=r"w.npz: cannot be read: No such file"):
        read_word(file, [person()])
    for content in (b"", b"junk", b"PK\x03\x04 cut off"):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match=r"w.npz: not a file of arrays"):
            read_word(file, [person()])
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(file)
    with pytest.raises(DatasetError, match=r"w.npz: not a file of arrays"):
        read_word(file, [person()])
