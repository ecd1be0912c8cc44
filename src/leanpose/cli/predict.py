"""``leanpose predict``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from leanpose.cli.engine_options import AnyAngleOption, DeterministicOption, ModeOption, PrecisionOption
from leanpose.core.errors import BoxError, LeanposeError, ModelError
from leanpose.core.stopping import exit_status

if TYPE_CHECKING:
    from leanpose.estimate.detector import PersonDetector

VIDEO = "Video, cameras and streams"


def predict(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC...", help="Images, videos, folders or patterns of them, a camera (0), a stream (rtsp://...)."
        ),
    ],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into the folders that lie in folders, too.")
    ] = False,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X1,Y1,X2,Y2", help="A person's box in pixels; repeat for more people. No detector."),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Boxes: COCO JSON, or CSV of file,x1,y1,x2,y2,score. No detector."),
    ] = None,
    whole_image: Annotated[
        bool, typer.Option("--whole-image", help="Each image shows one person, all of it. No detector.")
    ] = False,
    detector: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Who finds the people: a packaged detector, or an .onnx file.")
    ] = "person",
    detector_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which a box is a person; by default the detector's.")
    ] = None,
    tiles: Annotated[
        str,
        typer.Option(
            metavar="auto|off|N",
            help="Whether the detector looks at parts of an image too, for small people: auto does with images over "
            "1,500 pixels, not with video; N is how many along the longer side. Every look may invent somebody.",
        ),
    ] = "off",
    model: Annotated[str, typer.Option(help="A packaged model, or an .onnx file with its card beside it.")] = "small",
    skeleton: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Whose joints to give, such as mpii16; by default the model's, coco17 for coco, coco-dataset, yolo.",
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: PrecisionOption = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; by default one per core.")] = None,
    mode: ModeOption = "latency",
    deterministic: DeterministicOption = False,
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored image: twice the work.")
    ] = False,
    any_angle: AnyAngleOption = False,
    lenient: Annotated[
        bool,
        typer.Option("--lenient", help="Take of damaged images and videos what there is, and say so in the results."),
    ] = False,
    format: Annotated[
        Literal["json", "jsonl", "csv", "coco", "coco-dataset", "yolo", "openpose"],
        typer.Option(
            help="Format of the results. jsonl is written as it goes; coco are results to evaluate, coco-dataset "
            "labels for CVAT and the like; yolo and openpose are a file per image or frame."
        ),
    ] = "json",
    coco_images: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="COCO file whose images give --format coco their image ids, by name."),
    ] = None,
    joint_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Score below which a joint counts as not found.")
    ] = 0.0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path("leanpose-out"),
    draw: Annotated[
        bool, typer.Option("--draw", help="Also write the images or videos with the poses drawn on them.")
    ] = False,
    draw_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which a joint is drawn; by default 0.3.")
    ] = None,
    show: Annotated[
        bool,
        typer.Option("--show", rich_help_panel=VIDEO, help="A window with each frame and its poses; q closes it."),
    ] = False,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", rich_help_panel=VIDEO, help="From here on: 12.5, 1:30 or 1:02:03.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", rich_help_panel=VIDEO, help="Up to here, in the video's own time.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=VIDEO, help="Only every so many frames.")
    ] = None,
    track: Annotated[
        bool | None,
        typer.Option("--track/--no-track", rich_help_panel=VIDEO, help="Give people ids that stay; on by default."),
    ] = None,
    smooth: Annotated[
        Literal["live", "both-ways", "off"] | None,
        typer.Option(
            rich_help_panel=VIDEO,
            help="Steady the joints of each id: live by default; both-ways, without lag, once the file is read.",
        ),
    ] = None,
    two_pass: Annotated[
        bool,
        typer.Option("--two-pass", rich_help_panel=VIDEO, help="Follow people with the whole file known: who was lost "
                     "and found keeps the id, gaps are filled, ghosts left out. Smooths both ways."),
    ] = False,
    detect_every: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=VIDEO, help="Frames from one run of the detector to the next; by default "
                     "as many as the tracking allows."),
    ] = None,
    trails: Annotated[
        bool, typer.Option("--trails", rich_help_panel=VIDEO, help="Also draw where hands and feet have been.")
    ] = False,
    kinematics: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", rich_help_panel=VIDEO, help="Joint angles and speeds by id and frame."),
    ] = None,
) -> None:  # fmt: skip
    """Find people and their joints in images and videos.

    Images go into one file, each video, also a GIF that moves, into its own. A file that cannot be used is an error
    when it is the only one; among several it is skipped and counted, and the exit status is 1. So it is when a video
    breaks off: what came before is kept. Ctrl-C, SIGTERM and SIGHUP end in good order with what is there, and exit
    status 130, 143 and 129; older results are replaced by complete ones alone, others go beside them as NAME.partial.
    """
    from leanpose.cli.predict_images import predict_images
    from leanpose.cli.predict_sources import Ending, Wanted, choose_sources, seconds
    from leanpose.engines.info import OPENVINO_HINT, would_gain_from_openvino
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.estimate.tiles import check_tiles

    known = [bool(box), boxes is not None, whole_image].count(True)
    if known > 1:
        raise BoxError("--box, --boxes and --whole-image each say where the people are: give one of them at most")
    if known and detector_threshold is not None:
        raise BoxError("--detector-threshold: with --box, --boxes or --whole-image no detector runs: leave one out")
    try:
        looked_at = check_tiles(tiles)
    except ValueError as error:
        raise LeanposeError(f"--tiles: {error}") from error
    if known and looked_at != "off":
        raise BoxError("--tiles: with --box, --boxes or --whole-image no detector runs: leave one out")
    chosen = choose_sources(sources, recursive)
    images, videos = chosen.images, chosen.videos
    for_video = {
        "--track": track is not None, "--smooth": smooth is not None, "--detect-every": detect_every is not None,
        "--trails": trails, "--kinematics": kinematics is not None, "--two-pass": two_pass,
        "--start": start is not None, "--end": end is not None, "--every": every is not None,
        "--show": show,
    }  # fmt: skip
    needless = [name for name, given in for_video.items() if given and not videos]
    if needless:
        raise LeanposeError(f"{', '.join(needless)}: for video, and here are only images: leave it out")
    wanted = Wanted(
        parse_boxes(box), boxes, whole_image, format, out, draw, track is not False, smooth, detect_every, trails,
        kinematics, two_pass, coco_images, joint_threshold, draw_threshold, seconds(start, "--start"),
        seconds(end, "--end"), every or 1, show,
    )  # fmt: skip
    wanted.check(images, videos)

    of_coco = skeleton is None and format in ("coco", "coco-dataset", "yolo")
    finder = None if known else _open_detector(detector, detector_threshold, engine, precision, threads, deterministic)
    estimator = PoseEstimator(
        model, engine, precision, flip_test, threads=threads, detector=finder, mode=mode, deterministic=deterministic,
        skeleton=_skeleton_for(model, format) if of_coco else skeleton, tiles=looked_at, lenient=lenient,
        any_angle=any_angle,
    )  # fmt: skip
    typer.echo(estimator.describe())
    if finder:
        typer.echo(finder.describe())
    if engine == "auto" and would_gain_from_openvino():
        typer.echo(OPENVINO_HINT, err=True)

    single = len(images) + len(videos) == 1
    alone = single and str(images[0] if images else videos[0]) == sources[0]
    ending = predict_images(estimator, images, wanted, alone) if images else Ending()
    if videos and not ending.interrupted:
        from leanpose.cli.predict_video import predict_videos

        ending += predict_videos(estimator, videos, wanted, single)
    if ending.interrupted:
        raise typer.Exit(exit_status(ending.signal))
    if ending.faults:
        raise typer.Exit(1)


def _skeleton_for(model: str, format: str) -> str | None:
    """COCO's 17 joints, which its evaluation and YOLO's tools want, where the model has them; else the model's."""
    from leanpose.core.errors import SkeletonError
    from leanpose.engines.zoo import find_model
    from leanpose.pose.skeleton import COCO17, view_weights

    if Path(model).suffix in (".ckpt", ".safetensors"):
        return None
    own = find_model(model)[1].skeleton
    try:
        view_weights(own, COCO17)
    except SkeletonError:
        typer.echo(f"--format {format}: {own.name}'s {len(own)} joints, for the model lacks some of coco17", err=True)
        return None
    return COCO17.name


def _open_detector(
    name: str,
    threshold: float | None,
    engine: str,
    precision: Literal["auto", "f32", "bf16", "int8"],
    threads: int | None,
    deterministic: bool,
) -> "PersonDetector":
    from leanpose.estimate.detector import PersonDetector

    try:
        return PersonDetector(name, engine, precision, threads, threshold, deterministic=deterministic)
    except ModelError as error:
        raise ModelError(
            f"{error}; without a detector say where the people are: --box, --boxes, or --whole-image"
        ) from error


def parse_boxes(texts: list[str] | None) -> list[list[float]] | None:
    """The boxes that ``--box`` gives; raises BoxError."""
    return [_parse_box(text) for text in texts] if texts else None


def _parse_box(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise BoxError(f"--box {text}: write four numbers x1,y1,x2,y2 in pixels")
    return numbers
