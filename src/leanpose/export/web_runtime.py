"""ONNX Runtime for browsers, which the page needs beside it: of npm, pinned, or of a folder that the user has."""

import json
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from leanpose.core.errors import ExportError
from leanpose.engines.cache import cache_folder
from leanpose.engines.card_file import file_sha256

PAGE = Path(__file__).parents[1] / "web"
PACKAGE = "onnxruntime-web"
FILES = {  # of the package's dist/, with their sha256: what was tested, and nothing else, runs in people's browsers
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
MOST_SECONDS = 600  # for npm


def pinned_version() -> str:
    """The version of the runtime that the page was tested with, of the page's package.json."""
    return json.loads((PAGE / "package.json").read_text())["dependencies"][PACKAGE]


def find_runtime(folder: Path | None = None) -> Path:
    """The folder that holds :data:`FILES`, whole.

    Args:
        folder: where the user unpacked the package, or its ``dist``, or installed it with npm; None asks npm, once,
            and keeps the files in leanpose's cache.

    Raises:
        ExportError: when the files are not there, are of another version, or npm is missing or fails.
    """
    if folder is not None:
        return _checked(folder)
    cache = cache_folder()
    kept = None if cache is None else cache / f"{PACKAGE}-{pinned_version()}"
    if kept is not None and all(_is_whole(kept / name) for name in FILES):
        return kept
    if kept is None:
        raise ExportError(f"the page needs {PACKAGE}, and LEANPOSE_CACHE=0 leaves npm no place to put it: {_by_hand()}")
    try:
        _install(kept)
    except OSError as error:
        raise ExportError(f"{kept} cannot be written: {error.strerror}; {_by_hand()}") from error
    return _checked(kept)


def _by_hand() -> str:
    return f"or run 'npm pack {PACKAGE}@{pinned_version()}' where there is one, unpack it, and name it with --runtime"


def _install(folder: Path) -> None:
    """npm's files, checked by the lock file, in ``folder``."""
    npm = shutil.which("npm")
    if npm is None:
        raise ExportError(f"the page needs {PACKAGE}, which npm brings: install Node.js, {_by_hand()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".npm-") as place:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(PAGE / name, Path(place, name))
        command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"npm brought no {PACKAGE} within {MOST_SECONDS} s: try again, {_by_hand()}") from error
        if done.returncode:
            last = next((line for line in done.stderr.splitlines() if "error" in line), "no reason given")
            raise ExportError(f"npm brought no {PACKAGE} ({last.strip():.200}): try again with a network, {_by_hand()}")
        folder.mkdir(exist_ok=True)
        for name in FILES:
            part = Path(place, name)
            shutil.copyfile(Path(place, "node_modules", PACKAGE, "dist", name), part)
            part.replace(folder / name)


def _checked(folder: Path) -> Path:
    for place in (folder, folder / "dist", folder / "package" / "dist", folder / "node_modules" / PACKAGE / "dist"):
        if all((place / name).is_file() for name in FILES):
            break
    else:
        raise ExportError(
            f"{folder} does not hold {', '.join(FILES)}: unpack {PACKAGE} {pinned_version()} there, or name its folder"
        )
    for name in FILES:
        if not _is_whole(place / name):
            raise ExportError(
                f"{place / name} is not that of {PACKAGE} {pinned_version()} (sha256 differs): damaged, or of another "
                f"version; {_by_hand().removeprefix('or ')}"
            )
    return place


def _is_whole(path: Path) -> bool:
    with suppress(OSError):
        return file_sha256(path) == FILES[path.name]
    return False
