"""Own skeletons: files in both formats, COCO categories, and sides read from names."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leanpose.core.errors import SkeletonError
from leanpose.pose.skeleton import COCO17, SKELETONS, Skeleton
from leanpose.pose.skeleton_files import find_skeleton, flip_pairs, load_skeleton, skeleton_from_category

DOG = """
name = "dog"
joints = ["nose", "LeftEar", "RightEar", "tail"]
limbs = [["nose", "LeftEar"], ["nose", "RightEar"]]
sigmas = [0.03, 0.05, 0.05, 0.1]
torso = ["nose", "tail"]
"""

# Spellings of a left joint and its right partner.
STYLES = [
    "left_{}", "{}_left", "l_{}", "{}_l", "Left{}", "{}Left", "left{}", "Left {}", "LEFT {}", "L_{}", "L{}", "{}.L",
    "{}-l", "left.{}", "l{}", "{}left", "upper_left_{}",
]  # fmt: skip


def _right(style: str) -> str:
    """The style's right-hand spelling, by hand: each word or letter in its own case."""
    for left, right in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT")):
        if left in style:
            return style.replace(left, right)
    return style.replace("l", "r").replace("L", "R")


def _write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml = load_skeleton(_write(tmp_path / "dog.toml", DOG))
    as_json = {
        "joints": ["nose", "LeftEar", "RightEar", "tail"],
        "limbs": [["nose", "LeftEar"], ["nose", "RightEar"]],
        "sigmas": [0.03, 0.05, 0.05, 0.1],
        "torso": ["nose", "tail"],
    }
    assert load_skeleton(_write(tmp_path / "dog.json", as_json)) == toml  # the name comes from the file's
    assert toml.flip_permutation.tolist() == [0, 2, 1, 3]
    assert toml.limb_indices.tolist() == [[0, 1], [0, 2]]
    assert toml.sigmas == (0.03, 0.05, 0.05, 0.1)
    assert Skeleton.from_dict(json.loads(json.dumps(toml.to_dict()))) == toml


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_built_in_skeletons_survive_a_file_and_a_category(skeleton: Skeleton, tmp_path: Path) -> None:
    assert load_skeleton(_write(tmp_path / "s.json", skeleton.to_dict())) == skeleton
    assert find_skeleton(skeleton.name) is skeleton
    assert skeleton_from_category({"name": "person", "keypoints": list(skeleton.joints)}) is skeleton


@pytest.mark.parametrize("style", STYLES)
def test_sides_in_every_usual_style(style: str) -> None:
    joints = ["nose", *(spelling.format(part) for part in ("Hip", "Knee") for spelling in (style, _right(style)))]
    assert flip_pairs(joints) == ((joints[1], joints[2]), (joints[3], joints[4]))
    assert flip_pairs(joints[:4]) is None or style == "l{}"  # a left knee without the right one
    mixed = ["left_eye", "right_eye", joints[1], joints[2]]
    assert flip_pairs(mixed) == (("left_eye", "right_eye"), (joints[1], joints[2]))


@pytest.mark.parametrize(
    "joints",
    [
        ["nose", "tail"],  # nothing says that there are sides
        ["left_hand"],
        ["left_hand", "nose"],
        ["left_hand", "l_hand", "right_hand"],  # two that could be the right hand's partner
        ["root", "lhip", "rhip"],  # "r-oot", or a root?
        ["lhip", "rhip", "lknee"],
        ["1", "2", "3"],
    ],
)
def test_names_that_do_not_tell(joints: list[str]) -> None:
    assert flip_pairs(joints) is None


def test_words_that_begin_with_a_letter_are_no_sides_beside_marked_ones() -> None:
    assert flip_pairs(["left_eye", "right_eye", "lip", "root"]) == (("left_eye", "right_eye"),)
    assert flip_pairs(["nose"]) == ()  # one joint can only mirror onto itself


def test_without_sides_it_is_not_flippable_and_warns_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _write(tmp_path / "sideless.json", {"joints": ["nose", "tail"]})
    with caplog.at_level(logging.WARNING):
        skeletons = [load_skeleton(path), load_skeleton(path)]
    assert [s.flippable for s in skeletons] == [False, False]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "flips off" in caplog.text
    assert '"flips": [["a", "b"]' in caplog.text
    with pytest.raises(SkeletonError, match="give it flips"):
        _ = skeletons[0].flip_permutation


def test_given_flips_win_and_may_be_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = load_skeleton(_write(tmp_path / "a.json", {"joints": ["nose", "tail"], "flips": []}))
    assert own.flip_permutation.tolist() == [0, 1]
    swapped = load_skeleton(_write(tmp_path / "b.json", {"joints": ["a", "b", "c"], "flips": [["c", "a"]]}))
    assert swapped.flip_permutation.tolist() == [2, 1, 0]
    off = load_skeleton(_write(tmp_path / "c.json", {"joints": ["left_a", "right_a"], "flippable": False}))
    assert not off.flippable
    assert not caplog.records


def test_flips_against_the_names_are_used_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    coco = {"name": "person", "keypoints": list(COCO17.joints)}
    pairs = [[a, b] for a, b in flip_pairs(COCO17.joints) or ()]
    assert skeleton_from_category(coco | {"flips": pairs[::-1]}) is COCO17
    assert not caplog.records
    own = skeleton_from_category(coco | {"flips": pairs[1:]})
    assert own.flip_permutation.tolist()[:5] == [0, 1, 2, 4, 3]
    assert "flips" in caplog.text


def test_torso_follows_from_names(tmp_path: Path) -> None:
    joints = ["LeftShoulder", "RightShoulder", "LeftHip", "RightHip"]
    assert load_skeleton(_write(tmp_path / "s.json", {"joints": joints})).torso == ("LeftShoulder", "RightHip")


def test_category_edges_count_from_one(tmp_path: Path) -> None:
    category = {"name": "hand", "keypoints": ["wrist", "left_tip", "right_tip"], "skeleton": [[1, 2], [3, 1]]}
    hand = skeleton_from_category(category | {"sigmas": [0.1, 0.2, 0.3]})
    assert hand.limbs == (("wrist", "left_tip"), ("right_tip", "wrist"))
    assert hand.sigmas == (0.1, 0.2, 0.3)
    document = {"categories": [{"id": 2, "name": "dog"}, category], "images": [], "annotations": []}
    assert load_skeleton(_write(tmp_path / "coco.json", document)).name == "hand"
    with pytest.raises(SkeletonError, match="1 to 3"):
        skeleton_from_category(category | {"skeleton": [[0, 1]]})


def test_coco_with_other_sigmas_is_another_skeleton() -> None:
    coco = {"name": "person", "keypoints": list(COCO17.joints)}
    assert skeleton_from_category(coco | {"sigmas": list(COCO17.sigmas or ())}) is COCO17
    other = skeleton_from_category(coco | {"sigmas": [0.1] * 17})
    assert other.sigmas == (0.1,) * 17
    assert other.flip_permutation.tolist() == COCO17.flip_permutation.tolist()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "not (JSON|TOML|a text in UTF-8)"),
        ("a.toml", "joints = ", "not (JSON|TOML|a text in UTF-8)"),
        ("a.json", "[" * 100_000, "not (JSON|TOML|a text in UTF-8)"),
        ("a.json", [], "an object with joints"),
        ("a.json", {}, "joints"),
        ("a.json", {"joints": []}, "no joints"),
        ("a.json", {"joints": ["a", "a"]}, "named twice: a"),
        ("a.json", {"joints": ["a", 5]}, "must be texts"),
        ("a.json", {"joints": ["a"], "limbs": [["a", "b"]]}, "limbs name joints it does not have: b"),
        ("a.json", {"joints": ["a", "b"], "flips": [["a", "c"]]}, "flips name joints it does not have: c"),
        ("a.json", {"joints": ["a", "b"], "flips": [["a"]]}, "two joint names"),
        ("a.json", {"joints": ["a"], "sigmas": [0]}, "1 positive numbers"),
        ("a.json", {"joints": ["a"], "sigmas": [10**400]}, "401 digits"),
        ("a.json", '{"joints": ["a"], "sigmas": [NaN]}', "must be numbers"),
        ("a.json", {"joints": ["a"], "bones": []}, "bones"),
        ("a.json", {"categories": []}, "no category names its keypoints"),
        ("a.json", {"categories": [{"keypoints": ["a"]}, {"keypoints": ["b"]}]}, "different keypoints"),
    ],
)
def test_malformed_files_are_refused(name: str, content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match=message) as caught:
        load_skeleton(_write(tmp_path / name, content))
    assert str(tmp_path / name) in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match=r"unknown skeleton 'lsp15': use one of lsp14, .*\.json or \.toml"):
        find_skeleton("lsp15")
    with pytest.raises(SkeletonError, match=r"none\.toml: cannot be read: No such file"):
        find_skeleton(str(tmp_path / "none.toml"))
    (tmp_path / "image.json").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(SkeletonError, match=r"not (JSON|TOML|a text in UTF-8)"):
        find_skeleton(str(tmp_path / "image.json"))


texts = st.sampled_from(["a", "left_a", "right_a", "l_b", "R b", "lc", "rc", "", "_"]) | st.text(max_size=5)
numbers = st.integers() | st.floats() | st.just(10**400)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
nearly = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | anything,
        "joints": st.lists(texts, max_size=6) | anything,
        "keypoints": st.lists(texts, max_size=6) | anything,
        "limbs": st.lists(st.lists(texts, min_size=2, max_size=2), max_size=3) | anything,
        "skeleton": st.lists(st.lists(st.integers(0, 7), min_size=2, max_size=2), max_size=3) | anything,
        "flips": st.lists(st.lists(texts, min_size=2, max_size=2), max_size=3) | anything,
        "sigmas": st.lists(numbers, max_size=6) | anything,
        "torso": st.lists(texts, min_size=2, max_size=2) | anything,
        "flippable": anything,
        "categories": anything,
    },
)


@given(nearly | st.builds(lambda categories: {"categories": categories}, st.lists(nearly | anything, max_size=3)))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_a_skeleton_or_a_typed_error(tmp_path: Path, document: object) -> None:
    path = _write(tmp_path / "any.json", document)
    try:
        skeleton = load_skeleton(path)
    except SkeletonError as error:
        message = str(error)
    else:
        message = str(path)
        if skeleton.flippable:
            permutation = skeleton.flip_permutation
            assert permutation[permutation].tolist() == list(range(len(skeleton)))
        assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton
    assert str(path) in message


@given(st.lists(texts | st.text(alphabet="lLrReft_ .ght", max_size=8), min_size=1, max_size=6, unique=True))
def test_pairs_are_of_different_joints_each_once(joints: list[str]) -> None:
    paired = [joint for pair in flip_pairs(joints) or () for joint in pair]
    assert len(set(paired)) == len(paired)
    assert set(paired) <= set(joints)
