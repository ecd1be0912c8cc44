"""Videos whose frames carry their number in the picture, and a watch on threads that are left over."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before] == []


@pytest.fixture
def numbered() -> Callable[..., np.ndarray]:
    """Makes image ``number``: ten black or white bars across the upper half are its bits, lowest on the left; below
    is noise that drifts, so that compressed frames are not empty. Every turn and mirror of it differs."""
    noise = np.random.default_rng(0).integers(60, 180, (480, 2000, 3), np.uint8)

    def make(number: int, height: int = 96, width: int = 160) -> np.ndarray:
        image = noise[:height, number % 1000 : number % 1000 + width].copy()
        for bit, bar in enumerate(np.array_split(image[: height // 2], 10, axis=1)):
            bar[:] = 255 * (number >> bit & 1)
        return image

    return make


@pytest.fixture
def number_of() -> Callable[[np.ndarray], int]:
    """Reads the number out of an image, from the middle of each bar."""

    def read(image: np.ndarray) -> int:
        upper = image[: image.shape[0] // 2]
        bars = [bar[4:-4, 4:-4].mean() for bar in np.array_split(upper, 10, axis=1)]
        assert all(mean < 60 or mean > 195 for mean in bars), f"not a whole frame: {bars}"
        return sum(int(mean > 128) << bit for bit, mean in enumerate(bars))

    return read


@pytest.fixture
def make_video(numbered: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Writes numbered frames with PyAV alone, at the given ``ticks`` of ``time_base``."""
    av = pytest.importorskip("av")

    def make(
        path: Path,
        count: int = 30,
        codec: str = "libx264",
        ticks: list[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        hw: tuple[int, int] = (96, 160),
        **options: Any,
    ) -> Path:
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream(codec, rate=25, options={"bf": "2"} if codec == "libx264" else {})
            stream.height, stream.width = hw
            stream.pix_fmt = "yuv420p"
            stream.bit_rate = 2_000_000
            stream.codec_context.gop_size = 10
            stream.codec_context.time_base = time_base
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(numbered(number, *hw), format="bgr24")
                frame.pts = ticks[number] if ticks else number
                frame.time_base = time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
