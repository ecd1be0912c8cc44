"""``leanpose serve``."""

from pathlib import Path
from typing import Annotated

import typer

from leanpose.cli.engine_options import ModeOption, PrecisionOption

LIMITS = "Limits"
TIMES = "Times"


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(help="A packaged model, or an .onnx file with its card beside it; repeat for more. The first is "
                     "for requests that name none; small by default."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Others than this machine's own need --token-file.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the port, each with the models and its part of the cores.")
    ] = 1,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the token that each request must have.")
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this origin ask, such as https://example.org; repeat."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A page of 'leanpose export --web DIR' to stand at /.")
    ] = None,
    detector: Annotated[
        str, typer.Option(metavar="NAME|PATH|none", help="Who finds the people; none: requests say where they are.")
    ] = "person",
    detector_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which a box is a person; by default the detector's.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: PrecisionOption = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of each worker; by default the cores divided by the workers.")
    ] = None,
    mode: ModeOption = "latency",
    max_mb: Annotated[
        float, typer.Option(min=0.001, rich_help_panel=LIMITS, help="Megabytes of a request that is no video.")
    ] = 20,
    max_pixels: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Pixels of a picture or a frame.")
    ] = 50_000_000,
    max_boxes: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Boxes of one picture.")] = 100,
    max_images: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Pictures of one KServe request.")
    ] = 16,
    max_video_mb: Annotated[
        float, typer.Option(min=0.001, rich_help_panel=LIMITS, help="Megabytes of a video.")
    ] = 500,
    max_frames: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Frames of a video.")] = 20_000,
    max_seconds: Annotated[
        float, typer.Option(min=0.1, rich_help_panel=LIMITS, help="Length of a video.")
    ] = 600,
    max_videos: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Videos at once.")] = 2,
    max_queue: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Pictures that wait for the engine.")
    ] = 64,
    max_held_mb: Annotated[
        float, typer.Option(min=0.001, rich_help_panel=LIMITS, help="Megabytes of all requests in memory.")
    ] = 500,
    max_connections: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Open connections.")
    ] = 256,
    max_batch: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Pictures that the engine is given in one go.")
    ] = 16,
    max_wait_ms: Annotated[
        float,
        typer.Option(min=0, max=1000, rich_help_panel=TIMES, help="Milliseconds that a batch waits for pictures of "
                     "other clients which are on their way; a single client never waits."),
    ] = 2,
    head_seconds: Annotated[
        float, typer.Option(min=0.1, rich_help_panel=TIMES, help="For the line and headers of a request.")
    ] = 10,
    upload_seconds: Annotated[
        float,
        typer.Option(min=0.1, rich_help_panel=TIMES, help="For a picture's bytes; of a video the longest pause."),
    ] = 30,
    answer_seconds: Annotated[
        float, typer.Option(min=0.1, rich_help_panel=TIMES, help="From a whole request to its answer.")
    ] = 60,
    drain_seconds: Annotated[
        float, typer.Option(min=1, rich_help_panel=TIMES, help="For what is under way when asked to stop.")
    ] = 30,
) -> None:  # fmt: skip
    """Answer over HTTP where people and their joints are in pictures and videos.

    Try it: leanpose serve, then curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/poses, and see /docs there.
    Nothing is stored and nothing is sent anywhere; each request is a line of JSON on stderr, without what its picture
    shows. Ctrl-C and SIGTERM end it once what is under way is answered.
    """
    from leanpose.core.errors import LeanposeError
    from leanpose.serve.estimators import OpenEstimators, threads_of_a_worker
    from leanpose.serve.limits import Limits
    from leanpose.serve.server import Address, read_token
    from leanpose.serve.server import serve as listen

    limits = Limits(
        max_bytes=round(1e6 * max_mb), max_pixels=max_pixels, max_boxes=max_boxes, max_images=max_images,
        max_video_bytes=round(1e6 * max_video_mb), max_frames=max_frames, max_seconds=max_seconds,
        max_videos=max_videos, max_queue=max_queue, max_held=round(1e6 * max_held_mb),
        max_connections=max_connections, head_seconds=head_seconds, upload_seconds=upload_seconds,
        answer_seconds=answer_seconds, drain_seconds=drain_seconds, max_batch=max_batch, batch_wait=max_wait_ms / 1000,
    )  # fmt: skip
    for origin in cors or []:
        if origin != "*" and ("://" not in origin or origin.endswith("/")):
            raise LeanposeError(f"--cors {origin}: an origin is needed, such as https://example.org, without a path")
    address = Address(host, port, None if token_file is None else read_token(token_file), tuple(cors or ()))
    estimators = OpenEstimators(
        tuple(model or ["small"]), None if detector == "none" else detector, detector_threshold, engine, precision,
        threads or threads_of_a_worker(workers), mode,
    )  # fmt: skip
    raise typer.Exit(listen(estimators, address, limits, workers, typer.echo, page))
