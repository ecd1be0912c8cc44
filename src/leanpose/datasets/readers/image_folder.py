"""Images that an annotation file names, found below one folder and never outside it."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from leanpose.core.errors import DatasetError

# Control characters, backslashes and halves of surrogate pairs anywhere, or a drive letter in front.
_HOSTILE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]|^[A-Za-z]:")


def is_safe_name(name: object) -> bool:
    """Whether a name from an annotation file is a relative path that stays below the folder it is joined to."""
    return (
        isinstance(name, str)
        and bool(name)
        and not name.startswith("/")
        and ".." not in name.split("/")
        and not _HOSTILE.search(name)
    )


def is_inside(path: str | os.PathLike[str], root: Path) -> bool:
    """Whether a path, once all links are followed, is the root or below it."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except (OSError, ValueError):
        return False


class ImageFolder:
    """The files below a folder; each of its folders is listed once, which is faster than asking for every file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, frozenset[str]] = {}

    def __contains__(self, name: str) -> bool:
        if not is_safe_name(name):
            return False
        folder, _, last = name.rpartition("/")
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(self._files(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return last in self._listed[folder]

    def _files(self, folder: str) -> Iterator[str]:
        """Names in a folder; links that lead out of the root are not there."""
        if not is_inside(self.root / folder, self.root):
            return
        with os.scandir(self.root / folder) as entries:
            for entry in entries:
                if not entry.is_symlink() or is_inside(entry.path, self.root):
                    yield entry.name


def find_image_folder(candidates: Sequence[Path], names: Iterable[str], annotations: Path) -> ImageFolder:
    """The first of the folders that holds an image of those names.

    Raises:
        DatasetError: when none does; the message lists the folders and names the annotation file.
    """
    folders = [ImageFolder(folder) for folder in dict.fromkeys(candidates) if folder.is_dir()]
    for folder in folders:
        if any(name in folder for name in names):
            return folder
    looked = ", ".join(str(folder) for folder in dict.fromkeys(candidates))
    raise DatasetError(f"{annotations}: none of its images is in {looked}: name their folder with images=DIR")
