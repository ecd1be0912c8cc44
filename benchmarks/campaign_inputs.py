"""Broken pictures, videos, and text and arrays through their readers: how many, faults, slowest, and most memory.

    python benchmarks/campaign_inputs.py --pictures 10000 --videos 500 --texts 2000

Each kind runs in a process of its own, so that a crash or a memory of gigabytes is seen and named. A fault is an
exception that is none of leanpose's own, a crash, over 10 s, or over 1 GB more than the process had. Exit status 1
where there is one; the seed of each fault is printed, and ``--kind KIND --seed N --texts 1`` runs it again.
"""

import argparse
import io
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from campaign_mutations import broken
from campaign_table import Row, Table
from campaign_text_files import Case, cases

SECONDS, MEGABYTES = 10.0, 1000
HANGS = 60  # seconds, after which a process is ended
MOST_CRASHES = 20


def pictures() -> tuple[list[tuple[str, bytes]], Callable[[str, Path], object]]:
    import cv2
    import numpy as np

    from leanpose.media import load_image

    image = cv2.resize(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8), (160, 120))
    flags = {
        ".jpg": ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 7]),
        **{suffix: ([],) for suffix in (".png", ".webp", ".bmp", ".gif", ".tif")},
    }
    files = [
        (suffix, cv2.imencode(suffix, image, list(o))[1].tobytes()) for suffix, all_ in flags.items() for o in all_
    ]
    return files, lambda _, path: load_image(path, lenient=path.stat().st_size % 2 == 0)


def videos() -> tuple[list[tuple[str, bytes]], Callable[[str, Path], object]]:
    import av
    import numpy as np

    from leanpose.media import open_video

    files = []
    codecs = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx", ".avi": "mpeg4", ".ts": "mpeg2video"}
    for suffix, codec in codecs.items():
        buffer = io.BytesIO()
        kind = {".mkv": "matroska", ".ts": "mpegts"}.get(suffix, suffix[1:])
        with av.open(buffer, "w", format=kind) as out:
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
            for number in range(24):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(noise, number, 1), format="bgr24")))
            out.mux(stream.encode(None))
        files.append((suffix, buffer.getvalue()))

    def read(_: str, path: Path) -> None:
        with open_video(path) as video:
            for _frame in video:
                pass

    return files, read


def run(kind: str, count: int, seed: int, minutes: float) -> None:
    """One kind, in this process; prints a line of JSON for each fault and one at the end."""
    from leanpose.core.errors import LeanposeError

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attempt = _media(kind, folder) if kind in MEDIA else _text(cases(folder)[kind]())
        begin = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = refused = 0
        slowest = 0.0
        for number in range(seed, seed + count):
            if time.monotonic() - begin > 60 * minutes:
                break
            print(json.dumps({"at": number}), flush=True)
            read = attempt(random.Random(number))
            signal.alarm(HANGS)
            start, fault = time.process_time(), None
            try:
                read()
            except LeanposeError:
                refused += 1
            except Exception as error:  # what this campaign is for
                fault = f"{type(error).__name__}: {error!s:.100}"
            took = time.process_time() - start
            signal.alarm(0)
            fault = fault or (f"{took:.1f} s" if took > SECONDS else None)
            if fault:
                print(json.dumps({"fault": f"{kind}, seed {number}: {fault}"}), flush=True)
            done, slowest = done + 1, max(slowest, took)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"done": done, "refused": refused, "slowest": slowest, "more": more}), flush=True)


def _media(kind: str, folder: Path) -> Callable[[random.Random], Callable[[], object]]:
    files, read = MEDIA[kind]()

    def attempt(draw: random.Random) -> Callable[[], object]:
        name, data = draw.choice(files)
        path = folder / f"x{name}"
        path.write_bytes(broken(data, draw))
        return lambda: read(name, path)

    return attempt


def _text(case: Case) -> Callable[[random.Random], Callable[[], object]]:
    whole = case.file.read_bytes()
    case.read()  # what is not broken is read

    def attempt(draw: random.Random) -> Callable[[], object]:
        case.file.write_bytes(draw.choice(case.ways)(whole, draw))
        case.seal()
        return case.read

    return attempt


MEDIA = {"pictures": pictures, "videos": videos}


def kinds() -> list[str]:
    """Pictures, videos, and every kind of text and arrays."""
    return [*MEDIA, *cases(Path())]


def measure(kind: str, count: int, seed: int, minutes: float) -> Row:
    """A kind in processes of its own: after one that crashed the next goes on behind what crashed it."""
    end, faults, done, refused, slowest, more = seed + count, [], 0, 0, 0.0, 0.0
    while seed < end:
        child = [sys.executable, __file__, "--child", kind, "--count", str(end - seed), "--seed", str(seed)]
        child += ["--minutes", str(minutes)]
        ended = subprocess.run(child, capture_output=True, text=True, errors="replace")
        lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
        faults += [line["fault"] for line in lines if "fault" in line]
        if lines and "done" in lines[-1]:
            done, refused = done + lines[-1]["done"], refused + lines[-1]["refused"]
            slowest, more = max(slowest, lines[-1]["slowest"]), max(more, lines[-1]["more"])
            break
        at = next((line["at"] for line in reversed(lines) if "at" in line), None)
        faults.append(f"{kind}, seed {at}: the process ended with {ended.returncode} {ended.stderr[-200:]!r}")
        if at is None or len(faults) > MOST_CRASHES:
            break
        done, seed = done + at + 1 - seed, at + 1
    if more > MEGABYTES:
        faults.append(f"{kind}: {more:,.0f} MB more than the process had")
    return Row(kind, done, refused, slowest, more, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=500)
    parser.add_argument("--texts", type=int, default=2000, help="of each kind")
    parser.add_argument("--kind", action="append", help="only this one; repeat for more")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=4, help="for each kind, at most")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run(options.child, options.count, options.seed, options.minutes)
        return 0
    table = Table()
    for kind in options.kind or kinds():
        count = {"pictures": options.pictures, "videos": options.videos}.get(kind, options.texts)
        table.add(measure(kind, count, options.seed, options.minutes))
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
