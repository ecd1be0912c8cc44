"""Laws of the merge on people and words at random, and the rules once more as loops over single joints."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leanpose.core.geometry import hull_box
from leanpose.datasets.merging import Merged, Rules, Word, merge
from leanpose.datasets.merging.consensus import corrections_of
from leanpose.datasets.merging.rules import OUTCOMES, VERDICTS
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import BODY19, COCO17, LSP14

from .conftest import UNIT, places

PEOPLE = 6
seeds = st.integers(0, 2**32 - 1)
ENDS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


def _draw(seed: int) -> tuple[list[Sample], list[Word], np.ndarray]:
    """People with noise, junk, missing labels and exchanged sides, and two words that err as well."""
    rng = np.random.default_rng(seed)

    def noisy(skeleton, wild: float) -> np.ndarray:
        noise = rng.normal(0, 0.06, (len(skeleton), 2)) + (rng.random((len(skeleton), 1)) < wild) * rng.normal(
            0, 0.6, (len(skeleton), 2)
        )
        return places(skeleton) + UNIT * noise

    samples = []
    for i in range(PEOPLE):
        keypoints, labelled = noisy(LSP14, 0.2), rng.random(14) < 0.8
        labelled[:2] = True
        if rng.random() < 0.3:
            keypoints, labelled = keypoints[LSP14.flip_permutation], labelled[LSP14.flip_permutation]
        if rng.random() < 0.15:
            keypoints += 150
        believed = rng.random(14) if rng.random() < 0.3 else None
        box = hull_box(keypoints, labelled)
        samples.append(Sample("lspet", f"lspet/{i}", b"", keypoints, labelled, box, LSP14, confidence=believed))
    words = []
    for name in ("first", "second"):
        keypoints = np.stack([noisy(COCO17, 0.15) for _ in samples])
        silent = rng.random((PEOPLE, 17)) < 0.02
        keypoints[silent] = np.nan
        confidence = np.where(silent, 0, np.sqrt(rng.random((PEOPLE, 17))))
        person = np.where(rng.random(PEOPLE) < 0.9, rng.uniform(0.65, 1, PEOPLE), np.nan)
        words.append(Word(name, COCO17, keypoints, confidence, person))
    return samples, words, rng.random(PEOPLE) < 0.2


def _same(one: Merged, other: Merged) -> None:
    np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-9)
    np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-12)
    assert np.array_equal(one.verdicts, other.verdicts)
    assert np.array_equal(one.swapped, other.swapped)


@given(seeds)
@settings(max_examples=50)
def test_without_teachers_nothing_changes(seed: int) -> None:
    samples, _, trusted = _draw(seed)
    merged = merge(samples, [], Rules(), BODY19, trusted)
    assert corrections_of(samples, merged) == [[]] * PEOPLE
    rows = [BODY19.index(joint) for joint in LSP14.joints]
    known = np.stack([sample.labelled for sample in samples])
    assert np.array_equal(merged.keypoints[:, rows][known], np.stack([s.keypoints for s in samples])[known])
    assert np.isfinite(merged.keypoints[..., 0]).sum() == known.sum()


@given(seeds, st.integers(1, 2))
@settings(max_examples=50)
def test_teachers_who_say_what_the_labels_say_change_nothing(seed: int, teachers: int) -> None:
    samples, _, _ = _draw(seed)
    samples = [replace(sample, confidence=None) for sample in samples]
    known = np.stack([sample.labelled for sample in samples])
    keypoints = np.where(known[..., None], np.stack([sample.keypoints for sample in samples]), np.nan)
    word = Word("echo", LSP14, keypoints, known * 0.9, np.ones(PEOPLE))
    merged = merge(samples, [word] * teachers, Rules(), LSP14)
    assert corrections_of(samples, merged) == [[]] * PEOPLE
    assert not merged.swapped.any()


@given(seeds, st.permutations(range(PEOPLE)))
@settings(max_examples=50)
def test_the_order_of_people_does_not_matter(seed: int, order: list[int]) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)
    shuffled = [
        replace(w, keypoints=w.keypoints[order], confidence=w.confidence[order], person=w.person[order]) for w in words
    ]
    again = merge([samples[i] for i in order], shuffled, Rules(), BODY19, trusted[order])
    assert np.array_equal(again.outcomes, merged.outcomes[order])
    everything = {name: value[order] for name, value in vars(merged).items() if name != "skeleton"}
    _same(again, Merged(BODY19, **everything))


@given(seeds)
@settings(max_examples=50)
def test_the_order_of_teachers_does_not_matter(seed: int) -> None:
    samples, words, trusted = _draw(seed)
    rules = Rules()
    turned = replace(
        rules, sure=rules.sure[::-1], deny=rules.deny[::-1], add=rules.add[::-1], add_face=rules.add_face[::-1]
    )
    merged, again = (merge(samples, w, r, BODY19, trusted) for w, r in ((words, rules), (words[::-1], turned)))
    _same(merged, again)
    other = {"first": "second", "second": "first"}
    names = [[OUTCOMES[code] for code in row] for row in merged.outcomes]
    assert [[other.get(name, name) for name in row] for row in names] == [
        [OUTCOMES[code] for code in row] for row in again.outcomes
    ]


@given(seeds, st.floats(0.1, 10), st.tuples(st.integers(-500, 500), st.integers(-500, 500)))
@settings(max_examples=50)
def test_size_and_place_in_the_picture_do_not_matter(seed: int, size: float, by: tuple[int, int]) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)
    larger = [
        replace(s, keypoints=s.keypoints * size + by, box=(s.box.reshape(2, 2) * size + by).ravel()) for s in samples
    ]
    again = merge(larger, [replace(w, keypoints=w.keypoints * size + by) for w in words], Rules(), BODY19, trusted)
    assert np.array_equal(merged.outcomes, again.outcomes)
    np.testing.assert_allclose(again.keypoints, merged.keypoints * size + by, atol=1e-6)


@given(seeds)
@settings(max_examples=50)
def test_the_merge_of_a_mirrored_picture_is_the_mirrored_merge(seed: int) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)

    def turned(at: np.ndarray, permutation: np.ndarray) -> np.ndarray:
        return at[..., permutation, :] * (-1, 1)

    flip, lsp, coco = (s.flip_permutation for s in (BODY19, LSP14, COCO17))
    mirrored = [
        replace(
            s, keypoints=turned(s.keypoints, lsp), labelled=s.labelled[lsp], box=s.box[[2, 1, 0, 3]] * (-1, 1, -1, 1),
            confidence=None if s.confidence is None else s.confidence[lsp],
        )
        for s in samples
    ]  # fmt: skip
    says = [replace(w, keypoints=turned(w.keypoints, coco), confidence=w.confidence[:, coco]) for w in words]
    again = merge(mirrored, says, Rules(), BODY19, trusted)
    assert np.array_equal(again.outcomes, merged.outcomes[:, flip])
    np.testing.assert_allclose(again.keypoints, turned(merged.keypoints, flip), atol=1e-9)


@given(seeds)
@settings(max_examples=60)
def test_loops_over_people_and_joints_say_the_same(seed: int) -> None:
    samples, words, trusted = _draw(seed)
    merged = merge(samples, words, Rules(), BODY19, trusted)
    for i, sample in enumerate(samples):
        verdict, swapped, joints = _by_hand(sample, words, i, bool(trusted[i]))
        assert (VERDICTS[merged.verdicts[i]], bool(merged.swapped[i])) == (verdict, swapped)
        for k, joint in enumerate(BODY19.joints):
            outcome, place = joints[joint]
            assert OUTCOMES[merged.outcomes[i, k]] == outcome
            expected = (np.nan, np.nan) if place is None else place
            np.testing.assert_allclose(merged.keypoints[i, k], expected, atol=1e-9)


def _by_hand(sample: Sample, words: list[Word], i: int, trusted: bool) -> tuple[str, bool, dict[str, tuple]]:
    """Verdict, exchange, and outcome and place of each joint, by the default rules as they are told in words."""
    label = {
        joint: sample.keypoints[k] for k, joint in enumerate(LSP14.joints) if sample.labelled[k]
    }  # fmt: skip
    a, b = (dict(zip(COCO17.joints, w.keypoints[i], strict=True)) for w in words)
    sure_a, sure_b = (dict(zip(COCO17.joints, w.confidence[i], strict=True)) for w in words)

    def length(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.hypot(*(p - q)))

    def torso(t: dict[str, np.ndarray]) -> float:
        return 1.1 * length((t[ENDS[0]] + t[ENDS[1]]) / 2, (t[ENDS[2]] + t[ENDS[3]]) / 2)

    unit = max(torso(a), torso(b)) if not np.isnan(torso(a) + torso(b)) else np.nan

    def both(joint: str, least_a: float, least_b: float, within: float) -> bool:
        agreed = joint in a and length(a[joint], b[joint]) / unit <= within
        return bool(agreed and sure_a[joint] >= least_a and sure_b[joint] >= least_b)

    def away(at: dict[str, np.ndarray], joint: str) -> float:
        return length(at[joint], (a[joint] + b[joint]) / 2) / unit

    body = COCO17.joints[5:]
    judged = [joint for joint in body if both(joint, 0.3, 0.2, 0.15)]
    as_it_is = {
        joint: ("untouched", label[joint]) if joint in label else ("unlabelled", None) for joint in BODY19.joints
    }
    if np.isnan(words[0].person[i]) or np.isnan(words[1].person[i]):
        return "no word", False, as_it_is
    if words[0].person[i] < 0.7 or words[1].person[i] < 0.7 or len(judged) < 4:
        return "unsure", False, as_it_is

    def other_side(joint: str) -> str:
        side, _, rest = joint.partition("_")
        return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, joint)

    mirrored = {other_side(joint): place for joint, place in label.items()}
    compared = [joint for joint in judged if joint in label and joint in mirrored]
    fit = sum(away(mirrored, joint) <= 0.25 for joint in compared)
    stay = sum(away(label, joint) <= 0.25 for joint in compared)
    swap = not trusted and len(compared) >= 4 and fit > 0.8 * len(compared) and stay < 0.5 * len(compared)
    now = mirrored if swap else label
    theirs = [joint for joint in judged if joint in now]
    if len(theirs) < 3 or sum(away(now, joint) > 0.3 for joint in theirs) > 0.5 * len(theirs):
        return "somebody else", False, as_it_is

    x1, y1, x2, y2 = sample.box
    side = max(x2 - x1, y2 - y1)

    def within_reach(p: np.ndarray) -> bool:
        return bool(max(x1 - p[0], p[0] - x2, y1 - p[1], p[1] - y2) <= 0.4 * side)

    result: dict[str, tuple] = {}
    for joint in BODY19.joints:
        face = joint in COCO17.joints[:5]
        if joint not in a or (trusted and joint in LSP14.joints):
            result[joint] = ("untouched", now[joint]) if joint in now else ("unlabelled", None)
        elif joint in now:
            near = [t[joint] for t in (a, b) if length(now[joint], t[joint]) / unit <= 0.2]
            if near:
                which = "both" if len(near) == 2 else "first" if near[0] is a[joint] else "second"
                result[joint] = (which, (now[joint] + sum(near)) / (1 + len(near)))
            elif joint in judged:
                result[joint] = ("overruled", (a[joint] + b[joint]) / 2)
            elif np.isnan(a[joint]).any() and np.isnan(b[joint]).any():
                result[joint] = ("untouched", now[joint])
            elif sure_a[joint] >= 0.3 or sure_b[joint] >= 0.3:
                result[joint] = ("dropped", None)
            else:
                result[joint] = ("unsure", now[joint])
        else:
            seen = both(joint, 0.5, 0.25, 0.1) if face else both(joint, 0.5, 0.3, 0.15)
            middle = (a[joint] + b[joint]) / 2
            result[joint] = ("added", middle) if seen and within_reach(middle) else ("unlabelled", None)
    return "merged", bool(swap), result
