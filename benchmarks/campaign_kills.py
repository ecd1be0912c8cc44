"""Commands killed at random moments: what they leave is whole or readable as partial, and they can be run again.

    python benchmarks/campaign_kills.py --kills 100 --seed 0

``leanpose predict`` on a folder and on a video into each format, ``label``, ``data pack`` and a tiny ``train`` get
SIGKILL or SIGTERM at a random moment of their run. A fault is a file under its final name that is neither the older
run's nor the new one's whole, a partial file that cannot be read, another exit status than the signal's, a rerun that
does not end as if nothing had been, or what it leaves behind. Unix. Exit status 1 where there is one.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from campaign_results import contents, entries
from campaign_table import Row, Table
from leanpose.core.files import STUB
from leanpose.media import VideoWriter

FORMATS = ("json", "jsonl", "csv", "coco", "coco-dataset", "yolo", "openpose")
PLAYED = ("--model", "nano", "--engine", "onnxruntime", "--threads", "1", "--whole-image")
TRAINING = ("model=softgate_1x64_fast", "input_hw=[64,64]", "batch_size=5", "epochs=3", "warmup_epochs=1")
LONGEST = 120  # seconds of a command


@dataclass(frozen=True)
class Job:
    """A command.

    Attributes:
        arguments: of ``leanpose``, which writes into ``out``.
        older: of the run whose results stand there before; empty for none.
        again: what is added to run it again, by what it left.
        compared: whether two runs of it write the same bytes.
    """

    arguments: list[str]
    older: list[str]
    again: Callable[[Path], list[str]] = lambda out: []
    compared: bool = True


def make_inputs(folder: Path) -> None:
    """24 pictures, 4 of them again, a video of 40 frames and one of 8, and labels of 20 people."""
    rng = np.random.default_rng(0)
    names = ["pictures", "few", "labelled"]
    for name in names:
        (folder / name).mkdir()
    for number in range(24):
        picture = cv2.resize(rng.integers(0, 255, (12, 9, 3), dtype=np.uint8), (90, 120))
        for name in names[: 3 if number < 4 else 1]:
            cv2.imwrite(str(folder / name / f"{number:02d}.png"), picture)
        cv2.imwrite(str(folder / "labelled" / f"{number:02d}.png"), picture)
    for name, count in (("long", 40), ("short", 8)):
        (folder / name).mkdir()
        with VideoWriter(folder / name / "v.mp4", 25) as writer:
            for number in range(count):
                writer.write(np.roll(picture, number, 1))
    from leanpose.pose.skeleton import LSP14

    columns = [f"{joint}_{axis}" for joint in LSP14.joints for axis in "xy"]
    rows = [["file", *columns, "part"]]
    for number in range(20):
        places = rng.uniform(5, 80, 28).round(1).tolist()
        rows.append([f"{number:02d}.png", *map(str, places), "train" if number < 16 else "val"])
    (folder / "labelled" / "l.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")


def jobs(folder: Path, out: Path) -> dict[str, Job]:
    """By name, all of which write into ``out``."""
    found = {}
    for name in FORMATS:
        for what, whole, few in (("folder", "pictures", "few"), ("video", "long/v.mp4", "short/v.mp4")):
            tail = [*PLAYED, "--format", name, "--out", str(out)]
            found[f"predict, {what}, {name}"] = Job(
                ["predict", str(folder / whole), *tail], ["predict", str(folder / few), *tail]
            )
    label = ["label", str(folder / "pictures"), "--teacher", "nano", "--engine", "onnxruntime", "--threads", "1"]
    found["label"] = Job([*label, "--out", str(out / "labels.json")], [])
    labels = f"csv:{folder}/labelled/l.csv"
    pack = ["data", "pack", "--data", labels, "--out", str(out / "pack"), "--overwrite"]
    found["data pack"] = Job(pack, [*pack, "--quality", "20"])
    train = [
        "train",
        "softgate_lsp",
        "--data",
        labels,
        "--accelerator",
        "cpu",
        "--workers",
        "0",
        "--out",
        str(out / "run"),
    ]
    for setting in TRAINING[:-1]:
        train += ["--set", setting]
    found["train"] = Job(
        train, [], lambda out: ["--resume"] if list((out / "run").glob("last*.ckpt")) else [], compared=False
    )
    return found


def run(arguments: list[str], seconds: float | None = None, how: int = 0) -> tuple[int, str]:
    """Exit status and what was said; ``seconds`` after which it gets the signal ``how``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "leanpose", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if seconds is not None:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(how)
    try:
        said = process.communicate(timeout=LONGEST)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return 1, f"hangs for {LONGEST} s"
    return process.returncode, said


class Trials:
    """What is measured once of each job: its older results, its new ones, and how long it takes."""

    def __init__(self, name: str, job: Job, out: Path, kept: Path) -> None:
        self.name, self.job, self._out, self._older = name, job, out, kept / "older"
        if job.older:
            self._succeed(job.older)
            shutil.move(out, self._older)
        begin = time.monotonic()
        self._succeed(job.arguments)
        self.seconds = time.monotonic() - begin
        self.new = contents(out)
        shutil.rmtree(out)

    def _succeed(self, arguments: list[str]) -> None:
        status, said = run(arguments)
        if status:
            raise SystemExit(f"{self.name} does not work unharmed: {said[-500:]}")

    def kill(self, draw: random.Random, how: signal.Signals) -> str | None:
        """One run that is killed, and the next one; what was wrong in words."""
        if self._older.exists():
            shutil.copytree(self._older, self._out)
        before = contents(self._out) if self._out.exists() else {}
        status, said = run(self.job.arguments, draw.uniform(0.2, 1.05) * self.seconds, how)
        done = status == 0
        allowed = {0, -how, 128 + how} if how == signal.SIGTERM else {0, -how}
        fault = None if status in allowed else f"it ended with {status}: {said[-200:]}"
        fault = fault or self._left(before, done)
        if fault is None:
            status, said = run([*self.job.arguments, *self.job.again(self._out)])
            fault = f"the rerun ended with {status}: {said[-300:]}" if status else self._rerun()
        shutil.rmtree(self._out, ignore_errors=True)
        return fault

    def _left(self, before: dict[str, bytes], done: bool) -> str | None:
        """What is wrong with what a killed run left."""
        for name, data in (contents(self._out) if self._out.exists() else {}).items():
            if any(STUB.fullmatch(part) for part in Path(name).parts):
                continue
            if ".partial" in name or (name not in before and self.job.compared and data != self.new.get(name)):
                try:
                    entries(self._out / name)
                except Exception as error:  # whatever its reader says
                    return f"{name} cannot be read: {type(error).__name__}: {error!s:.100}"
            elif self.job.compared and name in before and data not in (before[name], self.new.get(name)):
                return f"{name} is neither the older run's nor whole"
        missing = set(before) - set(contents(self._out))
        if missing and not done and missing != set(before) - set(self.new):
            return f"{', '.join(sorted(missing))} of the older run is gone"
        return None

    def _rerun(self) -> str | None:
        found = contents(self._out)
        found = {name: data for name, data in found.items() if ".partial" not in name}  # is for the user to take away
        stubs = [name for name in found if any(STUB.fullmatch(part) for part in Path(name).parts)]
        if stubs:
            return f"the rerun left {stubs[0]}"
        if self.job.compared and found != self.new:
            wrong = sorted(name for name in {*found, *self.new} if found.get(name) != self.new.get(name))
            return f"after the rerun {wrong[0]} is another than without a kill"
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--job", action="append", help="only this one; repeat for more")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=8)
    options = parser.parse_args()
    begin, table = time.monotonic(), Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        wanted = {k: v for k, v in jobs(folder, folder / "out").items() if not options.job or k in options.job}
        for number, (kind, job) in enumerate(wanted.items()):
            kept = folder / f"kept{number}"
            kept.mkdir()
            trials, faults, slowest, count = Trials(kind, job, folder / "out", kept), [], 0.0, 0
            for seed in range(options.seed + number, options.seed + options.kills, len(wanted)):
                share = 60 * options.minutes * (number + 1) / len(wanted)
                if time.monotonic() - begin > share and count:
                    break
                draw, start = random.Random(seed), time.monotonic()
                how = signal.SIGKILL if count % 2 else signal.SIGTERM
                fault = trials.kill(draw, how)
                faults += [f"{kind}, seed {seed}, {how.name}: {fault}"] if fault else []
                slowest, count = max(slowest, time.monotonic() - start), count + 1
            table.add(Row(kind, count, slowest=slowest, faults=faults))
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
