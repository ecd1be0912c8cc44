"""``leanpose data merge``: labels and teachers' predictions into a consensus."""

from pathlib import Path
from typing import Annotated, Any

import typer

from leanpose.cli.tables import print_tables
from leanpose.cli.training import DATA_HELP


def _rule(help_: str, **limits: Any) -> Any:
    return typer.Option(help=help_, rich_help_panel="Rules (distances in torsos)", **limits)


Pair = tuple[float, float]


def merge(
    word: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="A teacher's predictions for the same people, from 'leanpose label' or as .npz; give one or two.",
        ),
    ],
    data: Annotated[list[str] | None, typer.Option("--data", metavar="KIND:PATH", help=DATA_HELP)] = None,
    trusted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PATH", help="As --data, but its labels stay; only joints that it does not have are added."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The corrections.")] = Path("consensus.json"),
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page with pictures of the most contradicted people.")
    ] = None,
    agree: Annotated[float, _rule("Distance within which two teachers agree on a joint of the body.", min=0)] = 0.15,
    agree_face: Annotated[float, _rule("The same for a joint of the face, which is then added.", min=0)] = 0.1,
    near: Annotated[float, _rule("Distance within which a teacher confirms a label.", min=0)] = 0.2,
    sure: Annotated[Pair, _rule("Confidence from which each teacher is sure of a joint.")] = (0.3, 0.2),
    deny: Annotated[Pair, _rule("Confidence of either to drop a label that neither confirms.")] = (0.3, 0.3),
    add: Annotated[Pair, _rule("Confidences that both need to add a joint of the body.")] = (0.5, 0.3),
    add_face: Annotated[Pair, _rule("Confidences that both need to add a joint of the face.")] = (0.5, 0.25),
    person: Annotated[
        float, _rule("Least confidence that somebody is there, from teachers who state one.", min=0, max=1)
    ] = 0.7,
    fewest: Annotated[int, _rule("Joints on which the teachers must agree for a person to be changed.", min=1)] = 4,
    fewest_labels: Annotated[int, _rule("How many of these joints must be labelled.", min=1)] = 3,
    swap: Annotated[float, _rule("Distance within which a label fits when left and right are compared.", min=0)] = 0.25,
    swap_share: Annotated[
        float, _rule("Left and right are exchanged if more than this share of the labels fit then,", min=0, max=1)
    ] = 0.8,
    stay_share: Annotated[float, _rule("and less than this share of them fit as they are.", min=0, max=1)] = 0.5,
    other: Annotated[float, _rule("Distance beyond which a label is taken for another person's.", min=0)] = 0.3,
    other_share: Annotated[
        float, _rule("People with more than this share of such labels are left alone.", min=0, max=1)
    ] = 0.5,
    reach: Annotated[
        float, _rule("How far outside a person's box joints are added, in longer sides of the box.", min=0)
    ] = 0.4,
) -> None:
    """Merge labels with the predictions of one or two teachers for the same people; write the changes as corrections.

    Every command takes them as --data KIND:PATH,corrections=FILE; the input files are not changed. A position is kept
    if two sources agree on it: a label and a teacher, or two teachers. Options of two numbers have one for the first
    --word and one for the second; the defaults are for BlazePose first and MoveNet Thunder second.
    """

    from leanpose.core.errors import DatasetError
    from leanpose.core.files import write_whole
    from leanpose.datasets.merging import Rules, common_skeleton, read_word
    from leanpose.datasets.merging import merge as run
    from leanpose.datasets.merging.consensus import corrections_of
    from leanpose.datasets.merging.data import read_data
    from leanpose.datasets.merging.page import page
    from leanpose.datasets.merging.table import counts, tables
    from leanpose.datasets.readers.corrections import write_corrections

    rules = Rules(
        agree=agree, agree_face=agree_face, near=near, sure=sure, deny=deny, add=add, add_face=add_face, person=person,
        fewest=fewest, fewest_labels=fewest_labels, swap=swap, swap_share=swap_share, stay_share=stay_share,
        other=other, other_share=other_share, reach=reach,
    )  # fmt: skip
    if not data and not trusted:
        raise DatasetError("nothing to merge: name people with --data KIND:PATH, or with --trusted")
    read = read_data(data or [], trusted or [])
    words = [read_word(file, read.samples) for file in word]
    names = [one.name for one in words]
    merged = run(read.samples, words, rules, common_skeleton(read.samples, words), read.trusted)
    corrections = corrections_of(read.distributed, merged, read.earlier)
    own = all(sample.skeleton == merged.skeleton for sample in read.distributed)
    made = {"words": names, "rules": vars(rules), **counts(merged)}
    write_corrections(out, read.distributed, corrections, made, None if own else merged.skeleton)
    print_tables(*tables(merged, names))
    joints = sum(map(len, corrections))
    typer.echo(f"{out}: {joints:,} joints of {sum(map(bool, corrections)):,} of {len(merged):,} people are corrected")
    typer.echo(
        f"train with --data KIND:PATH,corrections={out}" + ("" if own else f" --skeleton {merged.skeleton.name}")
    )
    if read.problems:
        typer.echo(f"left out: {len(read.problems):,} annotations, such as {read.problems[0]}", err=True)
    if report:
        title = f"Labels of {' and '.join(sorted({sample.dataset for sample in read.samples}))} and teachers' words"
        text = page(read.samples, words, merged, title)
        write_whole(report, text.encode(errors="replace"), DatasetError)
        typer.echo(f"page: {report}")
