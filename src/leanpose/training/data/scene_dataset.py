"""Scenes for a loader: pictures that :mod:`scene_canvas` composes, with boxes of unequal number in a batch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from leanpose.core import geometry
from leanpose.core.errors import DatasetError
from leanpose.datasets.readers.scenes import Scene
from leanpose.training.data.augment import Augmentation, change_colour
from leanpose.training.data.dataset import Batch, Key, Size, read_key
from leanpose.training.data.scene_canvas import Canvas, compose

Item = tuple[Canvas, int]


class SceneDataset(Dataset[Item | DatasetError]):
    """Composed pictures, addressed by (epoch, index, turn) so that every epoch and turn shows others.

    Args:
        scenes: what the pictures are made of.
        repeats: how often each scene is drawn, relative to the others, to stand beside another.
        size: height and width, alike, of the picture in pixels, or a function from the point of the schedule, in
            epochs, to it.
        augmentation: colour changes, or None for each scene as a detector sees it: whole, at the top left.
        surround: what is around a scene, BGR: the mean that the network's input is less.
        seed: of all randomness; the same (seed, epoch, index, turn) always gives the same picture.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        repeats: Sequence[int],
        size: Size | Callable[[float], Size],
        augmentation: Augmentation | None,
        surround: Sequence[float],
        seed: int = 0,
    ) -> None:
        self.scenes = scenes
        self.pool = np.repeat(np.arange(len(scenes)), repeats)
        self.size = size
        self.augmentation = augmentation
        self.surround = surround
        self.seed = seed

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, key: Key) -> Item | DatasetError:
        """The picture and its scene's index; or, as a value, the error of an image that cannot be read."""
        epoch, index, turn, at = read_key(key)
        rng = np.random.default_rng((self.seed, epoch, index, turn))
        side = max(self.size(at) if callable(self.size) else self.size)
        scene = self.scenes[index]
        try:
            image = scene.load_image()
        except DatasetError as error:
            return error
        canvas = Canvas.empty(side, self.surround)
        if self.augmentation is None:
            zoom = side / max(image.shape[:2])
            transform = geometry.resize_transform(zoom)
            canvas.place(image, scene, transform, np.array([0.0, 0.0, side, side]))
            return canvas, index
        compose(canvas, (image, scene), lambda: self._draw(rng), rng)
        change_colour(canvas.pixels, self.augmentation, rng)
        return canvas, index

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, Scene] | None:
        scene = self.scenes[rng.choice(self.pool)]
        try:
            return scene.load_image(), scene
        except DatasetError:
            return None  # it is reported where it comes first


def collate_scenes(items: Sequence[Item | DatasetError]) -> Batch:
    """Batch of the items that could be read; without any, only the last two entries.

    Returns:
        ``images`` (B, 3, S, S) uint8 in channels_last memory, ``boxes`` and ``ignored``: lists of B tensors (N, 4) in
        pixels, ``uncertain`` (B, S, S), ``index`` (B,) of the scenes, and ``unreadable``.
    """
    unreadable = [str(item) for item in items if isinstance(item, DatasetError)]
    read = [item for item in items if not isinstance(item, DatasetError)]
    if not read:
        return {"index": torch.empty(0, dtype=torch.long), "unreadable": unreadable}
    canvases, indices = zip(*read, strict=True)
    return {
        "images": torch.from_numpy(np.stack([canvas.pixels for canvas in canvases])).permute(0, 3, 1, 2),
        "boxes": [_tensor(canvas.boxes) for canvas in canvases],
        "ignored": [_tensor(canvas.ignored) for canvas in canvases],
        "uncertain": torch.from_numpy(np.stack([canvas.uncertain for canvas in canvases])),
        "index": torch.tensor(indices),
        "unreadable": unreadable,
    }


def _tensor(boxes: list[np.ndarray]) -> Any:
    return torch.from_numpy(np.array(boxes, dtype=np.float32).reshape(-1, 4))
