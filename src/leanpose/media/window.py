"""A window that shows frames as they come, by Python's own tkinter: OpenCV's headless build has none."""

import time
from contextlib import suppress
from typing import Any, Self

import cv2
import numpy as np

from leanpose.core.errors import VideoError

CLOSING_KEYS = ("<q>", "<Escape>")
ROOM = 0.9  # of the screen that a frame may take


class Window:
    """Inside its ``with`` block there is a window; q, Esc or its own button close it.

    Attributes:
        open: whether nobody has closed it.
    """

    def __init__(self, title: str) -> None:
        """Open it.

        Raises:
            VideoError: when this Python has no tkinter, or there is no display.
        """
        try:
            import tkinter
        except ImportError as error:
            raise VideoError(
                "no window to show frames in: this Python has no tkinter (Debian and Ubuntu: apt install python3-tk); "
                "or write a video with --draw"
            ) from error
        try:
            self._root: Any = tkinter.Tk(className="leanpose")
        except tkinter.TclError as error:
            raise VideoError(f"no window to show frames in: {error}; write a video with --draw instead") from error
        self._photo_of = tkinter.PhotoImage
        self._fault = tkinter.TclError
        self._root.title(title)
        self._label: Any = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._root.protocol("WM_DELETE_WINDOW", self._shut)
        for key in CLOSING_KEYS:
            self._root.bind(key, lambda _: self._shut())
        self.open = True
        self._began: float | None = None

    def show(self, image: np.ndarray, at: float | None = None) -> bool:
        """Show a BGR image (H, W, 3), made smaller where the screen is, and say whether the window is still open.

        Args:
            at: seconds since the first frame at which it is due; an earlier call waits. None shows it at once.
        """
        self._wait_until(at)
        if not self.open:
            return False
        try:
            image = self._fitted(image)
            header = b"P6 %d %d 255\n" % (image.shape[1], image.shape[0])
            photo = self._photo_of(data=header + cv2.cvtColor(image, cv2.COLOR_BGR2RGB).tobytes(), format="PPM")
            self._label.configure(image=photo)
            self._label.image = photo  # tkinter keeps none itself
            self._root.update()
        except self._fault:  # the display is gone
            self.open = False
        return self.open

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(self._fault):  # the display may be gone
            self._root.destroy()

    def _shut(self) -> None:
        self.open = False

    def _wait_until(self, at: float | None) -> None:
        if at is None:
            return
        if self._began is None:
            self._began = time.monotonic() - at
        while self.open and (left := self._began + at - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))
            self._root.update()

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        room = ROOM * self._root.winfo_screenwidth(), ROOM * self._root.winfo_screenheight()
        zoom = min(room[0] / image.shape[1], room[1] / image.shape[0], 1.0)
        if zoom == 1:
            return image
        size = max(1, round(zoom * image.shape[1])), max(1, round(zoom * image.shape[0]))
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
