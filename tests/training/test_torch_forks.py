"""PyTorch's networks in other processes: OpenMP's threads stay behind at a fork, and nothing waits for them."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from leanpose.models import create_model
from leanpose.training.checkpoint import AnsweringNet
from leanpose.training.recipes import Recipe
from leanpose.training.torch_engine import TorchEngine

from ..processes import in_child


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.usefixtures("two_threads")
def test_a_forked_process_computes_what_its_parent_does(small_recipe: Recipe) -> None:
    torch.manual_seed(0)
    network = create_model(small_recipe.model, 14, **small_recipe.model_args)
    engine = TorchEngine(AnsweringNet(network, small_recipe).eval(), small_recipe.input_hw)
    batch = np.random.default_rng(0).normal(size=(4, 3, 64, 64)).astype(np.float32)
    expected = engine(batch)
    np.testing.assert_allclose(in_child("fork", engine, batch), expected, atol=1e-5)
    np.testing.assert_array_equal(engine(batch), expected)
