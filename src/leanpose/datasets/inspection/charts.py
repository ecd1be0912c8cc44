"""Charts as SVG elements and PNG pictures that stand in the page itself."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from leanpose.datasets.inspection.people import People
from leanpose.pose.palette import LEFT, RIGHT
from leanpose.pose.skeleton import Skeleton

HEAT = 300  # pixels of the picture of all joints, a side
SPAN = 1.5  # of the longer side of the box, shown in it
SHOWN = 5000  # people in it, evenly spaced over all


def data_uri(kind: str, data: bytes) -> str:
    """Bytes as an address that carries them."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def histogram(distribution: Mapping[str, Any], title: str) -> str:
    """A histogram, of which the last bar also counts what lies beyond."""
    counts, edges = distribution["histogram"]["counts"], distribution["histogram"]["edges"]
    percentiles = distribution["percentiles"]
    label = f"{title}: median {percentiles['50']:.4g}, from {percentiles['0']:.4g} to {percentiles['100']:.4g}"
    ticks = [(0, f"{edges[0]:.3g}"), (0.5, f"{(edges[0] + edges[-1]) / 2:.3g}"), (1, f"{edges[-1]:.3g}+")]
    hints = [f"{low:.3g} to {high:.3g}: {n:,}" for low, high, n in zip(edges, edges[1:], counts, strict=False)]
    return _bars(counts, hints, ticks, label)


def count_bars(counts: Sequence[int], title: str) -> str:
    """A bar for each of the numbers 0, 1, ..."""
    last = len(counts) - 1
    ticks = [((n + 0.5) / len(counts), str(n)) for n in sorted({0, last // 2, last})]
    return _bars(counts, [f"{n}: {count:,}" for n, count in enumerate(counts)], ticks, title)


def _bars(counts: Sequence[int], hints: Sequence[str], ticks: Sequence[tuple[float, str]], label: str) -> str:
    width, height = 300, 110
    step, top = width / len(counts), max(*counts, 1)
    parts = []
    for i, (count, hint) in enumerate(zip(counts, hints, strict=True)):
        high = height * count / top
        if count:
            high = max(high, 1)
        parts.append(
            f'<rect x="{i * step + 0.5:.1f}" y="{height - high:.1f}" width="{step - 1:.1f}" height="{high:.1f}">'
            f"<title>{escape(hint)}</title></rect>"
        )
    for at, text in ticks:
        anchor = "start" if at == 0 else "end" if at == 1 else "middle"
        parts.append(f'<text x="{at * width:.0f}" y="{height + 15}" text-anchor="{anchor}">{escape(text)}</text>')
    return (
        f'<svg class="bars" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height + 20}">'
        f'<line x1="0" x2="{width}" y1="{height}" y2="{height}"/>{"".join(parts)}</svg>'
    )


def pose_picture(people: People) -> str:
    """Where joints lie about the middle of people's joints: all of them as a cloud, and the mean person with spreads.

    Of people with at least half of the joints, if there are such, for a face alone has another middle.
    """
    able = np.flatnonzero(2 * people.labelled.sum(axis=1) >= len(people.skeleton))
    able = able if len(able) else np.arange(len(people))
    chosen = able[np.linspace(0, len(able) - 1, min(len(able), SHOWN)).astype(int)]
    known = people.labelled[chosen, :, None]
    middle = np.where(known, people.keypoints[chosen], 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    places = (people.keypoints[chosen] - middle[:, None]) / people.box_sides[chosen, None, None]
    places = (places / SPAN + 0.5) * HEAT
    skeleton = people.skeleton
    parts = [f'<image width="{HEAT}" height="{HEAT}" href="{data_uri("png", _cloud(places, skeleton))}"/>']
    known = np.isfinite(places).all(axis=2)
    means = {k: places[known[:, k], k].mean(axis=0) for k in range(len(skeleton)) if known[:, k].any()}
    for a, b in skeleton.limb_indices.tolist():
        if a in means and b in means:
            (x1, y1), (x2, y2) = means[a], means[b]
            css = _side(skeleton.joints[a], skeleton.joints[b])
            parts.append(f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    for k, (x, y) in means.items():
        count = int(known[:, k].sum())
        name = f"{skeleton.joints[k]}, {count:,} of {len(chosen):,}"
        if count > 1:
            values, vectors = np.linalg.eigh(np.cov(places[known[:, k], k].T))
            angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
            rx, ry = np.sqrt(np.maximum(values[::-1], 0)) / 2
            parts.append(
                f'<ellipse class="{_side(skeleton.joints[k])}" rx="{rx:.1f}" ry="{ry:.1f}" '
                f'transform="translate({x:.1f} {y:.1f}) rotate({angle:.0f})"><title>{escape(name)}</title></ellipse>'
            )
        css = _side(skeleton.joints[k])
        parts.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(name)}</title></circle>')
    label = f"The mean place of each of {len(skeleton)} joints, left in blue, right in orange"
    return f'<svg class="pose" role="img" aria-label="{label}" viewBox="0 0 {HEAT} {HEAT}">{"".join(parts)}</svg>'


def _cloud(places: np.ndarray, skeleton: Skeleton) -> bytes:
    """A transparent PNG, the more opaque the more joints lie at a place, in the mean colour of their sides."""
    weights = np.zeros((HEAT, HEAT))
    colours = np.zeros((HEAT, HEAT, 3))
    for k, joint in enumerate(skeleton.joints):
        points = places[np.isfinite(places[:, k]).all(axis=1), k]
        heat, *_ = np.histogram2d(points[:, 1], points[:, 0], bins=HEAT, range=((0, HEAT), (0, HEAT)))
        weights += heat
        colours += heat[..., None] * {"left": LEFT, "right": RIGHT}.get(_side(joint), (150, 150, 150))
    weights, colours = (cv2.GaussianBlur(layer, (0, 0), 2.0) for layer in (weights, colours))
    opacity = np.sqrt(np.minimum(weights / max(float(np.percentile(weights, 99.5)), 1e-9), 1))
    pixels = np.dstack((colours / np.maximum(weights, 1e-9)[..., None], 200 * opacity))
    return cv2.imencode(".png", pixels.round().astype(np.uint8))[1].tobytes()


def _side(*joints: str) -> str:
    sides = {joint.partition("_")[0] for joint in joints} & {"left", "right"}
    return sides.pop() if len(sides) == 1 else "middle"
