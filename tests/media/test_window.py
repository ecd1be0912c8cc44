"""The window for frames, on a display that this test makes up, and on a real one where there is one."""

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from leanpose.core.errors import VideoError
from leanpose.media.window import Window


class Display(ModuleType):
    """Stands in for tkinter: keeps what was shown, decoded by the format's own words, and presses keys."""

    class TclError(Exception):
        pass

    def __init__(self, size: tuple[int, int] = (800, 600)) -> None:
        super().__init__("tkinter")
        self.size, self.shown, self.bound, self.press = size, [], {}, None
        self.updates = self.destroyed = 0
        self.fault: Exception | None = None

    def Tk(self, className: str) -> Any:
        if self.fault:
            raise self.fault
        assert className == "leanpose"
        return self

    def PhotoImage(self, data: bytes, format: str) -> np.ndarray:
        assert format == "PPM"
        header, _, pixels = data.partition(b" 255\n")
        kind, width, height = header.split()
        assert kind == b"P6"
        return np.frombuffer(pixels, np.uint8).reshape(int(height), int(width), 3)

    def Label(self, _root: Any, **_: Any) -> Any:
        return self

    def configure(self, image: np.ndarray) -> None:
        self.shown.append(image)

    def bind(self, key: str, call: Callable[[Any], None]) -> None:
        self.bound[key] = call

    def protocol(self, name: str, call: Callable[[], None]) -> None:
        self.bound[name] = lambda _: call()

    def update(self) -> None:
        self.updates += 1
        if self.press and self.updates >= 3:
            self.bound[self.press](None)

    def destroy(self) -> None:
        self.destroyed += 1

    def title(self, _: str) -> None: ...

    def pack(self) -> None: ...

    def winfo_screenwidth(self) -> int:
        return self.size[0]

    def winfo_screenheight(self) -> int:
        return self.size[1]


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    made = Display()
    monkeypatch.setitem(sys.modules, "tkinter", made)
    return made


def _frame(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_pixels_arrive_as_they_are(display: Display) -> None:
    frame = _frame()
    with Window("a clip") as window:
        assert window.show(frame)
    np.testing.assert_array_equal(display.shown[0], frame[:, :, ::-1])  # BGR here, RGB there
    assert display.destroyed == 1


def test_a_frame_larger_than_the_screen_is_made_smaller(display: Display) -> None:
    with Window("a clip") as window:
        window.show(_frame(1200, 1600))
    height, width, _ = display.shown[0].shape
    assert width <= 800
    assert height <= 600
    assert width / height == pytest.approx(4 / 3, rel=0.01)


@pytest.mark.parametrize("press", ["<q>", "<Escape>", "WM_DELETE_WINDOW"])
def test_a_key_or_its_button_close_it(display: Display, press: str) -> None:
    display.press = press
    with Window("a clip") as window:
        told = [window.show(_frame()) for _ in range(5)]
    assert told == [True, True, False, False, False]
    assert len(display.shown) == 3


def test_a_lost_display_closes_it(display: Display) -> None:
    with Window("a clip") as window:
        display.configure = lambda **_: (_ for _ in ()).throw(Display.TclError("gone"))  # type: ignore[method-assign]
        assert not window.show(_frame())


def test_frames_wait_until_they_are_due(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    with Window("a clip") as window:
        for at in (0.5, 1.0, 1.25):
            window.show(_frame(), at)
            assert clock[0] == pytest.approx(10.0 + at - 0.5)
        clock[0] += 5
        window.show(_frame(), 1.5)  # late: at once
        assert clock[0] == pytest.approx(15.75)


def test_no_display_and_no_tkinter_are_said(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    display.fault = Display.TclError("no display name and no $DISPLAY environment variable")
    with pytest.raises(VideoError, match=r"no display name.*write a video with --draw instead"):
        Window("a clip")
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(VideoError, match=r"has no tkinter.*python3-tk.*--draw"):
        Window("a clip")


def test_a_real_window_opens() -> None:
    pytest.importorskip("tkinter")
    if not os.environ.get("DISPLAY"):
        pytest.skip("there is no display")
    with Window("leanpose's test") as window:
        assert window.show(_frame())
