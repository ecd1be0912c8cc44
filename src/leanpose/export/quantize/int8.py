"""Weights and activations in 8 bits, by NNCF or by ONNX Runtime; either way ONNX with QuantizeLinear in it."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np

from leanpose.core.errors import MissingExtraError
from leanpose.core.untold import untold
from leanpose.export.quantize.graph import PRODUCTS, input_name

if TYPE_CHECKING:
    from onnx import ModelProto

Method = Literal["nncf", "onnxruntime"]
Ranges = Literal["minmax", "entropy", "percentile"]
BINS = 2048  # of the histograms that entropies and percentiles are taken of
CHUNK = 16  # crops whose activations are held at a time: some 60 MB each


def quantize_by_nncf(model: "ModelProto", crops: np.ndarray, keep: Sequence[str]) -> "ModelProto":
    """Post-training quantisation by NNCF: weights by channel, activations by tensor, symmetric.

    Only what goes into convolutions and matrix products is rounded: sums, concatenations and normalisations between
    them stay float, because they save little in integers and the residual path loses by each rounding. Symmetric,
    because OpenVINO compiles shifted activations for float32 only. Biases are not corrected for the mean error: with
    its correction the joints of our soft-gated network moved three times as far.

    Args:
        model: as :func:`leanpose.export.quantize.graph.prepare` leaves it.
        crops: (N, 3, H, W) to calibrate on.
        keep: names of nodes that stay float.

    Raises:
        MissingExtraError: when NNCF is not installed.
    """
    with untold():
        try:
            import nncf
        except ModuleNotFoundError as error:
            raise MissingExtraError("nncf", "quantize") from error
        from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    name = input_name(model)
    float_types = sorted({node.op_type for node in model.graph.node} - set(PRODUCTS))
    with _quiet():
        return nncf.quantize(
            model,
            nncf.Dataset([{name: crop[None]} for crop in crops]),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(crops),
            ignored_scope=nncf.IgnoredScope(names=list(keep), types=float_types, validate=False),
            advanced_parameters=AdvancedQuantizationParameters(disable_bias_correction=True),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Progress that tools print goes to stderr, and their advice nowhere: what it says is done, or does not apply."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logging.disable(before)


class OnnxRuntimeQuantizer:
    """Static quantisation by ONNX Runtime: weights by channel, activations by tensor, shifted where that fits better.

    Calibrates once; may then quantise several times, with other layers left float.
    """

    def __init__(self, model: "ModelProto", crops: np.ndarray, ranges: Ranges = "minmax") -> None:
        """Run the crops (N, 3, H, W) through the network and note the ranges of its activations."""
        from onnx import save_model

        with untold():
            from onnxruntime.quantization import CalibrationMethod
            from onnxruntime.quantization.calibrate import CalibrationDataReader, create_calibrator
            from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

        class Reader(CalibrationDataReader):
            def __init__(self, chunk: np.ndarray) -> None:
                self._left = iter(chunk)

            def get_next(self) -> dict[str, np.ndarray] | None:
                crop = next(self._left, None)
                return None if crop is None else {name: crop[None]}

        name = input_name(model)
        self._model = model
        # a BatchNorm between others has no integer form: rounding its factors would gain nothing
        self._kinds = sorted({*QDQRegistry, *QLinearOpsRegistry} - {"BatchNormalization"})
        self._method = {
            "minmax": CalibrationMethod.MinMax,
            "entropy": CalibrationMethod.Entropy,
            "percentile": CalibrationMethod.Percentile,
        }[ranges]
        with TemporaryDirectory() as folder, _quiet():
            source = Path(folder) / "model.onnx"
            save_model(model, source)
            calibrator = create_calibrator(
                source,
                self._kinds,
                augmented_model_path=str(Path(folder) / "augmented.onnx"),
                calibrate_method=self._method,
                extra_options={} if ranges == "minmax" else {"num_bins": BINS},
            )
            for start in range(0, len(crops), CHUNK):
                calibrator.collect_data(Reader(crops[start : start + CHUNK]))
            self._ranges = calibrator.compute_data()

    def quantize(self, keep: Sequence[str]) -> "ModelProto":
        """The network in int8, the nodes named in ``keep`` in float."""
        import onnx
        from onnxruntime.quantization import QuantType, quantize_static
        from onnxruntime.quantization.calibrate import save_tensors_data

        with TemporaryDirectory() as folder, _quiet():
            ranges, target = Path(folder) / "ranges.json", Path(folder) / "model.onnx"
            save_tensors_data(self._ranges, ranges)
            quantize_static(
                self._model,
                target,
                op_types_to_quantize=self._kinds,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(keep),
                calibrate_method=self._method,
                calibration_cache_path=ranges,
            )
            return onnx.load(target)
