"""``leanpose batch``, and ``leanpose batch merge``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from leanpose import __version__
from leanpose.cli.engine_options import AnyAngleOption, DeterministicOption, ModeOption, PrecisionOption
from leanpose.core.errors import BatchError, LeanposeError
from leanpose.core.stopping import exit_status

if TYPE_CHECKING:
    from leanpose.batch.runner import Runner

CUT = "How the work is cut"
WHERE = "Where it runs"
VIDEO = "Video"
Folder = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results, or one to go on in.")]


class RunByDefault(TyperGroup):
    """``leanpose batch SOURCES`` is short for ``leanpose batch run SOURCES``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["run", *args])


app = typer.Typer(
    cls=RunByDefault,
    help="Poses of millions of pictures and archives of video, which goes on where it was after whatever ends it.",
)


@app.command("run")
def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC...", help="Images, videos, folders, patterns; lists of paths (.txt, .csv, .parquet); "
            "addresses such as s3://bucket/folder.",
        ),
    ],
    out: Folder = Path("leanpose-batch"),
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into the folders that lie in folders, too.")
    ] = False,
    model: Annotated[str, typer.Option(help="A packaged model, or an .onnx file with its card beside it.")] = "small",
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Whose joints to give; by default the model's.")
    ] = None,
    detector: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Who finds the people: a packaged detector, or an .onnx file.")
    ] = "person",
    detector_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which a box is a person; by default the detector's.")
    ] = None,
    tiles: Annotated[
        str, typer.Option(metavar="auto|off|N", help="Whether the detector looks at parts of an image, too.")
    ] = "off",
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: PrecisionOption = "auto",
    mode: ModeOption = "throughput",
    deterministic: DeterministicOption = False,
    flip_test: Annotated[
        bool, typer.Option("--flip-test", help="Average with the mirrored image: twice the work.")
    ] = False,
    any_angle: AnyAngleOption = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Take of damaged files what there is, and say so in the results.")
    ] = False,
    track: Annotated[
        bool, typer.Option("--track/--no-track", rich_help_panel=VIDEO, help="Give people ids that stay.")
    ] = True,
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", rich_help_panel=VIDEO, help="Steady the joints of each id.")
    ] = True,
    two_pass: Annotated[
        bool,
        typer.Option("--two-pass", rich_help_panel=VIDEO, help="Follow people with the whole video, or piece, known; "
                     "its poses are in memory until then."),
    ] = False,
    shard_images: Annotated[
        int, typer.Option(min=1, rich_help_panel=CUT, help="Images of one shard, and so of one file of results.")
    ] = 256,
    piece: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", rich_help_panel=CUT, help="Videos over one and a half times as long are "
                     "cut at key frames into pieces about as long, which are looked at side by side; 0: never."),
    ] = 600,
    overlap: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", rich_help_panel=CUT, help="That two pieces share, for the ids.")
    ] = 3,
    workers: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=WHERE, help="Processes; by default as many as there are cores for."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, rich_help_panel=WHERE, help="CPU threads of each process.")] = 1,
    ray: Annotated[
        bool, typer.Option("--ray", rich_help_panel=WHERE, help="On Ray, started here unless --ray-address is given.")
    ] = False,
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", rich_help_panel=WHERE, help="Of a Ray cluster, such as auto. All its machines "
                     "need the sources and --out at the same paths."),
    ] = None,
) -> None:  # fmt: skip
    """Find people and their joints in millions of images and archives of video; it goes on where it was.

    The results are DIR/poses/*.parquet, a file for each shard, a row for each person in each image or frame: see
    docs/scale.md. The same command again does what is missing, whatever ended the one before: Ctrl-C, a full disk, a
    killed process, a machine that went down. A file that cannot be used becomes a row with its error, and the exit
    status is 1. Afterwards: leanpose batch merge --help.
    """
    from leanpose.batch.configuration import Cutting
    from leanpose.batch.estimators import Opening
    from leanpose.batch.run import alone, plan, totals
    from leanpose.batch.work import Job
    from leanpose.cli.batch_progress import follow, report
    from leanpose.estimate.tiles import check_tiles

    if not track and two_pass:
        raise LeanposeError("--two-pass needs to know who is who: leave --no-track out")
    try:
        looked_at = check_tiles(tiles)
    except ValueError as error:
        raise LeanposeError(f"--tiles: {error}") from error
    opening = Opening(
        model, detector, detector_threshold, engine, precision, threads, mode, deterministic, skeleton, flip_test,
        any_angle, looked_at, lenient,
    )  # fmt: skip
    described = opening.describe()
    tracking = {"track": track, "smooth": smooth and track, "two_pass": two_pass}
    configuration = {"leanpose": __version__, **described, **tracking}
    cutting = Cutting(shard_images, piece, overlap)
    job = Job(out.absolute(), described["model"], opening, tracking, lenient)
    with alone(out):
        found = plan(sources, out, configuration, cutting, recursive)
        stopped_by = follow(found, job, _runner(workers, threads, ray, ray_address))
        if stopped_by:
            raise typer.Exit(exit_status(stopped_by))
        if report(totals(found, job), job).failures:
            raise typer.Exit(1)


def _runner(workers: int | None, threads: int, ray: bool, ray_address: str | None) -> "Runner":
    if ray or ray_address is not None:
        from leanpose.batch.ray_runner import OnRay

        return OnRay(workers, threads, ray_address)
    from leanpose.batch.processes import Processes, workers_by_default

    return Processes(workers or workers_by_default(threads))


@app.command("merge")
def merge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What leanpose batch has written.")],
    to: Annotated[
        Path,
        typer.Option(metavar="FILE.json|DIR", help="A COCO file, or a new folder for a data set in few large files."),
    ],
    by: Annotated[
        Literal["kind", "folder"],
        typer.Option(help="What the data set is partitioned by: images and videos, or the folders of the files."),
    ] = "kind",
) -> None:  # fmt: skip
    """Bring the results of a batch into one COCO file, or into a partitioned Parquet data set."""
    from leanpose.batch.merging import merge_to_coco, merge_to_dataset

    if to.suffix.lower() == ".json":
        images, people = merge_to_coco(folder, to)
        typer.echo(f"{to}: images {images:,}, people {people:,}")
    elif to.suffix:
        raise BatchError(f"--to {to}: a name that ends in .json for COCO, or a folder's")
    else:
        files, rows = merge_to_dataset(folder, to, by)
        typer.echo(f"{to}: rows {rows:,} in {files:,} {'file' if files == 1 else 'files'}, partitioned by {by}")
