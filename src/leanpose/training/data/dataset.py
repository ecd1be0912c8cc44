"""Training samples for a loader: augmented crops, drawn in an order that depends on seed and epoch alone."""

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from leanpose.core.errors import DatasetError
from leanpose.core.stopping import stop_signals
from leanpose.datasets.readers import Sample
from leanpose.training.data.augment import Augmentation, augmented_crop, lay_mosaic

Batch = dict[str, Any]
Item = tuple[np.ndarray, np.ndarray, np.ndarray, int]
Size = tuple[int, int]
# epoch, index, which of its draws in the epoch (the first if not said), and the point of the recipe's schedule, in
# epochs (the epoch if not said)
Key = tuple[int, int] | tuple[int, int, int] | tuple[int, int, int, float]


def read_key(key: Key) -> tuple[int, int, int, float]:
    """All four entries of a key."""
    epoch, index, turn, at = (*key, *(0, key[0])[len(key) - 2 :])
    return int(epoch), int(index), int(turn), at


class CropDataset(Dataset[Item | DatasetError]):
    """Augmented crops of samples, addressed by (epoch, index, turn) so that every epoch and turn shows other crops.

    Args:
        samples: people to crop.
        input_hw: crop size in pixels, or a function from the point of the schedule, in epochs, to it.
        padding: side of the crop over the side of the person's box.
        augmentation: what to change at random.
        seed: of all randomness; the same (seed, epoch, index, turn) always gives the same crop.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        input_hw: Size | Callable[[float], Size],
        padding: float,
        augmentation: Augmentation,
        seed: int = 0,
    ) -> None:
        self.samples = samples
        self.input_hw = input_hw
        self.padding = padding
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key) -> Item | DatasetError:
        """Crop, points, weights and index; or, as a value, the error of an image that cannot be read.

        A value, because an error raised in a worker reaches the trainer as a traceback and ends the training.
        """
        epoch, index, turn, at = read_key(key)
        input_hw = self.input_hw(at) if callable(self.input_hw) else self.input_hw
        rng = np.random.default_rng((self.seed, epoch, index, turn))
        mosaic = self.augmentation.mosaic
        try:
            crop, points, weights = self._crop(index, input_hw, rng)
            if mosaic and rng.random() < mosaic:
                others = [self._crop(int(other), input_hw, rng)[0] for other in rng.integers(len(self.samples), size=3)]
                weights = weights * lay_mosaic(crop, points, others, rng)
        except DatasetError as error:
            return error
        return crop, points, weights, index

    def _crop(self, index: int, input_hw: Size, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sample = self.samples[index]
        return augmented_crop(
            sample.load_image(), sample.keypoints, sample.weights, sample.box, sample.skeleton,
            input_hw, self.padding, self.augmentation, rng,
        )  # fmt: skip


class EpochSampler(Sampler[Key]):
    """Yields (epoch, index, turn): an epoch has each index with turns from 0 to below ``repeats[index]``.

    The order depends on seed and epoch.

    Under several processes each takes every ``world_size``-th draw of the same order, all equally many. A training
    leaves out the few draws that are over, so that batch by batch all together see what one process sees whose batch is
    as large as theirs together; else, as in a validation, some are drawn twice, so that none is left out.

    Args:
        schedule: the point of the recipe's schedule, in epochs, that is asked for at every ``batch_size``-th draw and
            then is a fourth entry of all draws of that batch; None where it is the epoch.
    """

    def __init__(
        self,
        repeats: Sequence[int],
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        schedule: Callable[[], float] | None = None,
        batch_size: int = 1,
    ) -> None:
        self.schedule, self.batch_size = schedule, batch_size
        self._resumed = (0, 0)
        self.draws = np.array([(index, turn) for index, count in enumerate(repeats) for turn in range(count)])
        self.seed, self.shuffle, self.rank, self.world_size = seed, shuffle, rank, world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before every epoch."""
        self.epoch = epoch

    def go_on(self, epoch: int, batch: int) -> None:
        """Begin with this epoch, and of that epoch leave out so many batches."""
        self.epoch, self._resumed = epoch, (epoch, batch)

    def __len__(self) -> int:
        """Draws of a whole epoch, of this process."""
        return (len(self.draws) if self.shuffle else len(self.draws) + self.world_size - 1) // self.world_size

    def __iter__(self) -> Iterator[Key]:
        order = np.arange(len(self.draws))
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(order)
        mine = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        resumed, batch = self._resumed
        mine = mine[batch * self.batch_size if resumed == self.epoch else 0 :]
        at = 0.0
        for number, (index, turn) in enumerate(self.draws[mine]):
            if self.schedule is None:
                yield self.epoch, int(index), int(turn)
                continue
            if number % self.batch_size == 0:
                at = self.schedule()
            yield self.epoch, int(index), int(turn), at


def collate(items: Sequence[Item | DatasetError]) -> Batch:
    """Batch of the items that could be read; without any, only the last two entries.

    Returns:
        ``images`` (B, 3, H, W) uint8 in channels_last memory, ``points`` (B, J, 2) crop pixels, ``weights`` (B, J)
        what each joint counts and ``labelled`` (B, J) whether that is anything, ``index`` (B,) of the samples, and
        ``unreadable``: what is wrong with each of the images left out.
    """
    unreadable = [str(item) for item in items if isinstance(item, DatasetError)]
    read = [item for item in items if not isinstance(item, DatasetError)]
    if not read:
        return {"index": torch.empty(0, dtype=torch.long), "unreadable": unreadable}
    crops, points, weights, indices = zip(*read, strict=True)
    weights_BJ = torch.from_numpy(np.stack(weights).astype(np.float32))
    return {
        "images": torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2),
        "points": torch.from_numpy(np.stack(points).astype(np.float32)),
        "weights": weights_BJ,
        "labelled": weights_BJ > 0,
        "index": torch.tensor(indices),
        "unreadable": unreadable,
    }


def epoch_loader(
    dataset: Dataset[Any],
    sampler: EpochSampler,
    batch_size: int,
    workers: int,
    drop_last: bool,
    collate_fn: Callable[[Sequence[Any]], Batch] = collate,
) -> DataLoader:
    """A loader of batches as :func:`collate`, or another, makes them.

    With workers, OpenCV is left one thread in this process too.
    """
    if workers:
        # a forked worker hangs in ending the threads of a pool that only its parent has
        _one_thread()
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate_fn,
        drop_last=drop_last,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_become_worker,
    )


def _become_worker(_worker: int) -> None:
    _one_thread()
    # a key pressed to stop reaches all processes of a terminal: the one that trains says when its workers end
    for number in stop_signals():
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _one_thread() -> None:
    """OpenCV's own threads would take the cores that train."""
    cv2.setNumThreads(1)
