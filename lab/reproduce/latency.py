"""Milliseconds that untrained networks take on this CPU, in turns, so that what else runs there meets all alike."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from leanpose.core.files import write_whole
from leanpose.engines import create_engine
from leanpose.models import create_model
from leanpose.training.recipes import Recipe

TURNS, WARM_UP = 60, 5
JOINTS = 14


def latencies_ms(recipes: Mapping[str, Recipe], kept: Path) -> dict[str, float]:
    """Median milliseconds of one crop through each recipe's network, exported as a trained one, on the default engine.

    ``kept`` holds the runs so far; one in which all of these networks took turns is taken from there, because times
    of different runs do not compare. Delete it to measure anew.
    """
    keys = {label: json.dumps([r.model, dict(r.model_args), r.input_hw]) for label, r in recipes.items()}
    runs: list[dict[str, float]] = json.loads(kept.read_text()) if kept.exists() else []
    found = next((run for run in runs if run.keys() >= set(keys.values())), None)
    if found is None:
        found = _measured({keys[label]: recipe for label, recipe in recipes.items()})
        write_whole(kept, json.dumps([*runs, found], indent=2).encode())
    return {label: found[key] for label, key in keys.items()}


def _measured(recipes: Mapping[str, Recipe]) -> dict[str, float]:
    from leanpose.export.onnx_file import write_onnx
    from leanpose.training.checkpoint import AnsweringNet

    with tempfile.TemporaryDirectory() as folder:
        engines = {}
        for number, (key, recipe) in enumerate(recipes.items()):
            file = Path(folder) / f"{number}.onnx"
            write_onnx(
                AnsweringNet(create_model(recipe.model, JOINTS, **recipe.model_args), recipe), recipe.input_hw, file
            )
            engines[key] = create_engine(file, "auto"), np.zeros((1, 3, *recipe.input_hw), np.float32)
        seconds: dict[str, list[float]] = {key: [] for key in recipes}
        for _ in range(WARM_UP + TURNS):
            for key, (engine, crops) in engines.items():
                start = time.perf_counter()
                engine(crops)
                seconds[key].append(time.perf_counter() - start)
    return {key: 1000 * float(np.median(taken[WARM_UP:])) for key, taken in seconds.items()}
