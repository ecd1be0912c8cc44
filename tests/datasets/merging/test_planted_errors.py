"""Errors planted into the good labels of LSP's training people, and what the words of two teachers make of them.

docs/merging.md cites the figures that are held here.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.geometry import hull_box
from leanpose.datasets.merging import Rules, merge, read_word
from leanpose.datasets.readers import Sample, read_samples
from leanpose.measure.metrics.pck import torso_lengths
from leanpose.pose.skeleton import LSP14

CLOSE = 0.2  # torsos; PCK's
Plant = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], np.ndarray]


def _nothing(keypoints: np.ndarray, labelled: np.ndarray, torso: float, rng: np.random.Generator) -> np.ndarray:
    return np.zeros(14, dtype=bool)


def _sides(keypoints: np.ndarray, labelled: np.ndarray, torso: float, rng: np.random.Generator) -> np.ndarray:
    keypoints[:] = keypoints[LSP14.flip_permutation]
    return LSP14.flip_permutation != np.arange(14)


def _one_off(keypoints: np.ndarray, labelled: np.ndarray, torso: float, rng: np.random.Generator) -> np.ndarray:
    k, angle = rng.integers(12), rng.uniform(0, 2 * np.pi)  # neck and head top are not the teachers'
    keypoints[k] += rng.uniform(0.8, 2) * torso * np.array([np.cos(angle), np.sin(angle)])
    return np.arange(14) == k


def _missing(keypoints: np.ndarray, labelled: np.ndarray, torso: float, rng: np.random.Generator) -> np.ndarray:
    k = rng.integers(12)
    labelled[k] = False
    return np.arange(14) == k


@pytest.fixture(scope="module")
def people(data_root: Path) -> tuple[list[Sample], list[Path]]:
    files = [data_root / "teacher" / f"{name}.npz" for name in ("blazepose_heavy", "movenet_thunder")]
    if not all(file.is_file() for file in files):
        pytest.skip("the teachers' words are absent: LEANPOSE_DATA has no teacher/ with them")
    return read_samples([f"lsp:{data_root / 'lsp_dataset'}"], "train"), files


@pytest.mark.parametrize(
    ("plant", "mended", "taken_away", "others_lost", "others_spoiled"),
    [
        (_nothing, None, None, 1.8, 2.0),
        (_sides, 88.5, 2.6, None, None),
        (_one_off, 76.0, 13.5, 1.8, 1.9),
        (_missing, 72.9, 24.8, 1.9, 1.9),
    ],
)
def test_what_becomes_of_them(
    people: tuple[list[Sample], list[Path]], plant: Plant, mended: float | None, taken_away: float | None,
    others_lost: float | None, others_spoiled: float | None,
) -> None:  # fmt: skip
    truth, files = people
    rng = np.random.default_rng(0)
    at = np.stack([person.keypoints for person in truth])
    torsos = torso_lengths(at, LSP14)
    planted, wrong = [], []
    for person, torso in zip(truth, torsos, strict=True):
        keypoints, labelled = person.keypoints.copy(), person.labelled.copy()
        wrong.append(plant(keypoints, labelled, torso, rng))
        planted.append(replace(person, keypoints=keypoints, labelled=labelled, box=hull_box(keypoints, labelled)))
    merged = merge(planted, [read_word(file, planted) for file in files], Rules(), LSP14)
    away = np.linalg.norm(merged.keypoints - at, axis=-1) / torsos[:, None]
    gone, close, body = np.isnan(away), away <= CLOSE, np.arange(14) < 12
    errors, others = np.array(wrong), ~np.array(wrong) & body

    def share(what: np.ndarray, among: np.ndarray) -> float | None:
        return round(100 * float(what[among].mean()), 1) if among.any() else None

    found = (share(close, errors), share(gone, errors), share(gone, others), share(~gone & ~close, others))
    assert found == (mended, taken_away, others_lost, others_spoiled)
