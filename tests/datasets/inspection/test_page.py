"""The page: what browsers and screen readers need, and what nobody may slip into it."""

import base64
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from leanpose.datasets.inspection import Finding, Inspection, inspect_samples
from leanpose.datasets.inspection.page import AT_RANDOM, LISTED, PICTURED, page
from leanpose.datasets.inspection.statistics import statistics
from leanpose.datasets.readers import Sample

VOID = {"meta", "img", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, and the text; fails where elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def faulty(crowd: list[Sample]) -> Inspection:
    """Sixty people of whom many are tiny and some have swapped arms."""
    samples = [replace(s, box=s.box / 20) if i % 2 else s for i, s in enumerate(crowd)]
    return inspect_samples({"train": samples[:30], "test": samples[30:]}, [f"annotation {i}: bad" for i in range(70)])


def test_it_needs_no_network_and_no_script(faulty: Inspection) -> None:
    shown = Page(page(faulty, "title"))
    assert not shown.all("script")
    assert not shown.all("link")
    for name, attributes in shown.elements:
        for attribute, value in attributes.items():
            assert not attribute.startswith("on"), name
            if attribute in ("src", "href"):
                assert value.startswith(("data:image/", "#")), name


def test_links_lead_somewhere_and_pictures_are_described(faulty: Inspection) -> None:
    shown = Page(page(faulty, "title"))
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in shown.all("a")} <= {f"#{id_}" for id_ in ids}
    assert all("joints drawn" in image["alt"] for image in shown.all("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in shown.all("svg"))
    assert shown.all("html")[0]["lang"] == "en"


def test_its_size_is_bounded_and_says_so(faulty: Inspection) -> None:
    shown = Page(page(faulty, "title"))
    kinds = {f.kind for f in faulty.findings}
    assert len(shown.all("img")) <= PICTURED * len(kinds) * 2 + AT_RANDOM
    assert f"the worst {PICTURED} of" in shown.text
    assert f"the worst {LISTED} of 70" in shown.text
    assert "annotation 0: bad" in shown.text
    image = base64.b64decode(shown.all("img")[0]["src"].partition(",")[2])
    assert cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR).shape == (216, 216, 3)


def test_text_from_the_data_stays_text(person: Callable[..., Sample]) -> None:
    hostile = '<script>alert("x")</script>&\'"><img src=http://x>'
    samples = [person(i, name=f"{hostile}#{i}", dataset=hostile, box=np.array([0.0, 0, 9, 9])) for i in range(3)]
    inspection = inspect_samples({"train": samples}, [hostile])
    shown = Page(page(inspection, hostile))
    assert not shown.all("script")
    assert all(image["src"].startswith("data:") for image in shown.all("img"))
    assert hostile in shown.text
    assert f"{hostile}#1" in shown.text


def test_nothing_found(crowd: list[Sample]) -> None:
    people = inspect_samples({"train": crowd}).people
    shown = Page(page(Inspection(people, statistics(people, {}), []), "title"))
    assert "Nothing was found" in shown.text
    assert "0 of 60 images opened" in shown.text


def test_a_finding_of_many_images_names_a_few(crowd: list[Sample]) -> None:
    people = inspect_samples({"train": crowd}).people
    names = tuple(f"copy{i}" for i in range(9))
    found = [Finding("copy", names, "9 files", people=tuple(range(9)))]
    shown = Page(page(Inspection(people, statistics(people, {}), found), "title"))
    assert "copy3 and 5 more" in shown.text
    assert len(shown.all("img")) == 4 + AT_RANDOM
