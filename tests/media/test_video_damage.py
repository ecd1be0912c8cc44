"""Broken videos: every whole frame, none that is not, and an error that says how many there were."""

import random
import struct

import pytest

import leanpose.media.opening
from leanpose.core.errors import VideoError
from leanpose.media import open_video
from leanpose.media.container_length import missing_bytes

av = pytest.importorskip("av")
KINDS = {
    "mp4": {"codec": "libx264", "movflags": "faststart"},
    "mov": {"codec": "mpeg4", "movflags": "faststart"},
    "mkv": {"codec": "libx264"},
    "webm": {"codec": "libvpx-vp9"},
    "avi": {"codec": "mpeg4"},
    "flv": {"codec": "libx264"},
}
COUNT = 60  # a key frame every ten


def read(path):
    """The frames that came, and the error that came after them, if one did."""
    frames, message = [], None
    try:
        with open_video(path) as video:
            frames.extend(video)
    except VideoError as error:
        message = str(error)
        read_by_error = error.frames_read
    if message:
        assert read_by_error == len(frames)
    return frames, message


@pytest.fixture
def without_pyav(monkeypatch):
    monkeypatch.setattr(leanpose.media.opening, "find_spec", lambda name: None)


def packets(path):
    """Position in the file, presentation number and key flag of each packet, in file order."""
    data = path.read_bytes()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [packet for packet in container.demux(stream) if packet.size]
        start = min(packet.pts for packet in found)
        rate = stream.average_rate * stream.time_base
        return [
            (data.index(bytes(packet)), packet.size, round((packet.pts - start) * rate), packet.is_keyframe)
            for packet in found
        ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.35, 0.55, 0.75])
def test_of_a_file_that_was_cut_off_all_whole_frames_come_then_an_error(kind, kept, make_video, number_of, tmp_path):
    path = make_video(tmp_path / f"a.{kind}", COUNT, **KINDS[kind])
    held = packets(path)
    # Cut through the middle of a packet.
    position, size, _, _ = held[int(len(held) * kept)]
    path.write_bytes(path.read_bytes()[: position + size // 2])
    whole = {number for at, length, number, _ in held if at + length <= position}
    frames, error = read(path)
    assert [number_of(frame.image) for frame in frames] == sorted(whole)
    assert [round(frame.timestamp * 25) for frame in frames] == sorted(whole)
    assert error is not None
    assert f"whole frames read {len(whole)}" in error
    assert f"a.{kind}: damaged at" in error or f"a.{kind}: ends after" in error


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_a_file_that_ends_between_two_frames(kind, make_video, number_of, tmp_path):
    path = make_video(tmp_path / f"a.{kind}", COUNT, **KINDS[kind])
    held = packets(path)
    path.write_bytes(path.read_bytes()[: held[29][0] + held[29][1]])
    frames, error = read(path)
    assert [number_of(frame.image) for frame in frames] == sorted(number for _, _, number, _ in held[:30])
    assert error is not None


@pytest.mark.parametrize("kind", ["mp4", "mov", "avi"])
@pytest.mark.parametrize("seed", range(3))
def test_garbage_in_the_middle_costs_frames_up_to_the_next_key_frame(kind, seed, make_video, number_of, tmp_path):
    path = make_video(tmp_path / f"a.{kind}", COUNT, **KINDS[kind])
    held = packets(path)
    numbers = random.Random(seed)
    first = numbers.randrange(12, 36)
    data = bytearray(path.read_bytes())
    for position, size, _, _ in held[first : first + 3]:
        data[position : position + size] = numbers.randbytes(size)
    path.write_bytes(data)
    before = {number for _, _, number, _ in held[:first]}
    key = min(number for _, _, number, is_key in held[first + 3 :] if is_key)
    frames, error = read(path)
    found = [number_of(frame.image) for frame in frames]
    # FFmpeg may swallow the frame that it would have handed out as it met the damage
    lost = before - set(found)
    assert len(lost) <= 1
    assert lost <= set(sorted(before)[-3:])
    assert found == sorted(before - lost) + list(range(key, COUNT))
    assert [round(frame.timestamp * 25) for frame in frames] == found
    assert error is not None
    assert "a." + kind + ": damaged at" in error
    assert f"(whole frames read {len(found)}, lost {COUNT - len(found)})" in error


@pytest.mark.parametrize("kind", ["mkv", "webm", "ts"])
def test_garbage_where_the_container_finds_its_way_again(kind, make_video, number_of, tmp_path):
    """Matroska and transport streams skip what they cannot read. No frame that comes is out of order or unreadable,
    and those outside the damaged groups of pictures are all there."""
    path = make_video(tmp_path / f"a.{kind}", COUNT, **KINDS.get(kind, {}))
    data = path.read_bytes()
    middle = len(data) * 45 // 100
    path.write_bytes(data[:middle] + random.Random(1).randbytes(2000) + data[middle + 2000 :])
    found = [number_of(frame.image) for frame in read(path)[0]]
    assert found == sorted(set(found))
    assert set(range(20)) | set(range(50, 60)) <= set(found)
    assert len(found) < COUNT


@pytest.mark.parametrize("kind", ["mkv", "webm", "mp4"])
@pytest.mark.parametrize("lost", [1, 300])
def test_a_file_that_lost_its_last_bytes_is_cut_off_however_few_they_are(kind, lost, make_video, tmp_path):
    options = {"movflags": "faststart"} if kind == "mp4" else KINDS.get(kind, {})  # else its index is at the end
    path = make_video(tmp_path / f"a.{kind}", COUNT, **options)
    assert read(path)[1] is None
    path.write_bytes(path.read_bytes()[:-lost])
    assert read(path)[1] is not None
    with open_video(path, lenient=True) as video:
        frames = list(video)
        assert len(frames) >= COUNT - 2
        assert video.damage is not None


def test_a_codec_id_with_a_broken_byte_is_a_video_error(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MP\x8fG4/ISO/AVC"))
    with pytest.raises(VideoError, match=r"a\.mkv: how its video is coded is unknown"):
        open_video(path)


def test_a_live_recording_does_not_say_how_long_it_is(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", COUNT, live="1")
    assert missing_bytes(path) == 0
    assert read(path)[1] is None


def test_a_video_without_its_index_is_refused_when_it_is_opened(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4")  # the index is at the end
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(VideoError, match=r"a\.mp4: not a video, or damaged or cut off at its head"):
        open_video(path)


def test_a_first_frame_that_is_broken_is_said_when_it_is_opened(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", 5)
    data = bytearray(path.read_bytes())
    for position, size, _, _ in packets(path):
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(VideoError, match=r"a\.mp4: damaged at .*whole frames read 0") as caught:
        open_video(path)
    assert caught.value.frames_read == 0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_any_damage_gives_frames_or_a_video_error(kind, seed, make_video, tmp_path):
    path = make_video(tmp_path / f"a.{kind}", 20, **KINDS[kind])
    data, numbers = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(30):
        data[numbers.randrange(12, len(data))] = numbers.randrange(256)
    path.write_bytes(data[: numbers.randrange(len(data) // 2, len(data) + 1)])
    frames, _ = read(path)
    times = [frame.timestamp for frame in frames]
    assert times == sorted(set(times))
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_a_video_trimmed_by_its_edit_list_is_whole(make_video, number_of, tmp_path):
    path = make_video(tmp_path / "a.mp4", COUNT)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4
    count, length = struct.unpack_from(">II", data, at + 4)
    assert (count, length) == (1, 2400)  # milliseconds
    struct.pack_into(">I", data, at + 8, 1200)
    path.write_bytes(data)
    frames, error = read(path)
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert error is None


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_opencv_does_not_stop_in_silence(kind, make_video, number_of, without_pyav, tmp_path):
    path = make_video(tmp_path / f"a.{kind}", COUNT, **KINDS[kind])
    held = packets(path)
    path.write_bytes(path.read_bytes()[: held[24][0]])
    whole = sorted(number for _, _, number, _ in held[:24])
    frames, error = read(path)
    found = [number_of(frame.image) for frame in frames]
    assert found == whole[: len(found)]
    assert len(found) >= 20
    assert error is not None
    assert f"a.{kind}: damaged, cut off, or trimmed without encoding it anew (frames read {len(found)}" in error
    assert "pip install 'leanpose[video]'" in error
