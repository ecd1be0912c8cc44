"""Writers that do not come to their end: full disks, killed processes, Ctrl-C, forks. Nothing is lost or mixed."""

import csv
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from leanpose.core.errors import ForkError, PosesError
from leanpose.core.files import STUB, partial_of
from leanpose.pose.poses import Poses
from leanpose.pose.reading import read_json, read_json_lines
from leanpose.pose.skeleton import LSP14
from leanpose.pose.writers import SUFFIXES, WRITERS, PosesWriter

from ..processes import in_child

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(0, 90, (200, 2, 14, 2))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of Unix")


def frame(number: int) -> Poses:
    boxes, scores = np.tile([1.0, 2, 80, 90], (2, 1)), np.full((2, 14), 0.5)
    ids, time = np.arange(2), number / 25
    return Poses(POINTS[number], scores, boxes, np.full(2, 0.75), LSP14, (100, 100), ids, "v.mp4", number, time)


def frames_in(path: Path) -> list[int]:
    """Which frames a file holds; every reader refuses one that is cut."""
    if path.is_dir() and "_yolo" in path.name:
        assert all(len(file.read_text().splitlines()) == 2 for file in path.iterdir())
        return sorted(int(file.stem.split("_")[1]) for file in path.iterdir())
    if path.is_dir():
        documents = {file.name: json.loads(file.read_text()) for file in path.iterdir()}
        assert all(len(document["people"]) == 2 for document in documents.values())
        return sorted(int(name.split("_")[1]) for name in documents)
    if path.suffix == ".csv":
        rows = list(csv.reader(path.read_text().splitlines()))[1:]
        assert len({len(row) for row in rows}) == 1
        numbers = [int(row[1]) for row in rows]
        assert numbers == [number for number in dict.fromkeys(numbers) for _ in range(28)]
        return list(dict.fromkeys(numbers))
    if ".coco" in path.name:
        document = json.loads(path.read_text())
        results = document["annotations"] if isinstance(document, dict) else document
        numbers = [result["image_id"] for result in results]
        assert numbers == [number for number in dict.fromkeys(numbers) for _ in range(2)]
        return list(dict.fromkeys(numbers))
    return [poses.frame for poses in (read_json if path.suffix == ".json" else read_json_lines)(path)]  # type: ignore[misc]


def write(kind: str, path: Path, count: int) -> None:
    with WRITERS[kind](path) as writer:  # type: ignore[index]
        for number in range(count):
            writer.write(frame(number))


def place(folder: Path, kind: str) -> Path:
    return folder / f"v{SUFFIXES[kind]}"  # type: ignore[index]


def on_full_disks(kind: str, path: Path) -> list[tuple[str, int, list[int] | None]]:
    """At which frame the writer failed with files of so many bytes at most, how, and what is in the partial file."""
    import resource

    hard, found = resource.getrlimit(resource.RLIMIT_FSIZE)[1], []
    for limit in (10, *range(1000, 30_000, 1777)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        number = 0
        try:
            with WRITERS[kind](path) as writer:  # type: ignore[index]
                for number in range(100):
                    writer.write(frame(number))
        except PosesError as error:
            partial = partial_of(path)
            found.append((str(error), number, frames_in(partial) if partial.exists() else None))
            partial.unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "coco"])
def test_a_full_disk_keeps_what_fitted_and_says_where(kind: str, tmp_path: Path) -> None:
    path = place(tmp_path, kind)
    write(kind, path, 1)
    older = path.read_bytes()
    found = in_child("fork", on_full_disks, kind, path)
    assert len(found) == 18
    for message, failed_at, kept in found:
        assert message.startswith(f"cannot write {path}: File too large; ")
        assert kept == (list(range(failed_at)) or None)
        if kept:
            images = f"the first {failed_at} images are" if failed_at > 1 else "the first image is"
            assert f"{images} in {partial_of(path)}; choose another place or make room" in message
    assert max(failed_at for _, failed_at, _ in found) > 5
    assert path.read_bytes() == older
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_the_whole_files_of_openpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(tmp_path, "openpose")
    write("openpose", path, 3)
    whole = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if "000004" in self.name:
            whole(self, data[:100])
            raise OSError(28, "No space left on device")
        return whole(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(PosesError, match=r"the first 4 images are in .*v_openpose\.partial; "):
            write("openpose", path, 9)
    assert frames_in(path) == [0, 1, 2]
    assert frames_in(tmp_path / "v_openpose.partial") == [0, 1, 2, 3]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_of_openpose_has_the_files_of_one_run(tmp_path: Path) -> None:
    path = place(tmp_path, "openpose")
    write("openpose", path, 7)
    write("openpose", path, 3)
    assert frames_in(path) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]
    (path / "notes.txt").write_text("mine")
    with pytest.raises(PosesError, match=r"v_openpose holds other files than \*_keypoints\.json"):
        write("openpose", path, 1)
    assert len(list(path.iterdir())) == 4


def interrupted(writer: PosesWriter, count: int) -> None:
    with writer:
        for number in range(count):
            writer.write(frame(number))
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_not_complete_replaces_nothing(kind: str, tmp_path: Path) -> None:
    path = place(tmp_path, kind)
    for older in (False, True):
        writer = WRITERS[kind](path)  # type: ignore[index]
        with pytest.raises(KeyboardInterrupt):
            interrupted(writer, 3 - older)
        assert writer.kept == (partial_of(path) if older else path)
    assert (frames_in(path), frames_in(partial_of(path))) == ([0, 1, 2], [0, 1])
    write(kind, path, 1)
    assert frames_in(path) == [0]


def killed(kind: str, path: Path) -> None:
    writer = WRITERS[kind](path)  # type: ignore[index]
    for number in range(5):
        writer.write(frame(number))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_killed_run_leaves_older_results_and_the_next_one_takes_its_stub_away(kind: str, tmp_path: Path) -> None:
    path = place(tmp_path, kind)
    write(kind, path, 2)
    with pytest.raises(EOFError):
        in_child("fork", killed, kind, path)
    assert frames_in(path) == [0, 1]
    (stub,) = set(tmp_path.iterdir()) - {path}
    readable = stub if stub.is_dir() else stub.rename(tmp_path / f"s{path.name[1:]}")  # by its ending
    assert frames_in(readable) == [0, 1, 2, 3, 4]
    with pytest.raises(EOFError):
        in_child("fork", killed, kind, path)
    in_child("fork", write, kind, path, 3)  # a process that has not yet looked
    assert frames_in(path) == [0, 1, 2]
    assert not [file for file in tmp_path.iterdir() if STUB.fullmatch(file.name) or ".partial" in file.name]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_forked_process_leaves_the_file_to_who_writes_it(kind: str, tmp_path: Path) -> None:
    path = place(tmp_path, kind)
    with WRITERS[kind](path) as writer:  # type: ignore[index]
        writer.write(frame(0))
        with pytest.raises(ForkError, match=r"writing .* was begun in process"):
            in_child("fork", writer.write, frame(1))
        in_child("fork", writer.close)
        writer.write(frame(1))
    assert frames_in(path) == [0, 1]


def test_two_processes_do_not_write_one_file_of_json_lines(tmp_path: Path) -> None:
    path = place(tmp_path, "jsonl")
    with WRITERS["jsonl"](path) as writer:
        writer.write(frame(0))
        with pytest.raises(PosesError, match=r"v\.partial\.jsonl is being written by another process"):
            in_child("spawn", write, "jsonl", path, 3)
        writer.write(frame(1))
    assert frames_in(path) == [0, 1]
