"""The loader's order and its independence of worker processes."""

import collections
import dataclasses
import itertools
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from leanpose.core.errors import DatasetError
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, EpochSampler, collate, epoch_loader
from leanpose.training.recipes import softgate_lsp

AUGMENTATION = Augmentation(rotation=30, scale=0.2, flip=0.5, colour=0.2)


def _samples(count: int) -> list[Sample]:
    rng = np.random.default_rng(0)
    samples = []
    for i in range(count):
        image = cv2.imencode(".png", rng.integers(0, 255, (40, 40, 3), np.uint8))[1].tobytes()
        keypoints = rng.uniform(5, 35, size=(14, 2))
        samples.append(
            Sample("made", f"made/{i}", image, keypoints, np.ones(14, bool), np.array([0.0, 0, 39, 39]), LSP14)
        )
    return samples


def test_every_index_comes_as_often_as_it_is_repeated() -> None:
    repeats = [1, 3, 0, 2]
    sampler = EpochSampler(repeats, seed=5)
    assert len(sampler) == 6
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {e for e, _, _ in keys} == {epoch}
        assert sorted(keys) == [(epoch, *draw) for draw in ((0, 0), (1, 0), (1, 1), (1, 2), (3, 0), (3, 1))]


def test_epochs_differ_and_repeat_exactly() -> None:
    sampler, again = EpochSampler([1] * 50, seed=1), EpochSampler([1] * 50, seed=1)
    first = list(sampler)
    sampler.set_epoch(1)
    assert [i for _, i, _ in sampler] != [i for _, i, _ in first]
    assert list(again) == first


def test_processes_share_a_validation_and_leave_nobody_out() -> None:
    parts = [[i for _, i, _ in EpochSampler([1] * 10, 2, False, rank, world_size=3)] for rank in range(3)]
    assert {len(part) for part in parts} == {4}
    counts = collections.Counter(i for part in parts for i in part)
    assert set(counts) == set(range(10))
    assert sum(counts.values()) == 12


@pytest.mark.parametrize("count", [10, 12, 13, 23])
@pytest.mark.parametrize("world_size", [2, 3])
def test_the_batches_of_all_processes_are_those_of_one(count: int, world_size: int) -> None:
    """As sets: batch by batch, with the draws that fill none left out, as the loader does."""

    def batches(rank: int, of: int) -> list[list[int]]:
        drawn = [i for _, i, _ in EpochSampler([1] * count, seed=2, rank=rank, world_size=of)]
        share = 6 // of
        return [drawn[start : start + share] for start in range(0, len(drawn) - share + 1, share)]

    of_all = zip(*(batches(rank, world_size) for rank in range(world_size)), strict=True)
    together = [sorted(itertools.chain(*parts)) for parts in of_all]
    assert together == [sorted(batch) for batch in batches(0, 1)]


def test_batches_do_not_depend_on_the_number_of_workers() -> None:
    samples = _samples(6)
    batches = []
    for workers in (0, 2):
        dataset = CropDataset(samples, (32, 32), 1.25, AUGMENTATION, seed=3)
        sampler = EpochSampler([1] * 6, seed=3)
        sampler.set_epoch(4)
        batches.append(list(epoch_loader(dataset, sampler, 4, workers, drop_last=False)))
    for a, b in zip(*batches, strict=True):
        for key in ("images", "points", "labelled", "index"):
            assert torch.equal(a[key], b[key]), key


def test_crops_change_with_the_epoch_and_its_size() -> None:
    dataset = CropDataset(_samples(1), lambda epoch: (32, 32) if epoch == 0 else (64, 64), 1.25, AUGMENTATION)
    assert dataset[0, 0][0].shape == (32, 32, 3)
    assert dataset[1, 0][0].shape == (64, 64, 3)
    assert not np.array_equal(dataset[1, 0][0], dataset[2, 0][0])
    assert np.array_equal(dataset[2, 0][0], dataset[2, 0][0])


def test_images_that_cannot_be_read_are_left_out_and_named() -> None:
    """In the process itself and from workers; a batch of nothing else still says which they were."""
    samples = _samples(6)
    for broken in (1, 4, 5):
        samples[broken] = dataclasses.replace(samples[broken], image=b"no image")
    for workers in (0, 1):
        dataset = CropDataset(samples, (32, 32), 1.25, AUGMENTATION)
        batches = list(epoch_loader(dataset, EpochSampler([1] * 6, shuffle=False), 2, workers, drop_last=False))
        assert [b["index"].tolist() for b in batches] == [[0], [2, 3], []]
        assert [len(b["unreadable"]) for b in batches] == [1, 0, 2]
        assert any(message.startswith("made/4: not a readable image") for message in batches[2]["unreadable"])
        assert batches[0]["images"].shape == (1, 3, 32, 32)


def test_workers_start_after_opencv_has_used_its_threads() -> None:
    """In a process of its own, because one that hangs cannot be ended from within."""
    code = """
import cv2, time, numpy as np
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, EpochSampler, epoch_loader
from leanpose.datasets.readers import Sample
from leanpose.pose.skeleton import LSP14
cv2.setNumThreads(4)
cv2.resize(np.zeros((3000, 3000, 3), np.uint8), (2000, 2000))  # starts the pool
time.sleep(1)  # until its threads wait for more
image = cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))[1].tobytes()
sample = Sample("made", "made/0", image, np.ones((14, 2)), np.ones(14, bool), np.array([0.0, 0, 31, 31]), LSP14)
dataset = CropDataset([sample], (32, 32), 1.25, Augmentation())
for batch in epoch_loader(dataset, EpochSampler([1]), 2, 1, drop_last=False):
    print(batch["images"].shape[0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip() == "1", run.stderr


def test_datasets_reach_workers_that_are_not_forked() -> None:
    """Where workers are started afresh (macOS, Windows) the dataset is pickled."""
    samples = _samples(2)
    for size in ((32, 32), dataclasses.replace(softgate_lsp(), input_hw=(32, 32), early_share=0.0).input_at):
        dataset = CropDataset(samples, size, 1.25, AUGMENTATION)
        again = pickle.loads(pickle.dumps(dataset))
        assert np.array_equal(again[3, 1][0], dataset[3, 1][0])


def test_collate_gives_channels_last_uint8_images() -> None:
    dataset = CropDataset(_samples(3), (32, 48), 1.25, Augmentation())
    batch = collate([dataset[0, i] for i in range(3)])
    assert batch["images"].shape == (3, 3, 32, 48)
    assert batch["images"].dtype == torch.uint8
    assert batch["images"].is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(batch["images"][1].permute(1, 2, 0).numpy(), dataset[0, 1][0])
    assert batch["index"].tolist() == [0, 1, 2]


def test_mosaics_show_other_people_at_the_edges() -> None:
    """Each person a picture of one grey, so that a crop tells whose pictures it shows."""
    levels = range(10, 250, 10)
    samples = [
        dataclasses.replace(
            sample, image=cv2.imencode(".png", np.full((40, 40, 3), level, np.uint8))[1].tobytes(),
            box=np.array([5.0, 5, 34, 34]), keypoints=np.full((14, 2), 19.5),
        )
        for sample, level in zip(_samples(len(levels)), levels, strict=True)
    ]  # fmt: skip
    alone, sometimes = (CropDataset(samples, (32, 32), 1.25, Augmentation(mosaic=share)) for share in (0, 0.5))
    composed = 0
    for index, level in enumerate(levels):
        assert np.unique(alone[0, index][0]).tolist() == [level]
        crop, _, labelled, _ = sometimes[0, index]
        assert labelled.all()
        assert crop[16, 16, 0] == level
        assert (crop == level).mean() >= 0.47
        composed += len(np.unique(crop)) > 1
    assert 5 <= composed <= 19


def test_a_mosaic_of_a_picture_that_cannot_be_read_names_it() -> None:
    samples = _samples(2)
    samples[1] = dataclasses.replace(samples[1], image=b"no image")
    dataset = CropDataset(samples, (32, 32), 1.25, Augmentation(mosaic=1))
    answers = [dataset[epoch, 0] for epoch in range(8)]
    errors = [answer for answer in answers if isinstance(answer, DatasetError)]
    assert errors
    assert all("made/1" in str(error) for error in errors)


def test_a_batch_says_what_each_joint_counts() -> None:
    samples = _samples(3)
    samples[1] = dataclasses.replace(samples[1], confidence=np.linspace(0, 1, 14))
    samples[2] = dataclasses.replace(samples[2], labelled=np.arange(14) > 6, confidence=np.full(14, 0.25))
    batch = collate([CropDataset(samples, (32, 32), 1.5, Augmentation())[0, i] for i in range(3)])
    assert batch["weights"].dtype == torch.float32
    expected = torch.tensor([[1.0] * 14, [k / 13 for k in range(14)], [0.0] * 7 + [0.25] * 7])
    torch.testing.assert_close(batch["weights"], expected)
    assert batch["labelled"].equal(expected > 0)
