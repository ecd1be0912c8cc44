"""Trained networks as they are, run by PyTorch: checkpoints and safetensors where a model is wanted."""

from pathlib import Path

import numpy as np
import torch

from leanpose.core.forks import Home
from leanpose.engines import Ready
from leanpose.engines.card import ModelCard
from leanpose.training.checkpoint import AnsweringNet
from leanpose.training.trained import open_trained


class TorchEngine:
    """A trained network as an inference engine, on the CPU in float32.

    In a forked process it, and all of PyTorch, computes on one thread: the others stayed in the process before.
    """

    name = "torch"
    precision = "f32"
    takes_pixels = False
    share: int | None = None

    def __init__(self, net: AnsweringNet, input_hw: tuple[int, int]) -> None:
        self.net = net
        self.input_shape = (None, 3, *input_hw)
        self._home = Home()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        if self._home.left:
            torch.set_num_threads(1)
            self._home = Home()
        with torch.inference_mode():
            return self.net(torch.from_numpy(batch)).numpy()

    def submit(self, batch: np.ndarray) -> Ready:
        return Ready(self(batch))

    def describe(self) -> str:
        return f"{self.name} {self.precision}"


def open_weights(path: Path) -> tuple[TorchEngine, ModelCard]:
    """A ``.ckpt``, or ``.safetensors`` with its card beside it, as the estimator needs it: an engine and a card.

    Raises:
        ModelError: as :func:`leanpose.training.trained.open_trained` does.
    """
    trained = open_trained(str(path))
    return TorchEngine(trained.net, trained.card.input_hw), trained.card
