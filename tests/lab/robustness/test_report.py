"""What is shown of a measurement, and pages that keep what others wrote around it."""

import math
import re
from pathlib import Path

import pytest

from lab.robustness.distortions import DISTORTIONS
from lab.robustness.report import explained, rows, write_robustness
from lab.robustness.robustness import Effect, Robustness, Subject
from leanpose.core.errors import BenchmarkError

PAGE = Path(__file__).parents[3] / "docs/robustness.md"


@pytest.fixture
def found() -> Robustness:
    def subject(name: str, shift: float) -> Subject:
        effects = (
            Effect("grey", 40, 1400, 80.0, 78.04 + shift, -3.0, -0.04),
            Effect("cut-lower-50", 0, 0, math.nan, math.nan, math.nan, math.nan),
        )
        return Subject(name, f"model {name}, flip test off", 80.0 + shift, 75.0, 85.0, effects)

    models = (subject("small", 0), subject("a|<b>", 5))
    return Robustness(
        "PCK@0.2 of the torso, mean of joints", "hull", 40, 1500, models, "lsp test", "leanpose robustness"
    )


def test_a_line_a_distortion_and_two_columns_a_model(found: Robustness) -> None:
    heading, clean, grey, cut = rows(found)
    assert heading == ["", "joints", "small", "difference (95 %)", "a|<b>", "difference (95 %)"]
    assert clean == ["as they are", "1,500", "80.0", "(75.0 to 85.0)", "85.0", "(75.0 to 85.0)"]
    # -0.04 is 0.0 when rounded, and no less
    assert grey == ["grey", "1,400", "78.0", "-2.0 (-3.0 to +0.0)", "83.0", "+3.0 (-3.0 to +0.0)"]
    assert cut == ["cut-lower-50", "0", "-", "-", "-", "-"]


def test_every_distortion_is_explained() -> None:
    text = " ".join(names for names, _ in explained())
    for name in DISTORTIONS:
        kind, _, level = name.rpartition("-")
        assert f"`{name}`" in text or re.search(rf"`{kind}-\d+`[^a-z]*`-{level}`", text), name
    assert all("{" not in what for _, what in explained())


def test_a_page_keeps_what_stands_around_the_marks(tmp_path: Path, found: Robustness) -> None:
    page = tmp_path / "page.md"
    before = "# Mine\n\n\\1 text\n\n<!-- begin: results -->\noutdated\n<!-- end: results -->\n\nthe end\n"
    page.write_text(before)
    for _ in range(2):  # a second time over the first
        write_robustness(found, page)
        text = page.read_text()
        assert text.startswith("# Mine\n\n\\1 text\n\n<!-- begin: results -->\n`leanpose robustness`\n")
        assert text.endswith("<!-- end: results -->\n\nthe end\n")
        assert text.count("| grey | 1,400 | 78.0 | -2.0 (-3.0 to +0.0) | 83.0 |") == 1
        assert "| a\\|<b> |" in text
        assert "outdated" not in text
    write_robustness(found, tmp_path / "new.md")
    assert "| `grey` |" in (tmp_path / "new.md").read_text()


def test_a_page_without_marks_and_other_formats_are_refused(tmp_path: Path, found: Robustness) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Mine: `<!-- begin: results -->`\n")
    with pytest.raises(BenchmarkError, match="begin: results"):
        write_robustness(found, page)
    assert page.read_text() == "# Mine: `<!-- begin: results -->`\n"
    with pytest.raises(BenchmarkError, match=r"\.json, \.md, \.html"):
        write_robustness(found, tmp_path / "r.txt")


def test_a_web_page_escapes_what_models_are_called(tmp_path: Path, found: Robustness) -> None:
    write_robustness(found, tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert "<b>" not in text
    assert text.count("a|&lt;b&gt;") >= 3
    assert '<th scope="row">grey</th><td>1,400</td><td>78.0</td>' in text


def test_the_documented_page_says_what_the_code_does() -> None:
    text = PAGE.read_text()
    for names, what in explained():
        assert f"| {names} | {what} |" in text
    report = PAGE.with_suffix(".json")
    found = Robustness.load(report)
    for line in rows(found)[1:]:
        assert " | ".join(line) in text, f"{report} and the page differ"
