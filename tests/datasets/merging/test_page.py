"""The page: who is shown, in which pictures, and what nobody may slip into it."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leanpose.core.geometry import hull_box
from leanpose.datasets.merging import Rules, Word, merge
from leanpose.datasets.merging.page import PICTURED, page
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import BODY19

from .conftest import joined


@pytest.fixture
def image() -> bytes:
    return cv2.imencode(".jpg", np.full((600, 600, 3), 90, np.uint8))[1].tobytes()


def _sections(text: str) -> dict[str, str]:
    return dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.DOTALL))


def test_people_are_shown_by_what_became_of_them(
    person: Callable[..., Sample], word: Callable[..., Word], image: bytes
) -> None:
    wrist = {"left_wrist": (1.0, 0.0)}
    people = [
        person(name="lspet/well.jpg"), person(wrist, name="lspet/overruled.jpg"),
        person({"left_wrist": (1.5, 0.0)}, name="lspet/worse.jpg"), person(mirrored=True, name="lspet/sides.jpg"),
        person(wrist, name="lspet/dropped.jpg"), person(wrist, name="lspet/unsure.jpg"),
        person(dict.fromkeys(BODY19.joints[5:], (2.0, 0.0)), name="lspet/other.jpg"),
        person(without=("left_knee",), name="lspet/added.jpg"),
    ]  # fmt: skip
    people = [replace(p, image=image) for p in people]
    low = {"left_wrist": 0.25}
    first = joined([word(name="heavy")] * 4 + [word(less=low), word(less=low), word(), word()])
    second = joined([word()] * 4 + [word(), word(less=low), word(), word()])
    merged = merge(people, [first, replace(second, name="thunder")], Rules(), BODY19)
    text = page(people, [first, second], merged, "title")
    shown = {name: re.findall(r"<b>(lspet/\w+)\.jpg</b>", content) for name, content in _sections(text).items()}
    assert shown["overruled"] == ["lspet/worse", "lspet/overruled"]
    assert shown["swapped"] == ["lspet/sides"]
    assert shown["dropped"] == ["lspet/dropped"]
    assert shown["unsure"] == ["lspet/unsure"]
    assert shown["other"] == ["lspet/other"]
    assert shown["added"][0] == "lspet/added"
    assert "overruled: left_wrist 1.5" in text
    figures = re.findall(r'<figure class="pair">(.*?)</figure>', text, re.DOTALL)
    assert all(figure.count("<img") == 4 for figure in figures)
    for uri in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text):
        assert cv2.imdecode(np.frombuffer(base64.b64decode(uri), np.uint8), cv2.IMREAD_COLOR).shape == (216, 216, 3)
    assert "<script" not in text
    assert "http" not in text


def test_all_pictures_of_a_person_show_the_same_region(
    person: Callable[..., Sample], word: Callable[..., Word]
) -> None:
    scene = np.zeros((600, 600, 3), np.uint8)
    cv2.circle(scene, (300, 250), 30, (0, 0, 255), -1)  # red, unlike all that is drawn
    sample = replace(person({"left_wrist": (1.0, 0.0)}), image=cv2.imencode(".png", scene)[1].tobytes())
    merged = merge([sample], [word(), word(moved={"head_top": (0, 0)}, skeleton=BODY19)], Rules(), BODY19)
    text = _sections(page([sample], [word(), word()], merged, "title"))["overruled"]
    middles = []
    for uri in re.findall(r'base64,([^"]+)"', text):
        pixels = cv2.imdecode(np.frombuffer(base64.b64decode(uri), np.uint8), cv2.IMREAD_COLOR).astype(int)
        red = (pixels[..., 2] > 200) & (pixels[..., 0] < 60) & (pixels[..., 1] < 60)
        middles.append(np.argwhere(red).mean(axis=0))
    assert len(middles) == 4
    assert np.ptp(middles, axis=0).max() < 3


def test_names_are_escaped_and_broken_images_left_out(person: Callable[..., Sample], word: Callable[..., Word]) -> None:
    sample = replace(person(mirrored=True, name="lspet/<i>&.jpg"), image=b"broken")
    says = word(name="<b>word</b>")
    text = page([sample], [says, says], merge([sample], [says, says], Rules(), BODY19), "<u>title</u>")
    assert all(tag not in text for tag in ("<i>", "<b>word", "<u>"))
    assert "lspet/&lt;i&gt;&amp;.jpg" in text
    assert "<img" not in text


def test_at_most_so_many_are_shown_and_nothing_is_said(
    person: Callable[..., Sample], word: Callable[..., Word], image: bytes
) -> None:
    people = [replace(person(mirrored=True, name=f"lspet/{i}.jpg"), image=image) for i in range(PICTURED + 3)]
    says = word(people=len(people))
    text = _sections(page(people, [says, says], merge(people, [says, says], Rules(), BODY19), "title"))["swapped"]
    assert text.count("<figure") == PICTURED
    assert f"{len(people)} people" in text
    fine = [replace(person(), image=image)]
    empty = page(fine, [], merge(fine, [], Rules(), BODY19), "title")
    assert "Nothing was contradicted" in empty
    assert np.array_equal(fine[0].box, hull_box(fine[0].keypoints, fine[0].labelled))
