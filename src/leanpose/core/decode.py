"""Heatmaps to keypoints.

Positions are in heatmap cells, (x, y), cell centres at integers; ``geometry.cells_to_crop`` carries them on. Maps are
expected to have an ideal peak of 1. What each method can do on a clean Gaussian away from the border:

==========  =========================================================================================  ============
method      position                                                                                   error, cells
==========  =========================================================================================  ============
argmax      the largest cell; of several equal ones the first in reading order                         0.5
quarter     argmax, moved by 0.25 towards the larger neighbour on each axis (Newell et al. 2016)       0.25
taylor      argmax, plus one Newton step on the log of the smoothed map (DARK, Zhang et al. 2020)      0.02
soft        expectation under the map itself, its negative part cut off and its sum made 1             0.02
beta        expectation under softmax(beta * map) (LPN, Zhang et al. 2019)                             see below
lpn         beta with LPN's 160 and the quarter step behind it: how its published networks are read    see below
==========  =========================================================================================  ============

``soft`` is the usual soft-argmax of the logits for networks whose exported map is a spatial softmax times a constant.
Over a whole map it is pulled by everything else the map shows, and by a border that cuts the peak off.
``beta`` turns a Gaussian of peak 1 into one of about sigma / sqrt(beta) cells. Well below 0.6 cells that is a soft
staircase that ends in argmax (LPN's beta of 160 with sigma 2 is at 0.16, which is why LPN adds ``extra_shift``), while
with a small beta the flat background outweighs the peak and pulls towards the centre of the map (beta = 1 always
does). On 64x64 cells no beta is within 0.02 for sigma 2 (0.03 at 16), beta 14 to 30 is for sigma 3, and with a
``radius`` of 4 sigma so is beta = 10 for either.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

METHODS = ("argmax", "quarter", "taylor", "soft", "beta", "lpn")
LPN_BETA = 160.0


def decode(
    heatmaps: ArrayLike,
    method: str = "taylor",
    sigma: float = 2.0,
    beta: float = LPN_BETA,
    radius: int | None = None,
    extra_shift: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The position and score of the peak in each heatmap.

    A map without contrast (all cells equal) has no peak: it gives the centre of the map and score 0. A map that holds
    a NaN or an infinity gives a NaN position and score 0. Neither touches its neighbours.

    Args:
        heatmaps: (N, K, H, W) maps of N people and K joints.
        method: one of :data:`METHODS`; see the module's table.
        sigma: standard deviation in cells of the smoothing in ``taylor``; best that of the training targets.
        beta: inverse temperature of ``beta``.
        radius: ``soft`` and ``beta`` look only at cells at most this far from the largest cell, on each axis; ``None``
            for the whole map. From 4 sigma on the error on a Gaussian stays below 0.02, and a second peak is ignored.
        extra_shift: moves the result by the quarter step of ``quarter``, taken at the rounded position, as LPN does.

    Returns:
        Positions (N, K, 2) float64 in cells, and scores (N, K) float32: the map's value at the largest cell, or for
        ``soft`` and ``beta`` at the rounded position, clipped to [0, 1].

    Raises:
        ValueError: for an unknown method, maps that are not (N, K, H, W) with at least one cell, or a sigma or beta
            that is not positive.
    """
    if method not in METHODS:
        raise ValueError(f"unknown decode method '{method}': use one of {', '.join(METHODS)}")
    if not (sigma > 0 and beta > 0):
        raise ValueError(f"sigma and beta must be positive, not {sigma} and {beta}")
    if method == "lpn":
        method, beta, extra_shift = "beta", LPN_BETA, True
    maps_NKHW = np.asarray(heatmaps)
    if maps_NKHW.ndim != 4 or 0 in maps_NKHW.shape[2:]:
        raise ValueError(f"heatmaps must be (N, K, H, W) with at least one cell, not {maps_NKHW.shape}")
    people, joints, height, width = maps_NKHW.shape
    maps = maps_NKHW.reshape(people * joints, height, width)
    maps = maps.astype(np.result_type(maps, np.float32), copy=False)

    highest, lowest = maps.max(axis=(1, 2)), maps.min(axis=(1, 2))  # NaN and infinities show in one of the two
    finite = np.isfinite(highest) & np.isfinite(lowest)
    if not finite.all():
        maps = np.where(finite[:, None, None], maps, 0)

    peak_y, peak_x = np.divmod(maps.reshape(len(maps), height * width).argmax(axis=1), width)
    peak = np.stack((peak_x, peak_y), axis=-1)
    cells = peak.astype(float)
    if method == "taylor":
        cells += _taylor_step(maps, peak, sigma)
    elif method in ("soft", "beta"):
        cells = _expectation(maps, peak, beta if method == "beta" else None, radius)
        peak = np.floor(cells + 0.5).astype(int)
    if method == "quarter" or extra_shift:
        cells += _quarter_step(maps, np.floor(cells + 0.5).astype(int))
    scores = np.clip(maps[np.arange(len(maps)), peak[:, 1], peak[:, 0]], 0, 1).astype(np.float32)

    no_peak = highest == lowest
    cells[no_peak] = (width - 1) / 2, (height - 1) / 2
    cells[~finite] = np.nan
    scores[no_peak | ~finite] = 0
    return cells.reshape(people, joints, 2), scores.reshape(people, joints)


def merge_flipped(
    heatmaps: np.ndarray, flipped_heatmaps: np.ndarray, permutation: np.ndarray, shift: int = 0
) -> np.ndarray:
    """The mean of the heatmaps of a crop and of its mirror image (flip test).

    Args:
        heatmaps: (N, K, H, W) maps of the crops.
        flipped_heatmaps: (N, K, H, W) maps of the crops mirrored left to right.
        permutation: (K,) the skeleton's ``flip_permutation``.
        shift: cells to move the mirrored-back maps to the right, the left column repeated. Our cells mirror exactly
            and need 0; networks of the HRNet line put cells at ``stride * i`` and were published with 1.

    Returns:
        (N, K, H, W) merged maps.
    """
    width = heatmaps.shape[-1]
    columns = width - 1 - np.maximum(np.arange(width) - shift, 0)
    return (heatmaps + flipped_heatmaps[:, permutation][..., columns]) / 2


def _quarter_step(maps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Steps (M, 2) of 0.25 towards the larger neighbour of the cells ``at`` (M, 2); 0 where one is outside or equal."""
    m = np.arange(len(maps))
    (x, y), (height, width) = at.T, maps.shape[1:]
    right, left = maps[m, y, np.minimum(x + 1, width - 1)], maps[m, y, np.maximum(x - 1, 0)]
    below, above = maps[m, np.minimum(y + 1, height - 1), x], maps[m, np.maximum(y - 1, 0), x]
    direction = np.stack(((right > left) * 1 - (right < left), (below > above) * 1 - (below < above)), axis=-1)
    inside = (at > 0) & (at < (width - 1, height - 1))
    return 0.25 * direction * inside


def _expectation(maps: np.ndarray, peak: np.ndarray, beta: float | None, radius: int | None) -> np.ndarray:
    """Expected positions (M, 2) under the maps, or under softmax(beta * map); ``peak`` where no cell has weight."""
    height, width = maps.shape[1:]
    if beta is None:
        weights = np.maximum(maps, 0)
    else:
        with np.errstate(over="ignore"):  # a cell so far below the peak has no weight
            weights = np.exp(beta * (maps - maps.max(axis=(1, 2), keepdims=True)))
    x, y = np.arange(width), np.arange(height)
    if radius is not None:
        weights = weights * (np.abs(x - peak[:, :1]) <= radius)[:, None, :]
        weights *= (np.abs(y - peak[:, 1:]) <= radius)[:, :, None]
    columns, rows = weights.sum(axis=1, dtype=float), weights.sum(axis=2, dtype=float)
    total = columns.sum(axis=1)
    moments = np.stack((columns @ x, rows @ y), axis=-1)
    return np.where(total[:, None] > 0, moments / np.where(total > 0, total, 1)[:, None], peak)


@lru_cache
def _smoothing_bands(sigma: float, reach: int) -> np.ndarray:
    """(r + 1, 3, 2r + 3): for each kernel radius up to r the weights that smooth three cells out of the 2r + 3."""
    offset = np.arange(2 * reach + 3) - np.arange(reach, reach + 3)[:, None]  # from each of the three cells
    bands = np.exp(-((offset / sigma) ** 2) / 2) * (np.abs(offset) <= np.arange(reach + 1)[:, None, None])
    return bands / bands.sum(axis=2, keepdims=True)


def _taylor_step(maps: np.ndarray, peak: np.ndarray, sigma: float) -> np.ndarray:
    """Newton steps (M, 2), at most one cell per axis, from ``peak`` to the top of the log of the smoothed maps.

    DARK, eq. 5-9, with nearest-neighbour differences, which on the log of a Gaussian (a parabola) are exact. They need
    3x3 smoothed cells, so only a patch around the peak is smoothed: inside the map the same as smoothing all of it.
    Near the border the kernel is cut down, symmetrically, to what the map can fill, because a kernel that looks over
    the border would move the peak. DARK's scaling back to the old maximum is a constant in the log and left out.
    The step is 0 for a peak on the outermost cells, not above zero, or without a proper maximum (the Hessian is not
    negative definite).
    """
    size = np.array(maps.shape[:0:-1])  # width, height
    m = np.arange(len(maps))
    widest = max(int(size.max() - 3) // 2, 0)  # that fits between two borders: a kernel of more is cut down anyway
    bands = _smoothing_bands(sigma, min(int(np.ceil(3 * min(sigma, 1e6))), widest))
    reach = len(bands) - 1
    value = maps[m, peak[:, 1], peak[:, 0]].astype(float)
    fits = np.minimum(np.minimum(peak - 1, size - 2 - peak), reach)  # radius of the kernel, below 0 on the border
    window = peak[:, :, None] + np.arange(-reach - 1, reach + 2)
    window = np.minimum(np.maximum(window, 0), (size - 1)[:, None])  # the cells clipped in have weight 0
    patch = maps[m[:, None, None], window[:, 1, :, None], window[:, 0, None, :]].astype(float)
    weights = bands[np.maximum(fits, 0)]
    smooth = weights[:, 1] @ patch @ np.swapaxes(weights[:, 0], 1, 2)

    usable = (fits >= 0).all(axis=1) & (value > np.finfo(np.float32).tiny)
    floor = np.where(usable, 1e-10 * value, 1)
    log = np.log(np.maximum(smooth, floor[:, None, None]))
    dx, dy = (log[:, 1, 2] - log[:, 1, 0]) / 2, (log[:, 2, 1] - log[:, 0, 1]) / 2
    dxx = log[:, 1, 2] - 2 * log[:, 1, 1] + log[:, 1, 0]
    dyy = log[:, 2, 1] - 2 * log[:, 1, 1] + log[:, 0, 1]
    dxy = (log[:, 2, 2] - log[:, 2, 0] - log[:, 0, 2] + log[:, 0, 0]) / 4
    det = dxx * dyy - dxy**2
    usable &= (det > 1e-8) & (dxx < 0)  # 1e-8: a Gaussian of 100 cells; below it the step would be rounding noise
    step = np.stack((dxy * dy - dyy * dx, dxy * dx - dxx * dy), axis=-1) / np.where(usable, det, 1)[:, None]
    return np.where(usable[:, None], np.clip(step, -1, 1), 0)
