"""What every runner is: it has shards looked at somewhere, and tells how they go."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from leanpose.batch.shard import Shard
from leanpose.batch.work import Job, Outcome


@dataclass(frozen=True)
class Step:
    """So many pictures and frames more were looked at."""

    pictures: int


@dataclass(frozen=True)
class Note:
    """Something that a person should know, such as that a process died."""

    text: str


class Runner(Protocol):
    """Has :func:`leanpose.batch.work.process` called for each shard, in processes of its own."""

    def run(self, job: Job, shards: Iterator[Shard]) -> Generator[Step | Note | Outcome, None, None]:
        """How it goes: an outcome for each shard, in any order, and steps and notes between them.

        Few of the shards are asked for ahead. Closed, or after an error, it has ended its processes; what they had
        under way is not there then.

        Raises:
            LeanposeError: what :func:`leanpose.batch.work.process` raises, and the opening of the estimator.
            BatchError: when processes die again and again before they have done anything.
        """
        ...
