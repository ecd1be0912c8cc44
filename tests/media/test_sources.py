import struct

import pytest

from leanpose.core.errors import VideoError
from leanpose.media import is_video, source_kind

MP4 = b"\0\0\0\x18ftypmp42" + bytes(50)
HEAD = {
    "mp4": MP4,
    "quicktime": b"\0\0\0\x08wide" + bytes(50),
    "matroska": b"\x1aE\xdf\xa3" + bytes(50),
    "avi": b"RIFF\x10\0\0\0AVI LIST",
    "flash": b"FLV\x01\x05",
    "transport stream": (b"G" + bytes(187)) * 4 + b"G",
    "camera's transport stream": (bytes(4) + b"G" + bytes(187)) * 5,
    "windows media": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    "programme stream": b"\0\0\1\xba" + bytes(20),
}
NOT = {
    "photo in a box": b"\0\0\0\x18ftypheic" + bytes(50),
    "sound": b"RIFF\x10\0\0\0WAVEfmt ",
    "text": b"Go for it. " * 90,
    "empty": b"",
    "letters": b"G" * 100,
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(50),
}


@pytest.mark.parametrize("name", HEAD)
def test_a_video_is_known_by_its_first_bytes_whatever_its_name(name, tmp_path):
    for file in ("no_suffix", "clip.jpg"):
        (tmp_path / file).write_bytes(HEAD[name])
        assert is_video(tmp_path / file)
        assert is_video(str(tmp_path / file))


@pytest.mark.parametrize("name", NOT)
def test_what_is_no_video(name, tmp_path):
    (tmp_path / "file").write_bytes(NOT[name])
    assert not is_video(tmp_path / "file")


def test_the_suffix_decides_where_the_bytes_do_not(tmp_path):
    for name, content, expected in [
        ("text.mp4", b"a text", True),
        ("EMPTY.MOV", b"", True),
        ("photo.mp4", struct.pack(">I", 0x89504E47) + b"\r\n\x1a\n", False),
        ("photo.gif", b"GIF89a", False),
        ("notes.txt", b"a text", False),
    ]:
        (tmp_path / name).write_bytes(content)
        assert is_video(tmp_path / name) == expected, name
    (tmp_path / "folder.mp4").mkdir()
    assert not is_video(tmp_path / "folder.mp4")
    assert not is_video(tmp_path / "gone.mp4")


def test_kinds_of_sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip").write_bytes(MP4)
    (tmp_path / "photo.jpg").write_bytes(NOT["jpeg"])
    (tmp_path / "x[1].mp4").write_bytes(MP4)
    (tmp_path / "0").write_bytes(MP4)
    for source, kind in [
        (0, "webcam"),
        ("0", "webcam"),
        ("webcam:12", "webcam"),
        ("./0", "video"),
        (tmp_path / "0", "video"),
        ("clip", "video"),
        ("x[1].mp4", "video"),
        ("photo.jpg", "image"),
        (tmp_path, "folder"),
        (".", "folder"),
        ("**/*.jpg", "pattern"),
        ("rtsp://user:secret@camera:554/1", "stream"),
        ("HTTPS://example.org/a.mp4", "stream"),
    ]:
        assert source_kind(source) == kind, source
    for source in ("gone.mp4", "webcam:", "webcam:x", "-1", ":// no"):
        with pytest.raises(VideoError, match="no such file or folder"):
            source_kind(source)
