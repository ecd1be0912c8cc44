"""The committed list of reproductions says what the committed pages say."""

import json
import re
from pathlib import Path

import pytest

from lab.reproduce import REPRODUCTIONS
from lab.reproduce.index import index

FOLDER = Path(__file__).parents[3] / "docs" / "reproduction"


def test_committed_list_is_up_to_date():
    assert (FOLDER / "README.md").read_text() == index(FOLDER)


@pytest.mark.parametrize("stored", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_verdict_and_figure_of_a_page_is_in_its_data(stored):
    assert stored.stem in REPRODUCTIONS
    data, page = json.loads(stored.read_text()), stored.with_suffix(".md").read_text()
    listed = (FOLDER / "README.md").read_text()
    for claim in data["claims"]:
        assert f"**{claim['verdict']}**: {claim['statement']}" in page
        assert f"**{claim['verdict']}**: {claim['statement']}" in listed
    for row in data["rows"]:
        for values in row["measured"].values():
            mean = sum(values) / len(values)
            shown = f"{mean:.4g}" if len(values) == 1 else f"{mean:.1f} ±"
            assert shown in page
    assert all((FOLDER / picture).exists() for picture in re.findall(r"\]\((\S+\.png)\)", page))
