"""Broken pictures, videos and text through their readers: how many, faults, the slowest, and the most memory.

    python benchmarks/campaign_inputs.py --pictures 10000 --videos 500 --texts 1000 --minutes 15

Each kind runs in a process of its own, so that a crash or a memory of gigabytes is seen and named. A fault is an
exception that is none of leanpose's own, a crash, over 10 s, or over 1 GB more than the process had. Exit status 1
where there is one; the seed of each fault is printed, and ``--seed N --KIND 1`` runs it again.
"""

import argparse
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SECONDS, MEGABYTES = 10.0, 1000
KINDS = ("pictures", "videos", "texts")


def broken(data: bytes, draw: random.Random) -> bytes:
    """The data with bytes changed, cut off, cut out, doubled, or with large numbers where lengths may be."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        at, size = draw.randrange(len(changed)), draw.choice((1, 4, 4, 64))
        what = draw.randrange(6)
        if what == 0:
            changed[at : at + size] = draw.randbytes(size)
        elif what == 1:
            changed[at : at + 4] = draw.choice(
                (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4))
            )
        elif what == 2 and len(changed) > 64:
            del changed[at : at + size]
        elif what == 3:
            changed[at:at] = changed[at : at + size]
        elif what == 4:
            changed[at] ^= 1 << draw.randrange(8)
        elif draw.random() < 0.2 and at > 16:
            del changed[at:]
    return bytes(changed)


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


def texts() -> tuple[list[tuple[str, bytes]], Callable[[str, Path], object]]:
    from leanpose.core.boxes import read_boxes
    from leanpose.engines.card import ModelCard
    from leanpose.engines.zoo import FOLDER
    from leanpose.pose.reading import read_json
    from leanpose.pose.skeleton import COCO17
    from leanpose.pose.skeleton_files import load_skeleton

    boxes = json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}])
    header = {"schema": "leanpose.poses", "version": 1, "skeleton": {"name": "a", "joints": ["b"], "limbs": []}}
    person = {"id": None, "box": [0, 0, 5, 5], "score": 0.5, "keypoints": [[1, 2, 0.5]]}
    poses = header | {"images": [{"source": "a", "height": 9, "width": 9, "people": [person]}]}
    readers: dict[str, tuple[bytes, Callable[[Path], object]]] = {
        ".card.json": ((FOLDER / "nano.json").read_bytes(), ModelCard.load),
        ".skeleton.json": (json.dumps(COCO17.to_dict()).encode(), load_skeleton),
        ".skeleton.toml": (b'joints = ["a", "b"]\nlimbs = [["a", "b"]]\nflips = []\n', load_skeleton),
        ".boxes.json": (boxes.encode(), read_boxes),
        ".boxes.csv": (b"file,x1,y1,x2,y2,score\na.jpg,1,2,30,40,0.5\n", read_boxes),
        ".poses.json": (json.dumps(poses).encode(), read_json),
    }
    return [(kind, data) for kind, (data, _) in readers.items()], lambda kind, path: readers[kind][1](path)


def run(kind: str, count: int, seed: int, minutes: float) -> None:
    """One kind, in this process; prints a line of JSON for each fault and one at the end."""
    from leanpose.core.errors import LeanposeError

    files, read = {"pictures": pictures, "videos": videos, "texts": texts}[kind]()
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    done = refused = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + count):
            if time.monotonic() - begin > 60 * minutes:
                break
            draw = random.Random(number)
            name, data = draw.choice(files)
            path = Path(folder) / f"x{name}"
            path.write_bytes(broken(data, draw))
            print(json.dumps({"at": number}), flush=True)
            start, fault = time.process_time(), None
            try:
                read(name, path)
            except LeanposeError:
                refused += 1
            except Exception as error:  # what this campaign is for
                fault = f"{type(error).__name__}: {error!s:.100}"
            took = time.process_time() - start
            fault = fault or (f"{took:.1f} s" if took > SECONDS else None)
            if fault:
                print(json.dumps({"fault": f"{kind} {name}, seed {number}: {fault}"}), flush=True)
            done, slowest = done + 1, max(slowest, took)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"done": done, "refused": refused, "slowest": slowest, "more": more}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind, count in zip(KINDS, (10_000, 500, 1000), strict=True):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=15, help="for all kinds together")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    minutes = options.minutes / len(KINDS)
    if options.child:
        run(options.child, getattr(options, options.child), options.seed, minutes)
        return 0
    print(f"{'kind':10s}{'inputs':>8s}{'refused':>9s}{'faults':>8s}{'slowest':>10s}{'peak more':>11s}")
    all_faults: list[str] = []
    for kind in KINDS:
        count = str(getattr(options, kind))
        child = [sys.executable, __file__, "--child", kind, f"--{kind}", count, "--seed", str(options.seed)]
        child += ["--minutes", str(options.minutes)]
        done = subprocess.run(child, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        faults = [line["fault"] for line in lines if "fault" in line]
        end = lines[-1] if lines and "done" in lines[-1] else None
        if end is None:
            faults.append(
                f"{kind}: the process ended with status {done.returncode} at {lines[-1] if lines else 'start'}"
            )
            end = {"done": len(lines), "refused": 0, "slowest": 0.0, "more": 0.0}
        elif end["more"] > MEGABYTES:
            faults.append(f"{kind}: {end['more']:,.0f} MB more than the process had")
        slowest, more = f"{end['slowest']:.2f} s", f"{end['more']:,.0f} MB"
        print(f"{kind:10s}{end['done']:8d}{end['refused']:9d}{len(faults):8d}{slowest:>10s}{more:>11s}", flush=True)
        all_faults += faults
    print(*all_faults, sep="\n")
    return 1 if all_faults else 0


if __name__ == "__main__":
    sys.exit(main())
