"""``leanpose evaluate``: any model on any dataset, by the figures of its benchmark."""

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from leanpose.cli.engine_options import AnyAngleOption, DeterministicOption, ModeOption, PrecisionOption
from leanpose.cli.evaluate_detector import evaluate_detector
from leanpose.cli.stored_commands import portable
from leanpose.cli.tables import print_tables
from leanpose.core.errors import ModelError

SHOWN = 5  # kinds of reasons for which people were left out


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="A packaged model, an .onnx file with its card, a checkpoint, or another project's network: "
            "movenet:FILE, blazepose:FILE, heatmaps:FILE, simcc:FILE, or two joined by '+'."
        ),
    ],
    data: Annotated[
        list[str],
        typer.Option(
            metavar="KIND:PATH[,OPTION=VALUE]",
            help="A dataset; 'coco:DIR,boxes=FILE' takes the boxes of a detections file. Repeat for more.",
        ),
    ],
    part: Annotated[Literal["test", "val", "train"], typer.Option(help="Which part of the data.")] = "test",
    metric: Annotated[
        Literal["pck", "pckh", "oks"] | None,
        typer.Option(help="The benchmark's if not given: pck for LSP, pckh for MPII, oks for all others."),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Map the labels to these joints by name, where datasets differ."),
    ] = None,
    flip_test: Annotated[
        bool, typer.Option("--flip-test/--no-flip-test", help="Average with the mirrored crop; others' never are.")
    ] = True,
    decode: Annotated[
        Literal["argmax", "quarter", "taylor", "soft", "beta", "lpn"] | None,
        typer.Option(help="How heatmaps become joints; the card's if not given."),
    ] = None,
    nms: Annotated[
        float, typer.Option(min=0, max=1, help="OKS above which the weaker answer from detected boxes is dropped.")
    ] = 0.9,
    min_joint_score: Annotated[
        float, typer.Option(min=0, max=1, help="Joints that score less do not enter a person's score.")
    ] = 0.2,
    hrnet_pckh01: Annotated[
        bool, typer.Option("--hrnet-pckh01", help="Also PCKh at 0.11, which HRNet's code prints as Mean@0.1.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Detectors: score from which a box counts; the card's if not given."),
    ] = None,
    choose_threshold: Annotated[
        bool,
        typer.Option(
            "--choose-threshold",
            help="Detectors, on --part val: the lowest threshold with at most one false person per 20 empty images.",
        ),
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime; checkpoints run on torch.")] = "auto",
    precision: PrecisionOption = "auto",
    any_angle: AnyAngleOption = False,
    mode: ModeOption = "latency",
    deterministic: DeterministicOption = False,
    batch_size: Annotated[int, typer.Option(min=1, help="People per call of the engine.")] = 16,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for evaluation.json, curve.png, worst.png, reliability.png."),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers as COCO results (.json), table (.csv), or MPII's or LSP's .mat."),
    ] = None,
    save_scores: Annotated[
        bool, typer.Option("--save-scores", help="Write the means into the model's card, with this command.")
    ] = False,
) -> None:
    """Measure a model on a dataset, by the figures and rules of its benchmark, and print the protocol with them.

    LSP: PCK@0.2 of the torso, person-centric, with boxes around the joints and at the image centre. MPII: PCKh@0.5 and
    @0.1. All others: OKS AP and AR. A person detector: AP of boxes, recall, false persons an image. The exit status is
    1 when anybody was left out because the image, the box or the labels cannot be used.
    """
    from rich.console import Console
    from rich.progress import track

    from leanpose.engines.zoo import is_detector
    from leanpose.estimate.estimator import PoseEstimator
    from leanpose.estimate.teachers import is_teacher, open_teacher
    from leanpose.measure import Options, group_table, record_scores, table, write_report, write_submission
    from leanpose.measure import evaluate as run
    from leanpose.measure.datasets import read_data
    from leanpose.measure.protocols import has_centre
    from leanpose.measure.submission import check_submission
    from leanpose.measure.teachers import TeacherEstimator
    from leanpose.pose.skeleton_files import find_skeleton

    if save_scores and not model.endswith(".onnx"):
        raise ModelError(f"--save-scores: give the .onnx file whose card is to be changed, not '{model}'")
    given: dict[str, Any] = {"precision": precision, "deterministic": deterministic}
    poses_only = {"flip_test": flip_test, "decode": decode, "metric": metric, "nms": nms, "skeleton": skeleton}
    poses_only |= {
        "min_joint_score": min_joint_score,
        "hrnet_pckh01": hrnet_pckh01,
        "mode": mode,
        "any_angle": any_angle,
    }
    detectors_only = {"threshold": threshold, "choose_threshold": choose_threshold}
    foreign = is_teacher(model)
    if not foreign and is_detector(model):
        _refuse({**poses_only, "submission": submission, "batch_size": batch_size}, f"{model} is a person detector")
        again = measuring_command(Path(model).stem, data, part, engine, {**given, "threshold": threshold})
        left_out = evaluate_detector(
            model, data, part, engine, precision, deterministic, threshold, choose_threshold, out,
            again if save_scores else None,
        )  # fmt: skip
        _end(left_out)
        return
    _refuse(detectors_only, f"{model} is a pose model")
    if submission:
        check_submission(submission)
    if foreign:
        ours_only = {"decode": decode, "mode": mode, "deterministic": deterministic, "batch_size": batch_size}
        _refuse(
            {**ours_only, "any_angle": any_angle, "save_scores": save_scores}, f"{model} is another project's network"
        )
        estimator = TeacherEstimator(open_teacher(model, None, precision, engine))
    else:
        estimator = PoseEstimator(
            model, engine, precision, flip_test, decode, batch_size, mode=mode, deterministic=deterministic,
            any_angle=any_angle,
        )  # fmt: skip
    problems: list[str] = []
    read = read_data(data, part, metric, problems, find_skeleton(skeleton) if skeleton else None)
    options = Options(metric, nms, min_joint_score, hrnet_pckh01)
    console = Console(stderr=True)
    evaluations = [
        run(
            estimator, read.samples, boxes,
            lambda s: track(s, "people", console=console, disable=not console.is_terminal),
            options, read.ground_truth, read.people,
        )
        for boxes in (("labels", "centre") if all(map(has_centre, read.samples)) else ("labels",))
    ]  # fmt: skip
    groups = [found for evaluation in evaluations if (found := group_table(evaluation)) is not None]
    print_tables(table(evaluations), *groups)
    names = " and ".join(spec.partition(":")[0] for spec in data)
    if out:
        write_report(evaluations, out, f"{estimator.card.name} on {names} {part}")
        typer.echo(f"report: {out}")
    if submission:
        write_submission(evaluations[0], read.samples, submission)
        typer.echo(f"submission: {submission}, {len(evaluations[0].answers.samples)} people")
    if save_scores:
        card = Path(model).with_suffix(".json")
        again = measuring_command(card.stem, data, part, engine, {**given, **poses_only})
        record_scores(card, evaluations, f"{names} {part}", again)
        typer.echo(f"scores written to {card}")
    _end([*problems, *evaluations[0].left_out])


def measuring_command(model: str, data: list[str], part: str, engine: str, given: dict[str, Any]) -> str:
    """The command that measures a packaged model again, on any machine whose LEANPOSE_DATA is set.

    It names the options that were not left at their defaults, and no folder of this machine.
    """
    words = [f"--data {spec}" for spec in portable(data)] + [f"--part {part}", f"--engine {engine}"]
    defaults = inspect.signature(evaluate).parameters
    for name, value in given.items():
        if value != defaults[name].default:
            option = name.replace("_", "-")
            words.append(f"--{'' if value else 'no-'}{option}" if isinstance(value, bool) else f"--{option} {value}")
    return " ".join(("leanpose evaluate", model, *words))


def _refuse(options: dict[str, Any], reason: str) -> None:
    """Refuses options that were given and mean nothing for this model."""
    defaults = inspect.signature(evaluate).parameters
    for name, value in options.items():
        if value != defaults[name].default:
            raise ModelError(f"--{name.replace('_', '-')} means nothing here: {reason}")


def _end(messages: list[str]) -> None:
    """Says what was left out, in which case the exit status is 1."""
    from leanpose.datasets.readers.reasons import reasons

    if not messages:
        return
    typer.echo(f"{len(messages)} left out of the figures:", err=True)
    for line in reasons(messages, SHOWN):
        typer.echo(f"  {line}", err=True)
    raise typer.Exit(1)
