"""What other projects' pose networks look like: their inputs, outputs, and what goes in.

=========  ===================  ====================================  ========================================
layout     input                outputs                               what goes in
=========  ===================  ====================================  ========================================
movenet    (1, S, S, 3)         (1, 1, 17, 3)                         square of 1.15 of the box, RGB 0..255
blazepose  (1, 256, 256, 3)     with 195 numbers, and with one        turned square, RGB 0..1, in two looks
heatmaps   (N, 3, H, W)         (N, K, h, w)                          1.25 of the box, RGB, ImageNet's mean
simcc      (N, 3, H, W)         (N, K, W * s) and (N, K, H * s)       the same
=========  ===================  ====================================  ========================================

K is 17 (COCO), 26 (Halpe) or 133 (COCO-WholeBody, of which the first 17 are taken).
"""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path

from leanpose.core.errors import ModelError
from leanpose.estimate.detector_layouts import describe_ports
from leanpose.estimate.teachers.blazepose import BlazePose
from leanpose.estimate.teachers.heatmaps import Heatmaps
from leanpose.estimate.teachers.interface import OpenedTeacher
from leanpose.estimate.teachers.movenet import MoveNet
from leanpose.estimate.teachers.network import Network
from leanpose.estimate.teachers.simcc import SimCC

Layout = type[MoveNet] | type[BlazePose] | type[Heatmaps] | type[SimCC]
LAYOUTS: dict[str, Layout] = {"movenet": MoveNet, "blazepose": BlazePose, "heatmaps": Heatmaps, "simcc": SimCC}


def parse_layout(spec: str) -> tuple[str | None, Path, dict[str, str]]:
    """Layout, file and options of ``[LAYOUT:]FILE[,OPTION=VALUE...]``, such as ``heatmaps:vitpose.onnx,cells=udp``."""
    named, _, rest = spec.partition(":")
    layout, rest = (named, rest) if named in LAYOUTS and rest else (None, spec)
    file, *assignments = re.split(r",(?=[a-z]+=)", rest)
    return layout, Path(file), dict(assignment.split("=", 1) for assignment in assignments)


def recognise(network: Network) -> str | None:
    """The layout of a network by its ports' shapes; ``None`` when it is none of the known ones."""
    return next((name for name, layout in LAYOUTS.items() if layout.fits(network)), None)


def as_teacher(network: Network, layout: str | None = None, options: Mapping[str, str] | None = None) -> OpenedTeacher:
    """A network as a teacher.

    Args:
        layout: what it is said to be; ``None`` to recognise it.
        options: of its class, as they are written.

    Raises:
        ModelError: when it is not of that layout, or of none that is known; the message lists its ports. For an
            unknown option, and a value that is none.
    """
    name = layout or recognise(network)
    if name is None or not LAYOUTS[name].fits(network):
        words = f"is not of layout '{layout}'" if layout else f"is of none of the layouts {', '.join(LAYOUTS)}"
        raise ModelError(f"{network.path} {words}: it has {describe_ports(network.session)}")
    made = LAYOUTS[name]
    defaults = {p.name: p.default for p in inspect.signature(made).parameters.values() if p.name != "network"}
    given = {}
    for option, text in (options or {}).items():
        if option not in defaults:
            raise ModelError(f"{network.path}: unknown option '{option}': those of {name} are {', '.join(defaults)}")
        kind = type(defaults[option])
        try:
            given[option] = kind(text)
        except ValueError as error:
            raise ModelError(f"{network.path}: option {option} cannot be '{text}': give a {kind.__name__}") from error
    return made(network, **given)
