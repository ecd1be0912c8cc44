"""Which files of folders and patterns are read, and which are left out."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from leanpose.core.errors import ImageError
from leanpose.media.further_kinds import HEIC_SUFFIXES, INSTALL_HEIC, reads_heic
from leanpose.media.images import IMAGE_SUFFIXES
from leanpose.media.sources import VIDEO_SUFFIXES, is_animated, is_video, source_kind


@dataclass
class Chosen:
    """Files out of sources.

    Attributes:
        images: each once, sorted.
        videos: files, cameras and addresses, each once, as they were named.
        left_out: numbers of files by suffix that folders and patterns hold and that are not read.
        folders: of which nothing is read, for they lie in others.
        animated: images of which only the first frame is read.
    """

    images: list[Path] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    folders: int = 0
    animated: list[Path] = field(default_factory=list)

    def notes(self) -> list[str]:
        """A line each about what is not read."""
        parts = []
        if self.left_out:
            kinds = ", ".join(f"{number} {suffix}" for suffix, number in sorted(self.left_out.items()))
            parts.append(f"{_count(self.left_out.total(), 'file')} of kinds not read here ({kinds})")
        if self.folders:
            parts.append(f"{_count(self.folders, 'subfolder')} (--recursive looks into subfolders)")
        notes = [f"left out: {', '.join(parts)}"] if parts else []
        if any(suffix in HEIC_SUFFIXES for suffix in self.left_out):
            notes.append(f"HEIC is read with pillow-heif: {INSTALL_HEIC}")
        if self.animated:
            others = f" and {len(self.animated) - 1} others" if len(self.animated) > 1 else ""
            notes.append(f"animated, only the first frame is read: {self.animated[0]}{others}; convert it to a video")
        return notes


def choose(sources: Sequence[str | os.PathLike[str]], recursive: bool = False) -> Chosen:
    """The images, videos, cameras and streams that sources name: files, folders, patterns, addresses.

    A file that is named itself is taken whatever it is called; of folders and patterns what is called as images and
    videos are, without hidden files.

    Args:
        recursive: look into the folders that lie in folders, too.

    Raises:
        ImageError, VideoError: when a source does not exist or holds nothing to read, or there is no source.
    """
    chosen, images = Chosen(), set[Path]()
    for source in sources:
        name = os.path.expanduser(source)
        kind = source_kind(name)
        if kind in ("video", "webcam", "stream"):
            chosen.videos.append(str(name))
            continue
        if kind == "image":
            images.add(Path(name))
            continue
        readable = 0
        for path in _files_in(Path(name), recursive, chosen) if kind == "folder" else _matches(str(name)):
            kind = kind_in_folder(path)
            readable += kind is not None
            if kind == "video":
                chosen.videos.append(str(path))
            elif kind == "image":
                images.add(path)
            else:
                chosen.left_out[path.suffix.lower() or "without a suffix"] += 1
        if not readable:
            said = "; ".join(chosen.notes()) or f"files ending in {', '.join(IMAGE_SUFFIXES)}, or videos"
            raise ImageError(f"{name}: no images or videos there ({said})")
    if not images and not chosen.videos:
        raise ImageError("no images: name files, folders or patterns")
    chosen.images = sorted(images)
    chosen.videos = list(dict.fromkeys(chosen.videos))
    chosen.animated = [path for path in chosen.images if is_animated(path)]
    return chosen


def kind_in_folder(path: Path) -> Literal["image", "video"] | None:
    """What a file of a folder or pattern is taken for: by its name, and what is called a video by its content, too."""
    suffix = path.suffix.lower()
    if suffix in (*VIDEO_SUFFIXES, ".gif") and is_video(path):
        return "video"
    return "image" if suffix in IMAGE_SUFFIXES or (suffix in HEIC_SUFFIXES and reads_heic()) else None


def _files_in(folder: Path, recursive: bool, chosen: Chosen) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and recursive and not path.is_symlink():  # which may lead in circles
            yield from _files_in(path, recursive, chosen)
        elif path.is_dir():
            chosen.folders += 1


def _matches(pattern: str) -> Iterator[Path]:
    for match in sorted(glob.iglob(pattern, recursive=True)):
        path = Path(match)
        if path.is_file() and not path.name.startswith("."):
            yield path


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
