"""A training in a process of its own, which starts the others: `python -m tests.training.several OPTIONS.json`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from leanpose.core.errors import LeanposeError
from leanpose.training import run
from leanpose.training.data.dataset import CropDataset
from leanpose.training.recipes import Recipe

ROOT = Path(__file__).parents[2]


def start(folder: Path, recipe: Recipe, pack: Path, out: Path, **options: Any) -> subprocess.Popen[str]:
    """Begins it; what each process draws is added to ``out/drawn.RANK``."""
    out.mkdir(exist_ok=True)
    path = folder / f"{out.name}.{len(list(folder.iterdir()))}.json"
    given = {"recipe": recipe.to_dict(), "data": [f"pack:{pack}"], "out": str(out)} | options
    path.write_text(json.dumps(given))
    command = [sys.executable, "-m", "tests.training.several", str(path)]
    environment = {name: value for name, value in os.environ.items() if "RANK" not in name and name != "WORLD_SIZE"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True
    )


def _main(options: dict[str, Any]) -> None:
    rank = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))
    draw = CropDataset.__getitem__
    drawn = Path(options["out"]) / f"drawn.{rank}"
    with drawn.open("a", buffering=1) as file:

        def watched(self: CropDataset, key: Any) -> Any:
            part = "val" if self.augmentation.rotation == 0 else "train"
            file.write(f"{part} {int(key[0])} {int(key[1])}\n")
            return draw(self, key)

        CropDataset.__getitem__ = watched  # type: ignore[method-assign]
        out = Path(options.pop("out"))
        recipe, data = Recipe.from_dict(options.pop("recipe")), options.pop("data")
        (out / f"process.{rank}").write_text(str(os.getpid()))
        precision = options.pop("precision", None)
        if precision:
            trainer = run.L.Trainer
            run.L.Trainer = lambda **given: trainer(**given | {"precision": precision})  # type: ignore[misc]
        run.train(recipe, data, out, accelerator="cpu", workers=0, progress=False, **options)


if __name__ == "__main__":
    try:
        _main(json.loads(Path(sys.argv[1]).read_text()))
    except LeanposeError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
