"""Frames a second of the page for browsers, for one person at 640x480, in headless Chromium on this machine.

``python benchmarks/browser.py --modules DIR`` writes the page, lets Chromium's fake camera, of 30 frames a second, show
the cameraman of ``examples/`` who moves about, and prints what the page says of itself after some seconds. DIR is a
folder in which ``npm ci`` was run with src/leanpose/web/package*.json.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from leanpose.export.web import export_web
from moving_picture import write_y4m

DRIVER = Path(__file__).parents[1] / "tests" / "web" / "browser.js"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=Path, required=True, metavar="DIR")
    parser.add_argument("--models", nargs="+", default=["nano"])
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--one-thread", action="store_true", help="Without the headers that give threads.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page, film = Path(folder, "page"), Path(folder, "person.y4m")
        export_web(page, asked.models, runtime=asked.modules)
        write_y4m(film)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
        for model in asked.models:
            task = {
                "do": "camera", "seconds": asked.seconds, "y4m": str(film), "model": model,
                "isolated": not asked.one_thread, "chromium": asked.chromium,
            }  # fmt: skip
            command = ["node", str(DRIVER), str(page), str(asked.modules), json.dumps(task)]
            shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            threads = shown["threads"].partition(":")[0]
            stages = ", ".join(f"{name} {value}" for name, value in shown["figures"].items())
            print(f"{model}, {threads}, {shown['label']}: {stages}")


if __name__ == "__main__":
    main()
