"""Running a recipe: loaders, callbacks, logs and checkpoints around the Lightning trainer."""

import ctypes
import errno
import logging
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from leanpose.core.errors import TrainingError, TrainingStoppedError
from leanpose.core.quiet import quiet
from leanpose.core.stopping import exit_status
from leanpose.datasets.readers import Sample
from leanpose.datasets.readers.scenes import Scene, read_scenes
from leanpose.pose.skeleton_files import find_skeleton
from leanpose.training.checkpoint import Stored
from leanpose.training.clock import TrainingClock
from leanpose.training.data.augment import Augmentation
from leanpose.training.data.dataset import CropDataset, EpochSampler, collate, epoch_loader
from leanpose.training.data.scene_dataset import SceneDataset, collate_scenes
from leanpose.training.freezing import FrozenBackbone
from leanpose.training.keeping import SAVE_EVERY, KeptWithinEpochs, StopSignals, WholeFiles
from leanpose.training.module import PoseModule, RecipeModule
from leanpose.training.people import training_people
from leanpose.training.person_module import PersonModule
from leanpose.training.processes import is_lost_process, share_batch_norms
from leanpose.training.progress import spoken
from leanpose.training.progress_bar import TimedProgressBar, TrainingProgressBar
from leanpose.training.recipes import Recipe
from leanpose.training.resuming import BEST, LAST, holds_training, make_last, newest_whole
from leanpose.training.transfer import start_detector_with, start_with

LOG = logging.getLogger(__name__)
ANSWER_WITHIN = timedelta(minutes=10)  # of the processes of one training to each other
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a full disk, or one's share of it, says


@quiet()
def train(
    recipe: Recipe,
    data: list[str],
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    workers: int = 1,
    accelerator: str = "auto",
    devices: int = 1,
    max_epochs: int | None = None,
    progress: bool = True,
    compiled: bool = False,
    budget: float | None = None,
    save_every: float = SAVE_EVERY,
    started: float | None = None,
    nodes: int = 1,
) -> Path:
    """Train a recipe on ``KIND:PATH`` datasets and return the path of the best checkpoint.

    ``out`` receives ``last.ckpt`` and ``best.ckpt`` (by validation PCK, a detector's by its validation loss),
    ``logs/version_N/metrics.csv`` for each start and TensorBoard events. Where no dataset has a validation part, a
    tenth of the training images is held out. SIGINT, SIGTERM and SIGHUP end the training after the step that it is in.
    The ``last.ckpt`` before the last stays beside it as ``last.before.ckpt``.

    Args:
        resume: go on from ``out/last.ckpt``, exactly as if the training had not stopped there. Where that is damaged,
            go on from the newest checkpoint that is whole, and say so.
        start_from: ``.ckpt`` or ``.safetensors`` whose weights the network starts with, on a fresh schedule; of a
            network of other joints those that both know are kept.
        workers: loader processes.
        max_epochs: stop after this many epochs without changing the schedule; the rest can be resumed.
        compiled: run the network through ``torch.compile``, which takes minutes at each new crop size and gains where
            much stands between convolutions: measure it first. Needs a C++ compiler. Checkpoints are the same.
        budget: seconds that the training has, reading of the data, validations and earlier starts included. The
            recipe's schedule is stretched to end with them, whatever its number of epochs.
        save_every: seconds after which ``last.ckpt`` is written within an epoch, too.
        devices, nodes: processes on each machine, and machines. They share each batch of the recipe and validate
            together, so that the result is that of one process but for rounding.
        started: when, by ``time.monotonic()``, the time began to count; now if not given.

    Raises:
        TrainingError: when one of several processes ends or does not answer, when the batch does not divide by them,
            when ``out`` holds a training and ``resume`` is off, when there is none to resume or it was
            another one, when a part of the data is empty or unreadable, when the accelerator is not there, when
            loss or gradient are not finite on many batches in succession, or when the disk is full, where what was
            written before stays. After a signal it is TrainingStoppedError.
        DatasetError: when a dataset cannot be read.
        ModelError: when a checkpoint or weights cannot be read or do not fit.
    """
    clock = TrainingClock(recipe.epochs, budget, start=started)
    last = out / LAST
    if holds_training(out) and not resume:
        raise TrainingError(f"{out} already holds a training: resume it, or name another folder")
    if resume and start_from:
        raise TrainingError(f"either resume {out} or start from {start_from} in another folder, not both")
    newest = newest_whole(out) if resume else None
    if recipe.starts_from and not (start_from or resume):
        raise TrainingError(
            f"recipe {recipe.name} goes on from a network of {recipe.starts_from}: name its checkpoint with --from, or "
            "start from nothing with --set starts_from=null"
        )
    keep_freed_memory()
    L.seed_everything(recipe.seed, verbose=False)
    train_set, val_set = _people(recipe, data) if recipe.task == "pose" else _scenes(recipe, data)
    if not train_set or not val_set:
        counts = f"{len(train_set)} training and {len(val_set)} validation samples"
        raise TrainingError(f"{', '.join(data)}: {counts}; both are needed")
    datasets = sorted({entry.dataset for entry in train_set})
    names = [entry.name for entry in train_set]
    if newest is not None:
        path, stored = newest
        _check_same(path, stored, recipe, datasets, budget)
        if rank_zero_only.rank == 0:
            make_last(path)
        if stored.finished:
            return out / BEST
        clock.go_on(stored.progress)
    module = _module(recipe, train_set, datasets, names, start_from)
    module.schedule = None if budget is None else clock.epoch
    if compiled:
        module.model.compile(dynamic=False)
    signals = StopSignals()
    score, mode = ("val_pck", "max") if recipe.task == "pose" else ("val_loss", "min")
    callbacks: list[L.Callback] = [
        clock,
        ModelCheckpoint(
            out, filename="best", monitor=score, mode=mode, save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
        # "last" has a callback of its own: save_last would write it only when "best" improves. It comes second, so
        # that it keeps the best score of this very epoch, which a resumed run has to beat.
        ModelCheckpoint(out, filename="last", save_on_train_epoch_end=True, enable_version_counter=False),
        KeptWithinEpochs(last, signals, save_every),
        LearningRateMonitor("epoch"),
    ]  # fmt: skip
    if recipe.frozen_epochs:
        callbacks.append(FrozenBackbone(recipe.frozen_epochs, module.schedule))
    if recipe.patience:
        callbacks.append(EarlyStopping(score, mode=mode, patience=recipe.patience))
    if recipe.ema:
        callbacks.append(EMAWeightAveraging(decay=recipe.ema))
    if progress:
        callbacks.append(TrainingProgressBar() if budget is None else TimedProgressBar(clock))
    world = devices * nodes
    if world > 1 and recipe.frozen_epochs:
        raise TrainingError("frozen_epochs: layers that thaw are trained by one process alone: set frozen_epochs=0")
    if recipe.batch_size % world:
        raise TrainingError(
            f"a batch of {recipe.batch_size} does not divide by {world} processes, which share it: set batch_size to "
            f"{-(-recipe.batch_size // world) * world}"
        )
    try:
        trainer = L.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=DDPStrategy(timeout=ANSWER_WITHIN) if world > 1 else "auto",
            precision="bf16-mixed",
            max_epochs=_most_epochs(recipe, max_epochs, budget),
            limit_train_batches=recipe.epoch_batches,
            gradient_clip_val=recipe.clip_norm,
            callbacks=callbacks,
            plugins=[WholeFiles()],
            logger=[CSVLogger(out, name="logs"), TensorBoardLogger(out, name="", version="tensorboard")],
            default_root_dir=out,
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=50,
            use_distributed_sampler=False,
        )
    except (MisconfigurationException, ValueError) as error:
        raise TrainingError(f"cannot train on {devices} x accelerator '{accelerator}': {error}") from error
    if world > 1:
        share_batch_norms(module.model)
    train_loader = _loader(recipe, train_set, True, workers, trainer, clock)
    if not len(train_loader):
        raise TrainingError(
            f"{len(train_set)} training samples do not fill a batch of {recipe.batch_size}: lower batch_size"
        )
    val_loader = _loader(recipe, val_set, False, workers, trainer, clock)
    with signals, warnings.catch_warnings():
        # it asks for a loader that goes on within an epoch in a way of its own; ours does by its sampler
        warnings.filterwarnings("ignore", "You're resuming from a checkpoint that ended before the epoch ended")
        try:
            trainer.fit(module, train_loader, val_loader, ckpt_path=last if resume else None, weights_only=True)
        except SIGTERMException as error:
            message = f"stopped by SIGTERM: {last} goes on from where it was written when resumed"
            raise TrainingStoppedError(message, exit_status(signal.SIGTERM)) from error
        except OSError as error:
            if error.errno not in FULL:
                raise
            kept = f"then resume: {last} is whole" if holds_training(out) else "nothing was written before it"
            raise TrainingError(f"cannot write into {out}: {error.strerror}; make room, {kept}") from error
        except RuntimeError as error:
            if world == 1 or not is_lost_process(error):
                raise
            kept = f", and resume: {last} is whole" if holds_training(out) else ""
            raise TrainingError(
                f"one of the {world} processes of the training ended, or did not answer for "
                f"{ANSWER_WITHIN.seconds // 60} minutes; its own "
                f"output says why: start all of them again{kept}"
            ) from error
    return out / BEST


def _most_epochs(recipe: Recipe, max_epochs: int | None, budget: float | None) -> int:
    """-1 for as many as the time allows."""
    if budget is not None:
        return -1 if max_epochs is None else max_epochs
    return recipe.epochs if max_epochs is None else min(max_epochs, recipe.epochs)


def _check_same(last: Path, stored: Stored, recipe: Recipe, datasets: list[str], budget: float | None) -> None:
    """Refuses to go on with another recipe or other data: the result would be neither training."""
    changed = [
        f"{field.name} was {before!r}, is {now!r}"
        for field in fields(Recipe)
        if field.name not in ("open_choices", "departures")
        and (before := getattr(stored.recipe, field.name)) != (now := getattr(recipe, field.name))
    ]
    if stored.datasets != datasets:
        changed.append(f"data was {' and '.join(stored.datasets)}, is {' and '.join(datasets)}")
    if stored.progress.budget != budget:
        before, now = ("none" if time is None else spoken(time) for time in (stored.progress.budget, budget))
        changed.append(f"the time for all of it was {before}, is {now}")
    if changed:
        raise TrainingError(
            f"{last} belongs to another training ({'; '.join(changed)}): resume with the same, or start a new training "
            "from its weights in another folder"
        )


def _people(recipe: Recipe, data: list[str]) -> tuple[list[Sample], list[Sample]]:
    return training_people(data, find_skeleton(recipe.skeleton) if recipe.skeleton else None, recipe.people)


def _scenes(_recipe: Recipe, data: list[str]) -> tuple[list[Scene], list[Scene]]:
    return read_scenes(data, "train"), read_scenes(data, "val")


def _module(
    recipe: Recipe,
    train_set: Sequence[Sample] | Sequence[Scene],
    datasets: list[str],
    names: list[str],
    start_from: Path | None,
) -> RecipeModule:
    first = train_set[0]
    if isinstance(first, Scene):
        detector = PersonModule(recipe.to_dict(), datasets, names)
        if start_from:
            start_detector_with(detector.model, start_from)
        return detector
    module = PoseModule(recipe.to_dict(), first.skeleton.to_dict(), datasets, names)
    if start_from:
        start_with(module.model, recipe, module.skeleton, start_from)
    return module


def _loader(
    recipe: Recipe, entries: list[Any], training: bool, workers: int, trainer: L.Trainer, clock: TrainingClock
) -> DataLoader[Any]:
    size = recipe.input_at if training else recipe.input_hw
    repeats = [recipe.repeats.get(entry.dataset, 1) if training else 1 for entry in entries]
    if recipe.task == "person":
        mean = recipe.mean if recipe.color == "bgr" else recipe.mean[::-1]
        changes = recipe.augmentation if training else None
        dataset = SceneDataset(entries, repeats, size, changes, mean, recipe.seed)
        collate_fn = collate_scenes
    else:
        augmentation = recipe.augmentation if training else Augmentation()
        dataset = CropDataset(entries, size, recipe.padding, augmentation, recipe.seed)
        collate_fn = collate
    timed = training and clock.budget is not None
    share = recipe.batch_size // trainer.world_size
    sampler = EpochSampler(
        repeats, recipe.seed, training, trainer.global_rank, trainer.world_size,
        clock.epoch if timed else None, share,
    )  # fmt: skip
    if training:
        sampler.go_on(clock.progress.epoch, clock.progress.batch)
    return epoch_loader(dataset, sampler, share, workers, training, collate_fn)


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next batch instead of handing it back to the system.

    Training on a CPU otherwise spends up to half of its time on page faults for large activations.
    """
    if sys.platform != "linux":
        return
    m_trim_threshold, m_mmap_max = -1, -4
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallopt") and libc.mallopt(m_mmap_max, 0) and libc.mallopt(m_trim_threshold, 2**31 - 1)):
        LOG.info("this C library takes no mallopt: training may be slower")
