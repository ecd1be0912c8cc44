"""What Lightning and PyTorch say of themselves while they work: advice on their own use, which no user can follow."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero", "torch.onnx")


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the ``with`` block their loggers tell of errors alone, and their warnings are not shown; ours are."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`")  # said as if it were of our own code
        for module in ("lightning", "torch", "onnxscript"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
