import csv
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leanpose.batch.configuration import Cutting
from leanpose.batch.listing import Listing, named
from leanpose.batch.planning import count_shards, read_manifest, shards_of, write_manifest
from leanpose.batch.run import plan
from leanpose.batch.shard import Entry, Shard
from leanpose.core.errors import BatchError

from ..videos import write_key_frames, write_video
from .simulated import write_pictures

ENTRIES = st.lists(
    st.builds(
        Entry, st.text(min_size=1, max_size=8), st.just("image"), st.none() | st.integers(0, 2**40),
        st.none() | st.integers(0, 2**62),
    ),
    max_size=40,
)  # fmt: skip


@given(ENTRIES, st.integers(1, 7))
def test_each_file_is_in_one_shard_in_order(entries: list[Entry], images: int) -> None:
    shards = list(shards_of(entries, "c", Cutting(images)))
    assert [(f, s, t) for shard in shards for f, s, t in zip(shard.files, shard.sizes, shard.times, strict=True)] == [
        (entry.path, entry.size, entry.time) for entry in entries
    ]
    assert all(len(shard.files) == images for shard in shards[:-1])


@given(ENTRIES.filter(len), st.integers(1, 7), st.data())
def test_an_id_is_of_the_content(entries: list[Entry], images: int, data: st.DataObject) -> None:
    ids = [shard.id for shard in shards_of(entries, "c", Cutting(images))]
    assert ids == [shard.id for shard in shards_of(entries, "c", Cutting(images))]
    assert not set(ids) & {shard.id for shard in shards_of(entries, "other", Cutting(images))}
    at = data.draw(st.integers(0, len(entries) - 1))
    changed = [*entries]
    changed[at] = Entry(entries[at].path, "image", (entries[at].size or 0) + 1, entries[at].time)
    others = [shard.id for shard in shards_of(changed, "c", Cutting(images))]
    assert [a == b for a, b in zip(ids, others, strict=True)] == [at // images != n for n in range(len(ids))]


def test_the_manifest_gives_back_what_was_written(tmp_path: Path) -> None:
    write_pictures(tmp_path / "p", 7)
    write_key_frames(tmp_path / "p" / "long.mp4", 100, 10)
    (tmp_path / "p" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    shards = list(shards_of(Listing([str(tmp_path / "p")]), "c", Cutting(3, 1.0, 0.4)))
    assert {shard.pieces > 1 for shard in shards if shard.kind == "video"} == {True, False}
    assert sum(shard.error is not None for shard in shards) == 1
    path = tmp_path / "m" / "manifest.parquet"
    assert write_manifest(path, shards) == (len(shards), 9) == count_shards(path)
    assert list(read_manifest(path)) == shards
    assert [found.name for found in path.parent.iterdir()] == ["manifest.parquet"]


def test_planning_that_fails_leaves_nothing_begun(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BatchError, match="no such file or folder"):
        plan([str(tmp_path / "nowhere")], out, {}, Cutting())
    (tmp_path / "p").mkdir()
    with pytest.raises(BatchError, match="no pictures or videos there"):
        plan([str(tmp_path / "p")], out, {}, Cutting())
    write_pictures(tmp_path / "p", 2)
    assert plan([str(tmp_path / "p")], out, {}, Cutting()).files == 2
    (out / "manifest.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(BatchError, match="no manifest of leanpose batch"):
        plan([str(tmp_path / "p")], out, {}, Cutting())


def test_sources(tmp_path: Path) -> None:
    """Folders, patterns, files, and lists of them name the same files."""
    folder = tmp_path / "p"
    paths = [str(path) for path in write_pictures(folder, 3)]
    (folder / "note.txt").write_text("no path")
    write_pictures(folder / "deep", 2)
    video = str(write_video(folder / "v.mp4", 5))
    everything = [(path, "image") for path in paths] + [(video, "video")]
    (tmp_path / "l.txt").write_text("\n".join([*paths, "", video, ""]))
    with (tmp_path / "l.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label", "path"], *(["x", path] for path in [*paths, video])])
    pq.write_table(pa.table({"file": [*paths, video]}), tmp_path / "l.parquet")
    for sources in (
        [str(folder)], [*paths, video], [str(tmp_path / "l.txt")], [str(tmp_path / "l.csv")],
        [str(tmp_path / "l.parquet")], [str(folder / "*.png"), str(folder / "v.*")],
    ):  # fmt: skip
        listing = Listing(sources)
        assert sorted((entry.path, entry.kind) for entry in listing) == everything, sources
    listing = Listing([str(folder)])
    assert len(list(listing)) == 4
    assert (listing.left_out, listing.folders) == ({".txt": 1}, 1)
    assert len(list(Listing([str(folder)], recursive=True))) == 6


def test_a_list_with_sizes_is_believed(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["/nowhere/a.jpg"], "size": [12], "time": [34]}), tmp_path / "l.parquet")
    assert list(Listing([str(tmp_path / "l.parquet")])) == [Entry("/nowhere/a.jpg", "image", 12, 34)]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("l.csv", b"a,b\n1,2\n", "no column path"),
        ("l.csv", b"path\n\xff\xfe\n", "cannot be read as a list"),
        ("l.csv", b"path,size\nx.jpg,many\n", "cannot be read as a list"),
        ("l.parquet", b"no parquet", "cannot be read as a list"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BatchError, match=says):
        list(Listing([str(tmp_path / name)]))


@pytest.mark.parametrize("source", ["0", "webcam:1", "rtsp://camera/1"])
def test_what_has_no_end_is_refused(source: str) -> None:
    with pytest.raises(BatchError, match="has no end: use leanpose predict"):
        list(Listing([source]))


def test_memory_does_not_grow_with_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many files take no more memory to plan and to read back."""
    monkeypatch.setattr("leanpose.batch.planning.ROWS_AT_ONCE", 500)

    def peak(files: int) -> int:
        path = tmp_path / f"{files}.parquet"
        entries = (Entry(f"/data/{number:09d}.jpg", "image", 1, 1) for number in range(files))
        tracemalloc.start()
        write_manifest(path, shards_of(entries, "c", Cutting(1)))
        assert sum(1 for _ in read_manifest(path)) == files
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(3_000)  # what is loaded once
    assert peak(30_000) < 1.3 * peak(3_000)


def test_a_named_file_that_is_missing_is_in_the_plan(tmp_path: Path) -> None:
    assert named(str(tmp_path / "gone.jpg")) == Entry(str(tmp_path / "gone.jpg"), "image")
    assert Shard.of("c", "images", [named(str(tmp_path / "gone.jpg"))]).sizes == (None,)


@pytest.mark.parametrize(("images", "piece", "overlap"), [(0, 600, 3), (1, 5, 3), (1, 600, 0)])
def test_cuttings_that_make_no_sense(images: int, piece: float, overlap: float) -> None:
    with pytest.raises(BatchError):
        Cutting(images, piece, overlap)
