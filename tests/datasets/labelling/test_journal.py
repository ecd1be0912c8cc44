"""What a run that was ended leaves behind, and how it is taken up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import DatasetError
from leanpose.datasets.labelling.journal import Journal

CONFIGURATION = {"teachers": ["a"], "rules": {"least": 0.2}, "pair": (1, 2)}


def record(name, people=0):
    return {"file_name": name, "width": 10, "height": 20, "people": [{"bbox": [1, 2, 3, 4]}] * people}


def written(path, names):
    with Journal(path, CONFIGURATION) as journal:
        for name in names:
            journal.add(record(name))
    return path.read_bytes()


def test_records_are_there_again(tmp_path):
    path = tmp_path / "new" / "labels.journal.jsonl"
    written(path, ["a", "b/ü.png"])
    again = Journal(path, CONFIGURATION)
    assert again.records == {"a": record("a"), "b/ü.png": record("b/ü.png")}
    again.add(record("c"))
    again.close()
    assert list(Journal(path, CONFIGURATION).records) == ["a", "b/ü.png", "c"]


def test_a_record_is_in_the_file_before_the_next_one(tmp_path):
    journal = Journal(tmp_path / "j", CONFIGURATION)
    for count, name in enumerate(("a", "b", "c"), start=1):
        journal.add(record(name))
        assert len(Journal(tmp_path / "j", CONFIGURATION).records) == count
    journal.close()


@given(st.data())
def test_cut_off_anywhere_it_goes_on_as_if_nothing_were(tmp_path_factory, data):
    """Whole records before the cut stay, and with the missing ones the file is what it would have been."""
    path = tmp_path_factory.mktemp("j") / "j"
    whole = written(path, ["a", "b", "c"])
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    journal = Journal(path, CONFIGURATION)
    assert len(journal.records) == max(whole[:cut].count(b"\n") - 1, 0)
    for name in ("a", "b", "c"):
        if name not in journal.records:
            journal.add(record(name))
    journal.close()
    if cut < len(whole):
        assert path.read_bytes() == whole


def test_another_configuration_is_refused_and_what_differs_is_named(tmp_path):
    before = written(tmp_path / "j", ["a"])
    other = CONFIGURATION | {"rules": {"least": 0.3}}
    with pytest.raises(DatasetError, match=r'rules: \{"least": 0\.2\}, now \{"least": 0\.3\}.*--overwrite') as caught:
        Journal(tmp_path / "j", other)
    assert "teachers" not in str(caught.value)
    assert (tmp_path / "j").read_bytes() == before


@pytest.mark.parametrize("damage", ["junk\n", "[1]\n", '{"no": "configuration"}\n'])
def test_something_else_is_no_journal(tmp_path, damage):
    (tmp_path / "j").write_text(damage)
    with pytest.raises(DatasetError, match="line 1: not a journal"):
        Journal(tmp_path / "j", CONFIGURATION)


def test_a_damaged_line_is_named(tmp_path):
    whole = written(tmp_path / "j", ["a", "b"]).decode().splitlines()
    (tmp_path / "j").write_text("\n".join([whole[0], "{", whole[2], ""]))
    with pytest.raises(DatasetError, match="line 2"):
        Journal(tmp_path / "j", CONFIGURATION)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        Journal(tmp_path / "file" / "j", CONFIGURATION).add(record("a"))
    assert json.loads(written(tmp_path / "j", ["a"]).splitlines()[1]) == record("a")
