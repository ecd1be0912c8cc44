"""What every writer of poses is: results that grow, and take their place when they are whole."""

import os
import shutil
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path

from leanpose.core.closing import Growing
from leanpose.core.errors import PosesError
from leanpose.core.files import part_of, partial_of
from leanpose.core.forks import Home
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton


class PosesWriter(Growing):
    """Writes the poses of images of one skeleton.

    Attributes:
        path: of the file, or of the folder for a format of many files.
        count: of the images that are written.
    """

    count: int = 0

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._skeleton: Skeleton | None = None  # until the first poses
        self._part: Path | None = None  # where it is written
        self._home = Home()
        self._ended = False

    def write(self, poses: Poses) -> None:
        """Adds the people of one image or frame.

        Raises:
            PosesError: when the skeleton is another than before, the format needs something that the poses do not
                have, or the file cannot be written. What came before is then kept, readable, beside its place, and the
                message says where.
            ForkError: in a process forked since it was made.
        """
        self._home.check(f"writing {self.path}")
        if self._ended:
            raise PosesError(f"{self.path}: closed, no more poses can be written")
        if poses.skeleton != (self._skeleton or poses.skeleton):
            raise PosesError("skeleton: the images of one file must share it; write one file per skeleton")
        try:
            if self._part is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._begin(poses.skeleton)
            self._write(poses)
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1

    def close(self) -> None:
        """Ends the file and puts it in its place; safe to call again. Where nothing was written there is none.

        Older results are replaced by complete ones alone: others stand beside them, see
        :func:`leanpose.core.files.partial_of`, and ``kept`` says where.

        Raises:
            PosesError: when that fails; what was written is then kept as after :meth:`write`.
        """
        if self._ended or self._part is None or self._home.left:
            return
        try:
            self._finish()
            self.kept = self._put_in_place(self._part, self.path if self.complete else self._free())
        except OSError as error:
            raise self._failed(error) from error
        self._ended = True

    def _begin(self, skeleton: Skeleton) -> None:
        """Called before the first poses are written."""
        self._skeleton, self._part = skeleton, part_of(self.path)

    @abstractmethod
    def _write(self, poses: Poses) -> None: ...

    @abstractmethod
    def _finish(self) -> None:
        """Ends what is written, where it is written."""

    @abstractmethod
    def _undo(self) -> None:
        """Ends what is written after the last poses that were written whole."""

    def _put_in_place(self, part: Path, place: Path) -> Path:
        os.replace(part, place)
        return place

    def _free(self) -> Path:
        """Where results stand that are not complete."""
        return partial_of(self.path) if self.path.exists() else self.path

    def _failed(self, error: OSError) -> PosesError:
        why = f"cannot write {self.path}: {error.strerror}; "
        self._ended, self.complete = True, False
        if self._part is not None:
            with suppress(OSError):  # as much as this disk still does
                self._undo()
            if self.count:
                self.kept = self._part
                with suppress(OSError):
                    self.kept = self._put_in_place(self._part, partial_of(self.path))
                images = f"the first {self.count} images are" if self.count > 1 else "the first image is"
                why += f"{images} in {self.kept}; "
            else:
                _remove(self._part)
        return PosesError(why + "choose another place or make room")


def _remove(path: Path) -> None:
    """What was never written to; nothing follows from what cannot be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
