"""Images, folders, video and cameras in; annotated images and video out."""

from leanpose.media.images import IMAGE_SUFFIXES, MAX_PIXELS, as_bgr, find_images, load_image, save_image
from leanpose.media.opening import open_video
from leanpose.media.prefetch import prefetch
from leanpose.media.sources import VIDEO_SUFFIXES, SourceKind, is_video, source_kind
from leanpose.media.video import Frame, Video
from leanpose.media.writer import VideoWriter

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "VIDEO_SUFFIXES",
    "Frame",
    "SourceKind",
    "Video",
    "VideoWriter",
    "as_bgr",
    "find_images",
    "is_video",
    "load_image",
    "open_video",
    "prefetch",
    "save_image",
    "source_kind",
]
