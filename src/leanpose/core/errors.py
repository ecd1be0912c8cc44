"""The errors that leanpose raises on purpose. Each message says what was wrong, where, and what to do."""

from leanpose.core.printable import printable


class LeanposeError(Exception):
    """Base of every error that leanpose raises on purpose.

    Attributes:
        exit_status: of the command that it ends.
    """

    exit_status: int = 2

    def __str__(self) -> str:
        return printable(super().__str__())  # names of files and joints may hold what a terminal obeys


class ImageError(LeanposeError):
    """An image file or array that cannot be used."""


class VideoError(LeanposeError):
    """A video, camera or stream that cannot be opened, read to its end, or written.

    Attributes:
        frames_read: how many whole frames were handed out before.
    """

    def __init__(self, message: str, frames_read: int = 0) -> None:
        super().__init__(message)
        self.frames_read = frames_read


class BoxError(LeanposeError):
    """A person box that is missing, malformed, empty or outside its image."""


class PosesError(LeanposeError):
    """A pose result, or a file holding one, whose parts do not fit together."""


class TimestampError(LeanposeError):
    """Frames of a video whose times do not increase."""


class SkeletonError(LeanposeError):
    """A skeleton whose joints, limbs or flip pairs do not fit together."""


class InputSizeError(LeanposeError):
    """An input size that a network cannot take."""


class ModelError(LeanposeError):
    """A model, card or weight file that is missing, unknown, damaged or of another kind than asked for."""


class EngineError(LeanposeError):
    """An inference engine that is unknown or not installed."""


class ForkError(EngineError):
    """Something with threads, such as a network or an open video, in a process forked from the one that has them."""


class DatasetError(LeanposeError):
    """A dataset folder or label file that cannot be read as what it was said to be."""


class RecipeError(LeanposeError):
    """A training recipe, or an override of one, that makes no sense."""


class TrainingError(LeanposeError):
    """A training that cannot go on, such as one whose loss is no longer finite."""


class TrainingStoppedError(TrainingError):
    """A training that a signal ended, whose status it is, in good order."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class ExportError(LeanposeError):
    """An exported model that does not agree with the network it came from."""


class AccuracyError(ExportError):
    """A smaller model that would lose more accuracy than is allowed."""


class BenchmarkError(LeanposeError):
    """A benchmark that makes no sense or cannot be run, or a file that is not the report of one."""


class MissingExtraError(LeanposeError):
    """A command that needs an optional part of leanpose which is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed: pip install 'leanpose[{extra}]'")


class ServeError(LeanposeError):
    """A service that cannot be started as it was asked to be."""


class BatchError(LeanposeError):
    """Batch work that cannot be begun or cannot go on: sources, a folder of results, or a runner that do not fit."""


class CheckoutError(LeanposeError):
    """A command that only a checkout of the repository has."""
