"""Other packages' advice is not shown; their errors and our own words are."""

import logging
import warnings

import pytest

from leanpose.core.quiet import quiet


def _warn_as(module: str) -> None:
    warnings.warn_explicit("advice", UserWarning, f"{module}.py", 1, module)


def test_advice_is_not_shown_and_ours_is(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    with quiet():
        for module in ("lightning.pytorch.trainer", "torch", "torch.onnx"):
            _warn_as(module)
        for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric", "torch.onnx._internal.exporter"):
            logging.getLogger(name).warning("advice")
        assert not recwarn.list
        assert not caplog.records
        _warn_as("leanpose.training")
        _warn_as("torchlight")
        logging.getLogger("leanpose.training").warning("skipped a batch")
        logging.getLogger("lightning.pytorch").error("broken")
    assert [str(each.filename) for each in recwarn.list] == ["leanpose.training.py", "torchlight.py"]
    assert [record.message for record in caplog.records] == ["skipped a batch", "broken"]


def test_levels_are_as_before_afterwards() -> None:
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with pytest.raises(ValueError, match="inside"), quiet():
        raise ValueError("inside")
    assert logger.level == before
