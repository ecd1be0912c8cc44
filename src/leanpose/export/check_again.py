"""A network that was written for another program is read again, and has to answer as the file it came from."""

from pathlib import Path

import numpy as np

from leanpose.core.errors import ExportError
from leanpose.engines import open_session
from leanpose.engines.card import ModelCard
from leanpose.engines.detector_card import DetectorCard
from leanpose.export.quantize.parity import coarse_noise

MAX_ERROR = 1e-4  # of the largest value


def check_again(written: Path, source: Path, card: ModelCard | DetectorCard, engine: str) -> float:
    """The largest difference over the largest value, in float32 on one engine, for batches of 1 and 2.

    Args:
        written: a file that the engine reads.
        source: the ONNX file that it was made of. It runs on the same engine, for two engines order a detector's
            equals differently.
        card: of both.
        engine: ``"openvino"`` or ``"onnxruntime"``.

    Raises:
        ExportError: when an output is missing, of another shape, or differs by more than 1e-4.
        EngineError: without that engine.
    """
    before, after = (open_session(file, engine, precision="f32") for file in (source, written))
    fixed = next(iter(before.inputs.values()))[0]
    worst = 0.0
    for batch in (1, 2) if fixed is None else (fixed,):
        images = coarse_noise(card, batch)
        expected, answers = (session.run({next(iter(session.inputs)): images}) for session in (before, after))
        for (name, wanted), given in zip(expected.items(), answers.values(), strict=True):
            fits = given.shape == wanted.shape
            error = float(np.abs(given - wanted).max() / max(np.abs(wanted).max(), 1e-12)) if fits else float("nan")
            if not error <= MAX_ERROR:  # so that NaN fails too
                raise ExportError(
                    f"{written.name}: output '{name}' differs by {error:.1e} of its largest value on {engine} (at most "
                    f"{MAX_ERROR:.0e}): not exported; try the version of {engine} in constraints.txt"
                )
            worst = max(worst, error)
    return worst
