"""Readers of datasets: one file per format, all giving :class:`Sample`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from leanpose.errors import DatasetError
from leanpose.readers.lsp import Part, read_lsp, read_lspet
from leanpose.readers.pack import read_pack
from leanpose.readers.sample import Sample

__all__ = ["READERS", "Part", "Sample", "read_samples"]

READERS: dict[str, Callable[[Path, Part], list[Sample]]] = {
    "lsp": read_lsp,
    "lspet": read_lspet,
    "pack": read_pack,
}


def read_samples(specs: Sequence[str], part: Part) -> list[Sample]:
    """Samples of one part of the datasets named by ``KIND:PATH`` specs, in their order.

    Raises:
        DatasetError: for an unknown kind, a spec without a colon, a missing path, or datasets whose skeletons differ.
    """
    samples: list[Sample] = []
    for spec in specs:
        kind, colon, path = spec.partition(":")
        if not colon or kind not in READERS:
            raise DatasetError(f"data '{spec}': write KIND:PATH with KIND one of {', '.join(READERS)}")
        if not Path(path).exists():
            raise DatasetError(f"data '{spec}': {path} does not exist")
        samples += READERS[kind](Path(path), part)
    skeletons = {s.skeleton.name for s in samples}
    if len(skeletons) > 1:
        raise DatasetError(f"datasets of different skeletons together: {', '.join(sorted(skeletons))}")
    return samples
