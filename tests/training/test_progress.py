"""Times as people write and read them, and what a training says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import TrainingError
from leanpose.training.progress import Progress, parse_time, spoken


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_times_add_up(hours: int, minutes: int, seconds: int) -> None:
    text = "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n)
    total = 3600 * hours + 60 * minutes + seconds
    if total:
        assert parse_time(text) == total


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("90m", 5400), ("2h", 7200), ("1.5h", 5400), ("0.5s", 0.5)])
def test_times_by_hand(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "0h0m", "90", "-5m", "5 m", "m", "1m2h", "nans", "1e3s", "2hours", "1:30"])
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(TrainingError, match=r"write it as 45s, 90m, 2h or 1h30m"):
        parse_time(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3569, "59 min"), (3571, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_times_are_said_to_the_unit_that_matters(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_a_training_says_how_far_it_came() -> None:
    assert str(Progress(14.3712, 14, 12, 5345.0)) == "14.37 epochs in 1 h 29 min"
    assert str(Progress(1.0, 1)) == "1 epoch"
    assert Progress(1.0, 1, seconds=5400.0).hours == 1.5
    assert Progress(1.0, 1).hours is None
