"""From a trained network to the file that engines run: ONNX, folded, halved or in 8 bits."""
