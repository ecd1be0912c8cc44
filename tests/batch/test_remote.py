"""Addresses: fsspec's own memory, and S3 by moto's server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leanpose.batch.configuration import Cutting
from leanpose.batch.listing import Listing
from leanpose.batch.planning import shards_of
from leanpose.batch.remote import LARGEST, read_address
from leanpose.batch.work import Job, process
from leanpose.core.errors import BatchError, ImageError

from ..videos import write_key_frames
from .driving import compare, rows_by_file
from .simulated import Simulated, opening, write_pictures


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address under which files can be put."""
    import fsspec

    if request.param == "memory":
        yield "memory://things"
        fsspec.filesystem("memory").store.clear()
        return
    server = pytest.importorskip("moto.server", reason="needs moto and s3fs: pip install 'moto[s3,server]' s3fs")
    s3fs = pytest.importorskip("s3fs", reason="needs moto and s3fs: pip install 'moto[s3,server]' s3fs")
    started = server.ThreadedMotoServer("127.0.0.1", 0)
    started.start()
    host, port = started.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("things", exist_ok=True)
    yield "s3://things"
    started.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def _put(bucket: str, path: Path, name: str) -> None:
    import fsspec

    system, inside = fsspec.core.url_to_fs(f"{bucket}/{name}")
    system.pipe_file(inside, path.read_bytes())


def test_from_there_as_from_here(tmp_path: Path, bucket: str) -> None:
    paths = write_pictures(tmp_path / "p", 7, broken=(3,))
    paths.append(write_key_frames(tmp_path / "p" / "v.mp4", 30, 10))
    for path in paths:
        _put(bucket, path, f"a/{path.name}")
    _put(bucket, paths[0], "a/b/deep.png")
    (tmp_path / "p" / "x.bin").write_bytes(b"x")
    _put(bucket, tmp_path / "p" / "x.bin", "a/x.bin")
    jobs = {}
    for name, source in (("here", str(tmp_path / "p")), ("there", f"{bucket}/a")):
        jobs[name] = Job(tmp_path / name, "simulated", opening())
        for shard in shards_of(Listing([source]), "c", Cutting(3)):
            process(shard, jobs[name], Simulated())
    here, there = (
        {Path(file).name: [{**row, "file": ""} for row in rows] for file, rows in rows_by_file(jobs[n].out).items()}
        for n in ("here", "there")
    )
    assert here.keys() == there.keys()
    assert "not a whole PNG" in here["00003.png"][0].pop("error")
    assert "not a whole PNG" in there["00003.png"][0].pop("error")
    compare(here, there)
    assert all(file.startswith(f"{bucket}/a/") for file in rows_by_file(jobs["there"].out))
    assert len(list(Listing([f"{bucket}/a"], recursive=True))) == 9
    assert [entry.path for entry in Listing([f"{bucket}/a/*2.png"])] == [f"{bucket}/a/00002.png"]
    (one,) = Listing([f"{bucket}/a/00002.png"])
    assert one.size == paths[2].stat().st_size


def test_what_is_not_there_is_said(bucket: str) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        read_address(f"{bucket}/nothing.png", None)
    with pytest.raises(ImageError, match="over the limit"):
        read_address(f"{bucket}/large.png", LARGEST + 1)


def test_an_unknown_kind_of_address() -> None:
    with pytest.raises(BatchError, match="nosuch"):
        list(Listing(["nosuch://x/y"]))
