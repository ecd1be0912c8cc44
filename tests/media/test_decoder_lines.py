"""What decoders print reaches nobody's terminal, and what it says of damage reaches who asked for the picture."""

import io
import os
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

PIXELS = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 3)


def _coded(kind: str, *options: int) -> bytes:
    return cv2.imencode(f".{kind}", PIXELS, options)[1].tobytes()


def _saved(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def _overwritten(data: bytes, at: float, count: int = 40) -> bytes:
    start = int(at * len(data))
    return data[:start] + b"\xa5" * count + data[start + count :]


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(body: bytes, *more: bytes) -> bytes:
    head = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 20, 8, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *more, _png_chunk(b"IDAT", body), _png_chunk(b"IEND", b"")))


def _restarts_broken() -> bytes:
    data = _saved("JPEG", restart_marker_blocks=4)
    at = data.index(b"\xff\xd3") - 20
    return data[:at] + data[at + 12 :]


WHOLE_ROWS = zlib.compress(bytes(61 * 20))
DAMAGED: dict[str, Callable[[], bytes]] = {
    "filter.png": lambda: _png(zlib.compress(b"\x09" * (61 * 20))),
    "stream.png": lambda: _png(_overwritten(WHOLE_ROWS, 0.5, 3)),
    "codes.gif": lambda: _overwritten(_coded("gif"), 0.6),
    "tiles.avif": lambda: _overwritten(_coded("avif"), 0.6),
    "tiles.jp2": lambda: _overwritten(_coded("jp2"), 0.02),
    "lzw.tif": lambda: _overwritten(_coded("tif", cv2.IMWRITE_TIFF_COMPRESSION, 5), 0.5),
    "deflate.tif": lambda: _overwritten(_coded("tif", cv2.IMWRITE_TIFF_COMPRESSION, 8), 0.4),
    "jpeg.tif": lambda: _overwritten(_saved("TIFF", compression="jpeg"), 0.5),
    "progressive.jpg": lambda: _overwritten(_saved("JPEG", progressive=True), 0.8, 10),
    "restarts.jpg": _restarts_broken,
}
WHOLE: dict[str, Callable[[], bytes]] = {
    "short_exif.png": lambda: _png(WHOLE_ROWS, _png_chunk(b"eXIf", b"zz")),
    "palette.png": lambda: _png(WHOLE_ROWS, _png_chunk(b"PLTE", b"xx")),
    "transparency.png": lambda: _png(WHOLE_ROWS, _png_chunk(b"tRNS", b"xxxxxxxxx")),
    "filled.jpg": lambda: _coded("jpg")[:20] + bytes(3) + _coded("jpg")[20:],
    "plain.tif": lambda: _coded("tif"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, make in (DAMAGED | WHOLE).items():
        (pictures / name).write_bytes(make())
    return pictures


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, *map(str, words))
    return subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)


def test_libraries_do_print_of_these(folder: Path) -> None:
    """Else the tests below show nothing."""
    code = "import cv2, sys; [cv2.imread(path, 1) for path in sys.argv[1:]]"
    told = {name for name in DAMAGED | WHOLE if _run("-c", code, folder / name).stderr}
    assert len(told) >= 12, told  # libpng and libjpeg of other versions have other words


def test_the_command_says_it_in_its_own_words_alone(folder: Path) -> None:
    done = _run("-m", "leanpose", "predict", folder, "--whole-image", "--model", "nano", "--out", folder / "out")
    lines = done.stderr.splitlines()
    assert lines.pop() == f"skipped {len(DAMAGED)} of {len(DAMAGED | WHOLE)} images"
    assert {line.partition(": damaged or cut off")[0] for line in lines} == {
        f"skipped: {folder / name}" for name in DAMAGED
    }
    assert "LZWDecode" in done.stderr or "code not yet in table" in done.stderr  # what libtiff said is in our words


def test_lenient_takes_what_there_is_of_a_tiff_and_says_so(folder: Path) -> None:
    done = _run(
        "-m", "leanpose", "predict", folder / "lzw.tif", "--whole-image", "--model", "nano", "--out", folder / "out",
        "--lenient",
    )  # fmt: skip
    assert done.returncode == 0
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"damaged, read all the same: {folder / 'lzw.tif'}: ")
    assert rest == ["damaged 1 of 1 images: the results say which"]


IN_A_PROGRAM = """
    import os, sys, threading
    from leanpose.core.own_terminal import take_terminal
    from leanpose.media.decoder_lines import silent_decoders
    if {ours}:
        take_terminal()
    {body}
"""


def _program(body: str, ours: bool) -> list[str]:
    done = _run("-c", textwrap.dedent(IN_A_PROGRAM).format(ours=ours, body=textwrap.dedent(body)))
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize("ours", [True, False])
def test_python_is_heard_meanwhile_and_all_is_as_before_afterwards(ours: bool) -> None:
    body = """
    with silent_decoders():
        print("of Python", file=sys.stderr)
        with silent_decoders():
            os.write(2, b"of a library\\n")
        os.write(2, b"of a library, too\\n")
    os.write(2, b"after\\n")
    """
    between = [] if ours else ["of a library", "of a library, too"]  # in a program of somebody else it is theirs
    assert _program(body, ours) == ["of Python", *between, "after"]


def test_threads_share_it_and_the_last_one_leads_back() -> None:
    body = """
    inside, leave = threading.Barrier(3), threading.Event()
    def decode():
        with silent_decoders():
            inside.wait(); leave.wait(); os.write(2, b"of a library\\n")
    threads = [threading.Thread(target=decode) for _ in range(2)]
    [t.start() for t in threads]
    inside.wait(); leave.set()
    [t.join() for t in threads]
    os.write(2, b"after\\n")
    """
    assert _program(body, True) == ["after"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_forked_meanwhile_has_the_terminal() -> None:
    body = """
    inside, leave = threading.Barrier(2), threading.Event()
    def decode():
        with silent_decoders():
            inside.wait(); leave.wait()
    thread = threading.Thread(target=decode); thread.start(); inside.wait()
    if os.fork() == 0:
        os.write(2, b"of the child\\n")
        with silent_decoders():
            os.write(2, b"of a library\\n")
        os._exit(0)
    os.wait(); leave.set(); thread.join()
    """
    assert _program(body, True) == ["of the child"]


def test_a_closed_standard_error_changes_nothing() -> None:
    body = "os.close(2); take_terminal(); [silent_decoders().__enter__() for _ in range(2)]"
    assert _program(body, False) == []
