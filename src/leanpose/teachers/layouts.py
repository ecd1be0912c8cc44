"""What other projects' pose networks look like: their inputs, outputs, and what goes in.

=========  ======================  ==========================================  =====================================
layout     input                   outputs                                     what goes in
=========  ======================  ==========================================  =====================================
movenet    (1, S, S, 3)            (1, 1, 17, 3)                               square of 1.15 times the box, RGB
blazepose  (1, 256, 256, 3)        with 195 numbers, and with one              turned square, RGB 0..1, in two looks
=========  ======================  ==========================================  =====================================
"""

from typing import Protocol

from leanpose.detector_layouts import describe_ports
from leanpose.errors import ModelError
from leanpose.skeleton import Skeleton
from leanpose.teachers.blazepose import BlazePose
from leanpose.teachers.interface import Teacher
from leanpose.teachers.movenet import MoveNet
from leanpose.teachers.network import Network


class Layout(Protocol):
    """A class of teachers that are made of one network."""

    skeleton: Skeleton

    def __call__(self, network: Network) -> Teacher: ...

    def fits(self, network: Network) -> bool:
        """Whether a network has this layout's inputs and outputs."""
        ...


LAYOUTS: dict[str, Layout] = {"movenet": MoveNet, "blazepose": BlazePose}


def recognise(network: Network) -> Layout | None:
    """The layout of a network by its ports' shapes; ``None`` when it is none of the known ones."""
    return next((layout for layout in LAYOUTS.values() if layout.fits(network)), None)


def as_teacher(network: Network, layout: str | None = None) -> Teacher:
    """A network as a teacher.

    Args:
        layout: what it is said to be; ``None`` to recognise it.

    Raises:
        ModelError: when it is not of that layout, or of none that is known; the message lists its ports.
    """
    chosen = LAYOUTS[layout] if layout else recognise(network)
    if chosen is None or not chosen.fits(network):
        words = f"not of layout '{layout}'" if layout else f"of none of the known layouts ({', '.join(LAYOUTS)})"
        raise ModelError(f"{network.path} is {words}: it has {describe_ports(network.session)}")
    return chosen(network)
