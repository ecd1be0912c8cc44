"""A file that is read while it is written, against the same bytes in memory."""

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from leanpose.serve.growing_file import GrowingFile

DATA = bytes(range(256)) * 4


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 400)), max_size=12),
)
def test_a_reader_sees_what_it_would_in_the_whole_file(parts, reads):
    data = DATA[: sum(parts)]
    whole = io.BytesIO(data)
    with GrowingFile() as file:

        def write():
            at = 0
            for part in parts:
                file.add(data[at : at + part])
                at += part
            file.finish()

        writer = threading.Thread(target=write)
        writer.start()
        for at, count in reads:
            file.seek(at)
            whole.seek(at)
            seen = b""
            while len(seen) < count and (more := file.read(count - len(seen))):  # less may be there than is asked for
                seen += more
            assert seen == whole.read(count)
        writer.join()
        assert file.seek(-1, os.SEEK_END) == len(data) - 1
        assert file.tell() == len(data) - 1
        assert file.read() == data[-1:]
        assert file.read(5) == b""


def test_a_reader_waits_and_is_woken_by_the_end_of_all():
    with GrowingFile() as file:
        seen = []

        def read():
            seen.append(file.read(1))

        reader = threading.Thread(target=read)
        assert file.seek(0, os.SEEK_END) == -1
        reader.start()
        reader.join(0.1)
        assert reader.is_alive()
        file.finish()
        reader.join(5)
        assert seen == [b""]


def test_a_closed_file_is_at_its_end():
    file = GrowingFile()
    file.add(b"abc")
    file.close()
    file.close()
    assert file.read(1) == b""
