"""Findings in order."""

from leanpose.datasets.inspection.findings import GRADES, KINDS, Finding, by_kind, sort_findings


def test_errors_come_first_and_the_worst_first_among_a_kind() -> None:
    found = [
        Finding("tiny", ("a",), "", 1.0),
        Finding("leak", ("b",), "", 1.0),
        Finding("sides", ("c",), "", 2.0),
        Finding("sides", ("d",), "", 5.0),
        Finding("sides", ("a",), "", 2.0),
    ]
    ordered = sort_findings(found)
    assert [f.names[0] for f in ordered] == ["b", "d", "a", "c", "a"]
    assert [f.grade for f in ordered] == ["error", "warning", "warning", "warning", "note"]
    assert {kind: len(members) for kind, members in by_kind(ordered).items()} == {"leak": 1, "sides": 3, "tiny": 1}


def test_kinds_are_listed_by_grade() -> None:
    grades = [GRADES.index(kind.grade) for kind in KINDS.values()]
    assert grades == sorted(grades)
