"""Whether two ONNX files compute the same, on every engine that is installed."""

from pathlib import Path

import numpy as np

from leanpose.core.errors import ExportError
from leanpose.engines import installed_engines, open_session
from leanpose.engines.card import ModelCard
from leanpose.engines.detector_card import DetectorCard

MAX_ERROR = 1e-4  # of the largest value; the engines' own rounding differs by less
COARSE = 16  # px: detail that excites a trained network


def check_same(path: Path, expected: Path, card: ModelCard | DetectorCard) -> float:
    """The largest difference of any output of two files over its largest value, in float32, on coarse noise.

    Raises:
        ExportError: when it is above 1e-4, or an output has another shape.
    """
    images = coarse_noise(card)
    worst = 0.0
    for engine in installed_engines():
        answers, wanted = (
            session.run({next(iter(session.inputs)): images})
            for session in (open_session(file, engine, precision="f32") for file in (path, expected))
        )
        for name, values in wanted.items():
            same_shape = answers[name].shape == values.shape
            error = (
                float(np.abs(answers[name] - values).max() / max(np.abs(values).max(), 1e-12)) if same_shape else 1.0
            )
            if not error <= MAX_ERROR:  # so that NaN fails too
                raise ExportError(
                    f"{path.name}: output '{name}' differs by {error:.1e} of its largest value on {engine} (at most "
                    f"{MAX_ERROR:.0e}): not written; try the versions of onnx and {engine} in constraints.txt"
                )
            worst = max(worst, error)
    return worst


def coarse_noise(card: ModelCard | DetectorCard, batch: int = 2) -> np.ndarray:
    """Random inputs (batch, 3, H, W) float32 of the size that the card names, in squares of 16 px."""
    if isinstance(card, ModelCard):
        height, width = card.input_hw
    else:
        height = width = -(-card.input_side // card.input_multiple) * card.input_multiple
    shape = (batch, 3, -(-height // COARSE), -(-width // COARSE))
    coarse = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(COARSE, 2).repeat(COARSE, 3)[..., :height, :width])
