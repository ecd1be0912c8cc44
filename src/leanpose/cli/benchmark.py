"""``leanpose benchmark``: time, throughput, memory and start-up of models, in turn, beside the machine's ceilings."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leanpose.cli.crop_size import crop_size
from leanpose.cli.stored_commands import own_command
from leanpose.cli.tables import print_tables
from leanpose.core.bounded import parse_json, read_text
from leanpose.core.errors import BenchmarkError

if TYPE_CHECKING:
    from leanpose.benchmark.result import Benchmark


def benchmark(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Packaged models or detectors, .onnx files, checkpoints, or networks of 'leanpose models', which are "
            "exported untrained. Ratios are to the first. 'small' if none is given."
        ),
    ] = None,
    engine: Annotated[list[str] | None, typer.Option(help="auto, openvino or onnxruntime. Repeat for more.")] = None,
    precision: Annotated[
        list[str] | None, typer.Option(help="auto, f32, bf16 or int8: what the engines compute in. Repeat for more.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; one per core if not given.")] = None,
    isa: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="An older kind of CPU, on OpenVINO alone: avx2, avx2_vnni, avx512, avx512_vnni, avx512_bf16 or amx.",
        ),
    ] = None,
    flip_test: Annotated[bool, typer.Option("--flip-test", help="Look at the mirrored crop as well.")] = False,
    input: Annotated[
        str | None, typer.Option(metavar="HxW", help="Crop of untrained networks; that of their papers if not given.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Also SimpleBaseline, HRNet and Lite-HRNet, untrained.")
    ] = False,
    mediapipe_python: Annotated[
        Path | None,
        typer.Option(metavar="PYTHON", help="Also MediaPipe Pose, in this interpreter, which has mediapipe 0.10.14."),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYOUT:FILE",
            help="Also another project's network, as evaluate takes it: movenet:FILE, blazepose:FILE. Repeat for more.",
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture of one person; a drawn figure if not given.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X1,Y1,X2,Y2", help="Where the person is in it; all of it if not given.")
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|synthetic",
            help="Measure frames per second on a video instead; 'synthetic' is made of the picture, 720p.",
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of the synthetic video.")] = 300,
    detector: Annotated[str, typer.Option(metavar="MODEL", help="Detector for the video.")] = "person",
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Turns of each contender: 30; passes over a video: 3.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, help="Timed calls in a turn.")] = 5,
    batch: Annotated[
        list[int] | None, typer.Option(min=0, help="People per call, for throughput: 1 to 32; 0 for none.")
    ] = None,
    starts: Annotated[int, typer.Option(min=0, help="Starts in new processes; 0 for none.")] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="A look: 3 rounds of 2 calls, batches 1 and 4, one start.")
    ] = False,
    scores: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of a model's accuracy by its name, besides the cards'.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Beginning of the score's name in the cards; what most have if not given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for benchmark.json, benchmark.md, accuracy.png.")
    ] = None,
    again: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="An earlier benchmark.json; nothing is measured."),
    ] = None,
) -> None:
    """Measure models in turn, in one run, with the machine's ceilings, and print their ratios.

    One person from image to joints and the network alone, batches, memory, start-up, energy where the machine tells.
    Run it on a machine that does nothing else.
    """
    from leanpose.benchmark.report import tables, write_report
    from leanpose.benchmark.result import Benchmark
    from leanpose.benchmark.selection import BASELINES

    given = _read_scores(scores) if scores else {}
    if again:
        done = Benchmark.load(again)
    else:
        names = [*(models or ["small"]), *(peer or ()), *(BASELINES if baselines else ())]
        asked: dict[str, Any] = {
            "models": names, "engines": engine or ["auto"], "precisions": precision or ["auto"], "threads": threads,
            "flip_test": flip_test, "input_hw": crop_size(input),
        }  # fmt: skip
        if isa:
            if mediapipe_python or video is not None:
                raise BenchmarkError(f"--isa {isa}: MediaPipe does not heed it, and videos are not measured with it")
            asked |= {"isa": _known_isa(isa)}
        scene = (image, parse_box(box))
        if video is not None:
            done = _on_video(asked, scene, video, frames, detector, rounds or (1 if quick else 3))
        else:
            asked |= {"rounds": rounds or (3 if quick else 30), "calls": 2 if quick else calls}
            asked |= {"starts": 1 if quick and starts else starts, "mediapipe": mediapipe_python}
            if batch or quick:
                asked["batches"] = [size for size in batch or (1, 4) if size]
            done = _on_stills(asked, scene, quick)
    print_tables(*tables(done))
    if out:
        write_report(done, out)
        typer.echo(f"report: {out}")
        _draw(done, metric, given, out / "accuracy.png")


def _known_isa(name: str) -> str:
    from leanpose.benchmark.isa import LIMITS

    if name not in LIMITS:
        raise BenchmarkError(f"--isa {name}: use one of {', '.join(LIMITS)}")
    return name


def _on_stills(asked: dict[str, Any], scene: tuple[Path | None, tuple[float, ...] | None], quick: bool) -> "Benchmark":
    from leanpose.benchmark.run import Settings, run
    from leanpose.benchmark.scene import open_scene

    settings = Settings(**asked)
    if quick:
        settings = replace(settings, copied=64 * 2**20)
    return run(settings, open_scene(*scene), own_command(), _progress)


def _on_video(
    asked: dict[str, Any], scene: tuple[Path | None, tuple[float, ...] | None], video: str, frames: int, detector: str,
    rounds: int,
) -> "Benchmark":  # fmt: skip
    from leanpose.benchmark.scene import open_scene
    from leanpose.benchmark.video import VideoSettings, run_on_video

    picture, box = scene
    if video != "synthetic" and picture:
        raise BenchmarkError("--image goes with --video synthetic: a file has its own pictures")
    source = open_scene(picture, box) if video == "synthetic" else video
    settings = VideoSettings(**asked, detector=detector, rounds=rounds)
    return run_on_video(settings, source, frames, own_command(), _progress)


def _progress(steps: Iterable[int], name: str) -> Iterable[int]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    steps = list(steps)
    return track(steps, name, console=console, disable=not console.is_terminal)


def parse_box(text: str | None) -> tuple[float, ...] | None:
    """Four numbers of ``--box``."""
    if text is None:
        return None
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4:
        raise BenchmarkError(f"--box {text}: write four numbers as in 40,20,180,400")
    return numbers


def _read_scores(path: Path) -> dict[str, float]:
    content = parse_json(read_text(path, BenchmarkError), BenchmarkError, str(path))
    numbers = isinstance(content, dict) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in content.values()
    )
    if not numbers:
        raise BenchmarkError(f'{path}: give an object of numbers by model, as in {{"small": 77.7}}')
    return content


def _draw(done: "Benchmark", metric: str | None, given: dict[str, float], path: Path) -> None:
    """The plot, where there is something to draw and to draw with."""
    from leanpose.benchmark.summary import accuracies
    from leanpose.core.errors import MissingExtraError

    if not done.models:
        return
    try:
        from leanpose.benchmark.chart import draw_accuracy

        front = draw_accuracy(done, *accuracies(done, metric, given), path)
    except (BenchmarkError, MissingExtraError) as error:
        if metric or given:
            raise
        typer.echo(f"no plot: {error}")
        return
    typer.echo(f"plot: {path}; nobody beats {'; '.join(front)}")
