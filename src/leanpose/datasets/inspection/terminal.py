"""An inspection in a terminal."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from leanpose.datasets.inspection.findings import KINDS, by_kind
from leanpose.datasets.inspection.inspection import Inspection

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def tables(inspection: Inspection) -> "Iterator[Table]":
    """What there is, how completely its joints are labelled, and what was found, with the worst of each kind."""
    from rich.table import Table
    from rich.text import Text

    numbers = inspection.statistics
    counts = Table("dataset", "part", title=f"{numbers['people']:,} people in {numbers['images']:,} images")
    for heading in ("images", "people", "joints a person", "median box, px"):
        counts.add_column(heading, justify="right")
    for row in numbers["counts"]:
        figures = f"{row['images']:,}", f"{row['people']:,}", f"{row['joints_per_person']:.1f}"
        counts.add_row(Text(row["dataset"]), row["part"], *figures, f"{row['median_box_side']:.0f}")
    yield counts

    joints = Table("joint", title=f"joints of {len(numbers['joints'])}, % of people; hidden, % of the labelled")
    for heading in ("labelled", "hidden"):
        joints.add_column(heading, justify="right")
    for row in numbers["joints"]:
        joints.add_row(Text(row["name"]), percent(row["labelled_share"]), percent(row["occluded_share"]))
    yield joints

    sizes = Table("", title="sizes, percentiles")
    names = ("0", "5", "25", "50", "75", "95", "100")
    for heading in ("least", *names[1:-1], "most"):
        sizes.add_column(heading, justify="right")
    for heading, values in size_rows(numbers):
        sizes.add_row(heading, *(f"{values['percentiles'][p]:.4g}" for p in names))
    yield sizes

    found = Table("grade", title=read_images(numbers))
    found.add_column("count", justify="right")
    found.add_column("what")
    found.add_column("worst", overflow="fold")
    for kind, findings in by_kind(inspection.findings).items():
        worst = findings[0]
        grade = Text(worst.grade, style=STYLES[worst.grade])
        example = ": ".join(filter(None, (", ".join(worst.names[:3]), worst.message)))
        found.add_row(grade, f"{len(findings):,}", KINDS[kind].title, Text(example))
    if not inspection.findings:
        found.add_row("", "0", "nothing", "")
    yield found


def size_rows(numbers: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Names and distributions of the sizes that are known."""
    rows = (
        ("box, longer side, px", numbers["box_side"]),
        ("box, width over height", numbers["box_aspect"]),
        ("people in an image", numbers["people_per_image"]),
        ("image width, px", numbers["image_width"]),
        ("image height, px", numbers["image_height"]),
    )
    return [(name, values) for name, values in rows if values is not None]


def read_images(numbers: Mapping[str, Any]) -> str:
    """How many images were opened, in words."""
    if numbers["images_read"] < numbers["images"]:
        return f"{numbers['images_read']:,} of {numbers['images']:,} images opened, chosen at random"
    return f"all {numbers['images']:,} images opened"


def percent(share: float | None) -> str:
    """A share as per cent; a dash where it is not known."""
    return "-" if share is None else f"{100 * share:.1f}"
