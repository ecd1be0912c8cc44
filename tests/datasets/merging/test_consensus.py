"""Corrections that a merge gives: applied to the labels as distributed, they are the merge."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings

from leanpose.datasets.merging import Rules, Word, merge
from leanpose.datasets.merging.consensus import corrections_of
from leanpose.datasets.readers import Sample, map_sample
from leanpose.datasets.readers.corrections import Correction, correct, corrected, write_corrections
from leanpose.pose.skeleton import BODY19, LSP14

from .test_laws import _draw, seeds

Person = Callable[..., Sample]
Say = Callable[..., Word]


@given(seeds)
@settings(max_examples=30)
def test_the_file_applied_to_the_labels_is_the_merge(tmp_path_factory, seed: int) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)
    file = tmp_path_factory.mktemp("merge") / "c.json"
    write_corrections(file, samples, corrections_of(samples, merged), {}, merged.skeleton)
    for i, done in enumerate(corrected(samples, file)):
        known = np.isfinite(merged.keypoints[i, :, 0])
        assert np.array_equal(done.labelled, known)
        assert np.abs(done.keypoints[known] - merged.keypoints[i, known]).max() <= 0.05 + 1e-9
        assert np.abs(done.weights[known] - merged.confidence[i, known]).max() <= 0.005 + 1e-9


def test_the_action_says_what_happened(person: Person, word: Say) -> None:
    labels = person(
        {"left_wrist": (1.0, 0.0), "left_elbow": (0.1, 0.0), "left_knee": (1.0, 0.0)}, without=("left_hip",)
    )
    first, second = (word(moved={"left_knee": (x, 0.0)}, sure=0.8) for x in (0.0, 0.5))
    (found,) = corrections_of([labels], merge([labels], [first, second], Rules(), LSP14))
    said = {c.joint: (c.action, c.confidence) for c in found}
    assert said == {
        "left_wrist": ("overrule", 0.8), "left_elbow": ("move", None), "left_knee": ("mask", None),
        "left_hip": ("add", 0.8),
    }  # fmt: skip
    assert [c.place for c in found if c.joint == "left_knee"] == [None]

    exchanged = person(mirrored=True, without=("left_ankle",))  # which is the right ankle's label now
    (found,) = corrections_of([exchanged], merge([exchanged], [word(), word()], Rules(), LSP14))
    said = {c.joint: c.action for c in found}
    sides = {joint: "swap" for joint in LSP14.joints if joint not in ("neck", "head_top")}
    assert said == sides | {"left_ankle": "add"}


def test_earlier_corrections_stand_and_count_from_the_labels_as_distributed(person: Person, word: Say) -> None:
    distributed = person({"neck": (1.0, 0.0), "left_wrist": (1.0, 0.0), "head_top": (1.0, 0.0)})
    neck = tuple(person().keypoints[LSP14.index("neck")].tolist())
    earlier = [
        Correction("neck", "swap", neck), Correction("head_top", "mask", None), Correction("left_wrist", "mask", None)
    ]  # fmt: skip
    before = correct(distributed, earlier)
    merged = merge([before], [word(), word()], Rules(), LSP14)
    (found,) = corrections_of([distributed], merged, [earlier])
    assert {c.joint: c.action for c in found} == {"neck": "swap", "head_top": "mask", "left_wrist": "add"}
    done = correct(distributed, found)
    assert np.array_equal(done.labelled, before.labelled | [joint == "left_wrist" for joint in LSP14.joints])
    assert done.keypoints[LSP14.index("neck")].tolist() == list(neck)


def test_what_moves_by_less_than_the_file_can_say_is_left_out(person: Person, word: Say, tmp_path: Path) -> None:
    labels = person({"left_wrist": (0.001, 0.0)})  # a tenth of a pixel, a third of which stays
    assert corrections_of([labels], merge([labels], [word(), word()], Rules(), LSP14))[0] != []
    nearer = person({"left_wrist": (0.0006, 0.0)})
    assert corrections_of([nearer], merge([nearer], [word(), word()], Rules(), LSP14)) == [[]]
    half = replace(labels, confidence=np.full(14, 0.5))
    merged = merge([half], [word(), word()], Rules(), LSP14)
    (found,) = corrections_of([half], merged)
    assert {c.joint for c in found} == set(LSP14.joints) - {"neck", "head_top"}  # now believed as far as the teachers
    assert {c.confidence for c in found} == {0.9}
    mapped = map_sample(correct(half, found), BODY19)
    assert mapped is not None
    assert mapped.weights[BODY19.index("neck")] == 0.5
