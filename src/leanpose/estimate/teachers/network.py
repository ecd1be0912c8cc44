"""A teacher's file, loaded: crops in, all answers out."""

from pathlib import Path

import numpy as np

from leanpose.core.errors import ModelError
from leanpose.engines import InputShape, Precision, open_session


class Network:
    """A network that looks at crops of people.

    Attributes:
        path: of the file.
        session: the loaded network; says which engine and precision are in use.
        input_shape: of its only input; ``None`` for a side of any size.
        input_type: of the numbers that go in.
        outputs: shapes by name.
    """

    path: Path
    input_shape: InputShape
    input_type: np.dtype
    outputs: dict[str, InputShape]

    def __init__(
        self, path: Path, threads: int | None = None, precision: Precision = "auto", engine: str = "auto"
    ) -> None:
        """Load a file.

        Args:
            path: an ``.onnx`` file, or one that OpenVINO alone reads: ``.tflite``, a frozen graph ``.pb``, ``.xml``.
            threads, precision, engine: as :func:`leanpose.engines.open_session` takes them.

        Raises:
            ModelError: when there is no such file, it is damaged, or has several inputs.
            EngineError: as :func:`leanpose.engines.open_session` does.
        """
        self.path = path
        self.session = open_session(path, engine, threads, precision)
        if len(self.session.inputs) != 1:
            names = ", ".join(self.session.inputs) or "none"
            raise ModelError(f"{path} has {len(self.session.inputs)} inputs ({names}): a teacher takes crops alone")
        ((self._port, self.input_shape),) = self.session.inputs.items()
        self.input_type = self.session.input_types[self._port] or np.dtype(np.float32)
        self.outputs = self.session.outputs

    def __call__(self, crops: np.ndarray) -> list[np.ndarray]:
        """Answers (P, ...) of each output, in the file's order, for crops (P, ...) in the network's own layout.

        They are handed over one by one where the file has a batch of one or the engine is best at that.

        Raises:
            ModelError: when the network cannot compute on them.
        """
        fixed = self.input_shape[0] if self.input_shape else None
        share = fixed or self.session.share or max(len(crops), 1)
        if share > 1 and fixed:  # a file with a larger batch of its own
            spare = -len(crops) % share
            padded = np.concatenate((crops, np.zeros((spare, *crops.shape[1:]), crops.dtype)))
        else:
            padded = crops
        parts = [
            list(self.session.run({self._port: padded[start : start + share].astype(self.input_type)}).values())
            for start in range(0, len(padded), share)
        ]
        return [np.concatenate(answers)[: len(crops)] for answers in zip(*parts, strict=True)]
