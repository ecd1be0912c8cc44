"""Smaller models: int8 by NNCF or ONNX Runtime, or weights in half precision; gated by what they lose.

None of it needs PyTorch.
"""

from leanpose.export.quantize.accuracy import Comparison, Judge
from leanpose.export.quantize.on_load import add_ranges
from leanpose.export.quantize.run import Quantized, Trial, check_target, halve_model, open_source, quantize_model

__all__ = [
    "Comparison",
    "Judge",
    "Quantized",
    "Trial",
    "add_ranges",
    "check_target",
    "halve_model",
    "open_source",
    "quantize_model",
]
