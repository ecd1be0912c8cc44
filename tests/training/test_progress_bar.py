"""What the terminal shows of a training of limited time."""

from typing import Any, cast

import pytest
from lightning.pytorch.callbacks import RichProgressBar

from leanpose.training.clock import TrainingClock
from leanpose.training.progress_bar import TimedProgressBar, TrainingProgressBar


def test_the_bar_says_how_much_time_is_left() -> None:
    bar = TimedProgressBar(TrainingClock(10, 90.0, now=lambda: 60.0, start=0.0))
    assert bar._get_train_description(3).strip() == "Epoch 3, 30 s left"
    late = TimedProgressBar(TrainingClock(10, 90.0, now=lambda: 100.0, start=0.0))
    assert late._get_train_description(4).strip() == "Epoch 4, 0 s left"


def test_lightning_asks_it() -> None:
    """It is a method that Lightning does not promise to keep."""
    assert "_get_train_description" in RichProgressBar.on_train_epoch_start.__code__.co_names


def test_the_run_s_number_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RichProgressBar, "get_metrics", lambda *_: {"v_num": "oard", "val_pck": 52.9})
    bar = TrainingProgressBar()
    assert bar.get_metrics(cast(Any, None), cast(Any, None)) == {"val_pck": 52.9}
