"""Writers of datasets: one file per format, each the inverse of the reader of that kind."""

from collections.abc import Callable

from leanpose.datasets.writers.coco import write_coco
from leanpose.datasets.writers.csv_labels import write_csv
from leanpose.datasets.writers.lsp import write_lsp
from leanpose.datasets.writers.mpii import write_mpii
from leanpose.datasets.writers.people import ImageMode, ImageStore, Losses, People, Person, Picture
from leanpose.datasets.writers.yolo import write_yolo

__all__ = ["WRITERS", "ImageMode", "ImageStore", "Losses", "People", "Person", "Picture"]

# Each takes a new folder, people by part, their skeleton, a place for images and a count of what is lost, and returns
# the spec with which the folder is read again, {} standing for it.
WRITERS: dict[str, Callable[..., str]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "mpii": write_mpii,
    "lsp": write_lsp,
    "csv": write_csv,
}
