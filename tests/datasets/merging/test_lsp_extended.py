"""LSP and LSP-extended with the words of BlazePose heavy and MoveNet Thunder: the counts that were published with them.

The first numbers are from the README beside the words. They were counted on confidences before these were stored as
half precision numbers, by which two joints of 32,052 of faces fall on the other side of a threshold.
"""

from pathlib import Path

import numpy as np
import pytest

from leanpose.datasets.merging import Merged, Rules, common_skeleton, merge, read_word
from leanpose.datasets.merging.data import Data, read_data
from leanpose.datasets.merging.table import counts
from leanpose.pose.skeleton import BODY19

CORRECTIONS = Path(__file__).parents[3] / "weights" / "lspet_corrections.json"


@pytest.fixture(scope="module")
def merged(data_root: Path) -> tuple[Data, Merged]:
    teachers = [data_root / "teacher" / f"{name}.npz" for name in ("blazepose_heavy", "movenet_thunder")]
    if not all(file.is_file() for file in teachers):
        pytest.skip("the teachers' words are absent: LEANPOSE_DATA has no teacher/ with them")
    data = read_data(
        [f"lspet:{data_root / 'lspet_dataset'},corrections={CORRECTIONS}"], [f"lsp:{data_root / 'lsp_dataset'}"]
    )
    words = [read_word(file, data.samples) for file in teachers]
    skeleton = common_skeleton(data.samples, words)
    assert skeleton == BODY19
    return data, merge(data.samples, words, Rules(), skeleton, data.trusted)


def _part(merged: Merged, people: np.ndarray) -> Merged:
    return Merged(BODY19, *(value[people] for name, value in vars(merged).items() if name != "skeleton"))


def test_published_counts_of_lsp_extended(merged: tuple[Data, Merged]) -> None:
    data, everybody = merged
    found = counts(_part(everybody, ~data.trusted))
    assert found["sides_exchanged"] == 289
    joints = found["joints"]
    assert [joints[o] for o in ("both", "first", "second")] == [55391, 7393, 7355]
    assert [joints[o] for o in ("overruled", "dropped", "unsure")] == [4327, 3790, 1340]
    assert joints["added"] - found["added_to_faces"] == 2960
    assert found["people"] == {"merged": 7437, "no word": 0, "unsure": 2354, "somebody else": 209}


def test_published_counts_of_lsp(merged: tuple[Data, Merged]) -> None:
    data, everybody = merged
    found = counts(_part(everybody, data.trusted))
    assert found["people"] == {"merged": 820, "no word": 0, "unsure": 38, "somebody else": 9}
    assert {o: n for o, n in found["joints"].items() if n and o not in ("untouched", "unlabelled")} == {
        "added": found["added_to_faces"]
    }
    assert counts(everybody)["added_to_faces"] == 32052 + 2


def test_the_places_are_those_of_the_consensus(data_root: Path, merged: tuple[Data, Merged]) -> None:
    data, everybody = merged
    with np.load(data_root / "teacher" / "consensus.npz") as stored:
        row = {name: number for number, name in enumerate(stored["name"].tolist())}
        expected = stored["keypoints"][[row[sample.name] for sample in data.samples]]
    known = np.isfinite(expected[..., 0])
    others = known != np.isfinite(everybody.keypoints[..., 0])
    assert (others.sum(), others[:, 5:].sum()) == (2, 0)
    assert np.linalg.norm(everybody.keypoints - expected, axis=-1)[known].max() < 1e-4
