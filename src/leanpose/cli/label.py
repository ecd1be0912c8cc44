"""``leanpose label``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from leanpose.cli.engine_options import PrecisionOption
from leanpose.cli.tables import print_tables
from leanpose.core.errors import BoxError, LeanposeError
from leanpose.core.stopping import exit_status

if TYPE_CHECKING:
    from leanpose.datasets.labelling.run import Run
    from leanpose.datasets.labelling.summary import Summary
    from leanpose.estimate.teachers.agreement import Rule
    from leanpose.estimate.teachers.interface import OpenedTeacher

WHO = "Where the people are"
TWO = "Two teachers"
MERGED_FROM = 0.2  # score from which boxes of merged detectors, and of files, are written
MERGED_JOINTS_FROM = 0.35  # and from which they are believed enough for joints


def label(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURES...", help="Folders, with all in them, files, patterns, or datasets as KIND:PATH."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="The label file to write, in COCO's format.")],
    teacher: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="The network that finds the joints: LAYOUT:FILE or a model of leanpose. "
                     "Give two, and joints on which they agree get a higher confidence."),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", rich_help_panel=WHO, help="Boxes: COCO JSON, or CSV of file,x1,y1,x2,y2,score."),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|PATH", rich_help_panel=WHO, help="What finds the people; repeat to merge several. "
                     "By default the packaged detector, for pictures that no dataset or file has boxes of."),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", rich_help_panel=WHO, help="The first detector sees the mirrored picture too.")
    ] = False,
    boxes_only: Annotated[
        bool, typer.Option("--boxes-only", rich_help_panel=WHO, help="Write boxes with scores and no joints.")
    ] = False,
    boxes_from: Annotated[
        float | None,
        typer.Option(min=0, max=1, rich_help_panel=WHO, help="Score from which a box is written: "
                     f"{MERGED_FROM} by default, and for joints in a single detector's boxes its own threshold."),
    ] = None,
    part: Annotated[
        Literal["all", "train", "val", "test"], typer.Option(rich_help_panel=WHO, help="Which part of the datasets.")
    ] = "all",
    joints_from: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Score of a box from which joints are looked for; by default a single "
                     f"detector's own threshold, else {MERGED_JOINTS_FROM}."),
    ] = None,
    min_side: Annotated[
        float, typer.Option(min=0, metavar="PX", help="Smaller people keep their box and get no joints.")
    ] = 56,
    least: Annotated[float, typer.Option(min=0, max=1, help="Confidence from which a joint is written.")] = 0.2,
    near: Annotated[
        float,
        typer.Option(min=0, rich_help_panel=TWO, help="How far apart joints that agree may be, in longer sides of "
                     "the box."),
    ] = 0.045,
    first_sure: Annotated[
        float, typer.Option(min=0, max=1, rich_help_panel=TWO, help="Confidence that the first needs, to agree.")
    ] = 0.25,
    second_sure: Annotated[
        float, typer.Option(min=0, max=1, rich_help_panel=TWO, help="Confidence that the second needs, to agree.")
    ] = 0.4,
    agreed: Annotated[
        float, typer.Option(min=0, max=1, rich_help_panel=TWO, help="Least confidence where they agree.")
    ] = 0.8,
    alone: Annotated[
        float,
        typer.Option(min=0, max=1, rich_help_panel=TWO, help="Highest confidence where they do not, and the "
                     "first one's joint stands."),
    ] = 0.79,
    reach: Annotated[
        float,
        typer.Option(min=0, rich_help_panel=TWO, help="Joints farther from the box than this, in longer "
                     "sides of it, get confidence 0."),
    ] = 0.2,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Whose joints to write; by default the teacher's.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: PrecisionOption = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; by default one per core.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, whatever stands at --out.")] = False,
) -> None:  # fmt: skip
    """Label pictures with networks: people's boxes, their joints, and a confidence for each joint.

    It may be ended at any time: the same command again does what is missing. The exit status is 1 when pictures were
    left out, because they or their boxes cannot be used, and 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    """
    from leanpose.core.boxes import read_boxes
    from leanpose.datasets.labelling.parties import identity, one_by_one, open_finder
    from leanpose.datasets.labelling.people import Rules
    from leanpose.datasets.labelling.pictures import find_pictures
    from leanpose.datasets.labelling.run import Labeller, start
    from leanpose.datasets.readers import PARTS
    from leanpose.estimate.teachers.agreement import Rule
    from leanpose.pose.skeleton_files import find_skeleton

    teachers = one_by_one(teacher or [])
    _check(out, teachers, skeleton, boxes, detector, mirror, boxes_only)
    box_file = read_boxes(boxes) if boxes else None
    found = find_pictures(pictures, PARTS if part == "all" else (part,), box_file)
    if box_file is not None:
        _report_boxless(found.pictures, boxes)
    searched = [picture for picture in found.pictures if picture.boxes is None]
    if (detector or mirror) and not searched:
        raise BoxError(
            "--detector, --mirror: the datasets say where all people are: leave it out, or name folders of pictures"
        )

    names = detector or ["person"]
    single = bool(searched) and len(names) == 1 and not mirror
    lowest = boxes_from if boxes_from is not None else None if single and not boxes_only else MERGED_FROM
    finder, detectors = open_finder(names, mirror, lowest, engine, precision, threads) if searched else (None, [])
    lowest = detectors[0].threshold if lowest is None else lowest
    if joints_from is None:
        joints_from = lowest if single else max(lowest, MERGED_JOINTS_FROM)
    rules = Rules(lowest, joints_from, min_side, least)
    agreement = Rule(near, first_sure, second_sure, agreed, alone, reach)
    if agreement != Rule() and len(teachers) != 2:
        raise LeanposeError("how two teachers agree is said, and there are not two: leave it out")
    asked = _open_teacher(teachers, agreement, threads, precision, engine)
    labeller = Labeller(asked, finder, rules, find_skeleton(skeleton) if skeleton else None)

    configuration: dict[str, Any] = {
        "pictures": pictures,
        "part": part,
        "teachers": [identity(spec) for spec in teachers],
        "agreement": vars(agreement) if len(teachers) == 2 else None,
        "skeleton": labeller.joints.to_dict() if labeller.joints else None,
        "detectors": [identity(spec) for spec in names] if searched else [],
        "mirror": mirror,
        "boxes": identity(str(boxes)) if boxes else None,
        "rules": vars(rules),
        "engine": [engine, precision],
    }
    info = {"description": "Labels by networks, made with leanpose label"} | {
        name: configuration[name] for name in ("teachers", "agreement", "detectors", "mirror", "boxes", "rules")
    }
    run = start(found, labeller, out, configuration, info, overwrite)
    for each in detectors:
        typer.echo(each.describe())
    if asked:
        typer.echo(f"teacher {asked.describe()}")
    _finish(run)


def _check(
    out: Path,
    teacher: list[str],
    skeleton: str | None,
    boxes: Path | None,
    detector: list[str] | None,
    mirror: bool,
    boxes_only: bool,
) -> None:
    if out.suffix.lower() != ".json":
        raise LeanposeError(f"--out {out}: the label file is JSON: give it a name that ends in .json")
    needless = "--teacher" if teacher else "--skeleton" if skeleton else None
    if boxes_only and needless:
        raise LeanposeError(f"--boxes-only: no joints are looked for: leave {needless} out")
    if not boxes_only and not teacher:
        raise LeanposeError("nobody to find joints: name a --teacher, or say --boxes-only")
    if len(teacher) > 2:
        raise LeanposeError(f"--teacher: one, or two that are to agree, not {len(teacher)}")
    if boxes and (detector or mirror):
        raise BoxError(
            "--boxes says where the people are, and with it no detector runs: leave --detector, --mirror out"
        )


def _report_boxless(pictures: list[Any], boxes: Path | None) -> None:
    without = sum(not len(picture.boxes) for picture in pictures)
    if without == len(pictures):
        raise BoxError(f"{boxes} has no box for {pictures[0].file}" + " or any other picture" * (without > 1))
    if without:
        typer.echo(
            f"{without} of {len(pictures)} pictures have no box in {boxes}: nobody is looked for there", err=True
        )


def _open_teacher(
    specs: list[str],
    agreement: "Rule",
    threads: int | None,
    precision: Literal["auto", "f32", "bf16", "int8"],
    engine: str,
) -> "OpenedTeacher | None":
    from leanpose.estimate.teachers import open_teacher
    from leanpose.estimate.teachers.agreement import Agreement

    opened = [open_teacher(spec, threads, precision, engine) for spec in specs]
    return Agreement(opened[0], opened[1], agreement) if len(opened) == 2 else opened[0] if opened else None


def _finish(run: "Run") -> None:
    """Labels what is missing, writes the file, and says what is in it."""
    from rich.console import Console
    from rich.progress import track

    from leanpose.cli.predict_sources import CtrlC
    from leanpose.datasets.labelling.summary import joint_table, summarise

    missing, everything = run.missing, run.found.pictures
    if len(missing) < len(everything):
        typer.echo(f"{len(everything) - len(missing):,} of {len(everything):,} pictures are labelled already")
    console = Console(stderr=True)
    told = 0
    with CtrlC() as ctrl_c:
        done = ctrl_c.over(run.label_missing())
        for _ in track(done, "pictures", len(missing), console=console, disable=not console.is_terminal):
            for message in run.failed[told:]:
                typer.echo(f"skipped: {message}", err=True)
            told = len(run.failed)
    if ctrl_c.pressed and run.missing:
        count = len(everything) - len(run.missing)
        typer.echo(f"stopped after {count:,} of {len(everything):,} pictures: the same command goes on there", err=True)
        raise typer.Exit(exit_status(ctrl_c.signal))
    if missing or not run.out.exists() or run.journal.path.exists():
        run.write()
    records = (run.journal.records[p.name] for p in everything if p.name in run.journal.records)
    summary = summarise(records, run.labeller.rules)
    joints = f", {summary.with_joints:,} of them with joints" if run.labeller.teacher else ""
    typer.echo(
        f"{run.out}: {summary.pictures:,} pictures, {summary.empty:,} of them without people; "
        f"{summary.people:,} people{joints}"
    )
    if run.labeller.teacher:
        print_tables(joint_table(summary))
    kind = "coco" if run.labeller.teacher else "boxes"
    root, here = run.found.root, Path.cwd()
    shown = root.relative_to(here) if root.is_relative_to(here) else root
    typer.echo(f"read it as --data {kind}:{run.out},images={shown}")
    _say_what_is_left_out(run, summary)
    if run.failed or run.found.problems:
        raise typer.Exit(1)


def _say_what_is_left_out(run: "Run", summary: "Summary") -> None:
    """Counts by reason, at the end, where a long run has not scrolled them away."""
    from leanpose.datasets.readers.reasons import reasons

    lines = [*run.found.notes, *(f"left out: {problem}" for problem in reasons(run.found.problems))]
    if run.labeller.teacher:
        for why, people in summary.without.items():
            lines.append(f"without joints: {people:,} {'people' if people > 1 else 'person'} {why}")
    if run.failed:
        lines.append(f"skipped {len(run.failed):,} of {len(run.found.pictures):,} pictures:")
        lines += [f"  {reason}" for reason in reasons(run.failed)]
    for line in lines:
        typer.echo(line, err=True)
