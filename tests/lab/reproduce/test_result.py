import json
import re

import numpy as np
import pytest

from lab.reproduce.result import Claim, Result, Row, spread

RESULT = Result(
    "some_table",
    "A title",
    "A paper, Table I",
    [
        Row("first", {"PCKh": 88.0}, {"PCK": [50.0, 52.0, 54.0]}),
        Row("second", {"PCKh": 87.5, "AP": 1.0}, missing="no data"),
    ],
    [Claim("first is better", "cannot tell", "one seed")],
    {"data": "lsp"},
    ["some_table.png"],
    ["A note."],
)


def test_spread_is_mean_and_sample_deviation():
    assert spread([50.0, 52.0, 54.0]) == f"52.0 ± {np.std([50, 52, 54], ddof=1):.1f} (3 seeds)"
    assert spread([3.25]) == "3.25"


def test_page_has_every_figure_in_its_row_and_column():
    lines = [line for line in RESULT.markdown().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in cells}) == 1
    head = cells[0]
    first, second = dict(zip(head, cells[2], strict=True)), dict(zip(head, cells[3], strict=True))
    assert first["PCKh, published"] == "88"
    assert first["PCK, measured"].startswith("52.0 ± 2.0")
    assert first["AP, published"] == ""
    assert second["AP, published"] == "1"
    assert second["PCK, measured"] == ""
    assert second["not measured because"] == "no data"


def test_page_and_json_hold_the_same(tmp_path):
    page = RESULT.write(tmp_path)
    stored = json.loads((tmp_path / "some_table.json").read_text())
    text = page.read_text()
    assert stored["rows"][0]["measured"]["PCK"] == [50.0, 52.0, 54.0]
    assert stored["claims"][0]["verdict"] == "cannot tell"
    assert re.search(r"\*\*cannot tell\*\*: first is better", text)
    assert "![some_table](some_table.png)" in text
    assert text.rstrip().endswith("- A note.")


@pytest.mark.parametrize("part", ["rows", "claims", "figures", "notes", "setting"])
def test_page_without_a_part_has_no_heading_for_it(part):
    from dataclasses import replace

    page = replace(RESULT, **{part: {} if part == "setting" else ()}).markdown()
    heading = {"rows": "## Published", "claims": "## Claims", "figures": "![", "notes": "## Notes", "setting": "- data"}
    assert heading[part] not in page
