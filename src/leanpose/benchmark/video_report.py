"""The tables of runs on a video."""

from collections.abc import Sequence

import numpy as np

from leanpose.benchmark.result import VideoRun

Plain = tuple[str, Sequence[str], Sequence[Sequence[str]], str]


def video_sections(videos: Sequence[VideoRun]) -> list[Plain]:
    """Frames per second, and where the time goes: title, columns, rows and note of each table."""
    if not videos:
        return []
    rates = []
    for video in videos:
        rate = [each.frames / each.seconds for each in video.passes]
        frames = sum(each.frames for each in video.passes)
        rates.append(
            (
                video.label, f"{np.median(rate):.1f}", f"{min(rate):.1f} to {max(rate):.1f}", str(len(rate)),
                f"{100 * sum(each.found for each in video.passes) / frames:.1f}",
                f"{100 * sum(each.detections for each in video.passes) / frames:.1f}",
            )
        )  # fmt: skip
    stages = list(dict.fromkeys(stage for video in videos for each in video.passes for stage in each.split))
    split = np.array(
        [
            [np.median([1000 * each.split.get(stage, 0.0) / each.frames for each in video.passes]) for video in videos]
            for stage in stages
        ]
    )
    total = split.sum(axis=0)
    rows = [
        (stage, *(f"{ms:.2f} ({100 * ms / whole:.0f} %)" for ms, whole in zip(of_stage, total, strict=True)))
        for stage, of_stage in zip(stages, split, strict=True)
    ]
    return [
        (
            "Video, end to end",
            ("model", "frames/s", "least to most", "passes", "frames with somebody, %", "frames with detector, %"),
            rates,
            "Reading and answering overlap as in use; nothing is drawn or written.",
        ),
        (
            "Video, ms per frame by stage",
            ("stage", *(video.label for video in videos)),
            [*rows, ("sum", *(f"{whole:.2f}" for whole in total))],
            "One stage after the other, in passes of their own: the sum is more than a frame takes above.",
        ),
    ]
