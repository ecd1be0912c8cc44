"""Charts as SVG."""

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from leanpose.datasets.inspection.charts import HEAT, SPAN, count_bars, histogram, pose_picture
from leanpose.datasets.inspection.people import gather
from leanpose.datasets.inspection.statistics import distribution
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14, Skeleton


def test_bars_are_as_high_as_their_counts() -> None:
    svg = ElementTree.fromstring(count_bars([0, 5, 10], "people <by> joints"))
    assert svg.get("aria-label") == "people <by> joints"
    heights = [float(rect.get("height", "nan")) for rect in svg.iter("rect")]
    assert heights[0] == 0
    assert heights[2] == 2 * heights[1]
    assert [title.text for title in svg.iter("title")] == ["0: 0", "1: 5", "2: 10"]


def test_a_histogram_names_its_range() -> None:
    values = distribution(np.arange(101.0))
    assert values is not None
    svg = ElementTree.fromstring(histogram(values, "side"))
    assert svg.get("aria-label") == "side: median 50, from 0 to 100"
    assert [text.text for text in svg.iter("text")] == ["0", "49.5", "99+"]


def test_the_mean_person_stands_where_people_do(crowd: list[Sample]) -> None:
    """Against means computed joint by joint."""
    svg = ElementTree.fromstring(pose_picture(gather({"train": crowd})))
    circles = [(float(c.get("cx", "nan")), float(c.get("cy", "nan"))) for c in svg.iter("circle")]
    expected = np.zeros((14, 2))
    for sample in crowd:
        side = max(sample.box[2] - sample.box[0], sample.box[3] - sample.box[1])
        expected += (sample.keypoints - sample.keypoints.mean(axis=0)) / side / len(crowd)
    assert np.abs(np.array(circles) - (expected / SPAN + 0.5) * HEAT).max() < 0.1
    sides = [circle.get("class") for circle in svg.iter("circle")]
    assert sides == [j.partition("_")[0] if "_" in j[:6] and j != "head_top" else "middle" for j in LSP14.joints]
    image = next(svg.iter("image"))
    assert (image.get("href") or "").startswith("data:image/png;base64,")


def test_joints_that_nobody_has_and_hostile_names(person: Callable[..., Sample]) -> None:
    names = tuple(f'<b>&"{k}' for k in range(14))
    skeleton = Skeleton("x", names, ((names[0], names[1]),), flippable=False)
    one = replace(person(0), skeleton=skeleton, labelled=np.arange(14) < 1)
    svg = ElementTree.fromstring(pose_picture(gather({"train": [one]})))
    assert [title.text for title in svg.iter("title")] == [f"{names[0]}, 1 of 1"]
    nobody = replace(one, labelled=np.zeros(14, bool))
    assert not list(ElementTree.fromstring(pose_picture(gather({"train": [nobody]}))).iter("circle"))
