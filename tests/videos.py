"""Made videos whose people are three soft dots each, blue, green and red, on known paths; and a detector of dots."""

from pathlib import Path

import cv2
import numpy as np

from leanpose.media import VideoWriter

HW = (160, 320)
OFFSETS = np.array([(-8, -14), (0, 0), (8, 14)])


def joints(frame: int, person: int) -> np.ndarray:
    """A person's joints (3, 2): one walks right by 2 pixels a frame, the next, further down, by 3."""
    return OFFSETS + np.array([40 + (2 + person) * frame, 40 + 80 * person])


def picture(frame: int, people: int = 2) -> np.ndarray:
    """An image (160, 320, 3)."""
    y, x = np.mgrid[: HW[0], : HW[1]]
    image = np.zeros((*HW, 3))
    for person in range(people):
        for channel, (cx, cy) in enumerate(joints(frame, person)):
            image[..., channel] += 255 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 4.0**2))
    return image.clip(0, 255).round().astype(np.uint8)


def write_video(path: Path, frames: int = 24, people: int = 2, fps: float = 25) -> Path:
    """The pictures as a video."""
    with VideoWriter(path, fps) as writer:
        for number in range(frames):
            writer.write(picture(number, people))
    return path


def write_key_frames(path: Path, frames: int, every: int, fps: int = 25, b_frames: int = 0) -> Path:
    """The pictures as a video with a key frame every so many frames, by PyAV; MPEG-4 Part 2, which has no open GOPs."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "mpeg4", rate=fps, options={"g": str(every), "bf": str(b_frames), "sc_threshold": "0"}
        )
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = *HW, "yuv420p", 2_000_000
        for number in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


class FindDots:
    """A detector of groups of dots. ``calls`` counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.calls += 1
        mask = cv2.dilate((image.max(axis=2) > 100).astype(np.uint8), np.ones((15, 15), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        return np.array([[x, y, x + w, y + h, 0.9] for x, y, w, h, _ in stats[1:]], float).reshape(-1, 5)
