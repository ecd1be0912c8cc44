"""Seconds by stage, on a clock that moves only when told to."""

import pytest

from leanpose.core.stopwatch import Stopwatch


def test_a_stage_inside_another_is_taken_off_it() -> None:
    now = [50.0]
    watch = Stopwatch(lambda: now[0])
    with watch("all"):
        now[0] += 1
        for _ in range(3):
            with watch("look"):
                now[0] += 10
                with watch("blink"):
                    now[0] += 100
            now[0] += 2
    with watch("look"):
        now[0] += 1000
    assert watch.seconds == {"blink": 300, "look": 1030, "all": 7}


def test_what_fails_took_its_time_too() -> None:
    now = [0.0]
    watch = Stopwatch(lambda: now[0])

    def fail() -> None:
        with watch("outer"), watch("inner"):
            now[0] += 4
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with watch("outer"):
        now[0] += 1
    assert watch.seconds == {"inner": 4, "outer": 1}
