"""How heatmaps become joints: every method on the same heatmaps of one trained model (LPN's beta-soft-argmax)."""

from collections.abc import Iterator

import numpy as np

from lab.reproduce.result import Result, Row
from lab.reproduce.trainings import Setting
from lab.reproduce.verdict import compare_people
from leanpose.core import geometry
from leanpose.core.decode import decode
from leanpose.datasets.readers import Sample, read_samples
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure.metrics.pck import epe, mean_over_joints, normalised_distances, pck, torso_lengths

PAPER = "Zhang et al., Simple and lightweight human pose estimation, arXiv 1911.10346"
BETAS = (1, 10, 50, 100, 160, 300, 1000)
LPN_BETA = 160
FINE = 0.1  # of the torso: at 0.2 a cell more or less hardly counts

Options = dict[str, object]


def methods() -> dict[str, Options]:
    """All that is compared, by label."""
    compared: dict[str, Options] = {name: {"method": name} for name in ("argmax", "quarter", "taylor", "soft")}
    for beta in BETAS:
        for shift in (False, True):
            label = f"beta = {beta}" + ", extra shift" * shift
            compared[label] = {"method": "beta", "beta": float(beta), "extra_shift": shift}
    return compared


def decode_ablation(setting: Setting) -> Result:
    """PCK and end-point error of every decode method on the test part, from the same heatmaps."""
    model = str(setting.checkpoint or "small")
    estimator = PoseEstimator(model, flip_test=True)
    samples = read_samples(setting.data, "test", estimator.card.skeleton)
    predicted = _predict(estimator, samples)
    true = np.stack([sample.keypoints for sample in samples])
    labelled = np.stack([sample.labelled for sample in samples])
    reference = torso_lengths(true, estimator.card.skeleton)
    distances = {label: normalised_distances(points, true, labelled, reference) for label, points in predicted.items()}
    rows = [
        Row(
            label,
            {},
            {
                "PCK@0.2": [100 * mean_over_joints(pck(distances[label], 0.2))],
                "PCK@0.1": [100 * mean_over_joints(pck(distances[label], FINE))],
                "PCK@0.05": [100 * mean_over_joints(pck(distances[label], FINE / 2))],
                "end-point error, px": [epe(points, true, labelled)],
            },
        )
        for label, points in predicted.items()
    ]
    lpn = f"beta = {LPN_BETA}, extra shift"
    claims = [
        compare_people(
            f"{statement}, PCK@{FINE:g}", distances[a] <= FINE, distances[b] <= FINE, ~np.isnan(distances[a])
        )
        for statement, a, b in (
            ("beta-soft-argmax as LPN uses it (160, extra shift) is more accurate than argmax", lpn, "argmax"),
            ("beta-soft-argmax as LPN uses it is more accurate than the quarter shift", lpn, "quarter"),
            ("without the extra shift beta = 160 is still more accurate than argmax", f"beta = {LPN_BETA}", "argmax"),
            ("beta = 160 is better than beta = 1, plain soft-argmax", f"beta = {LPN_BETA}", "beta = 1"),
        )
    ]
    notes = [
        f"{len(samples)} people, boxes around the labelled joints, {estimator.describe().rsplit(',', 1)[0]}.",
        f"Targets of sigma {estimator.card.sigma:g} cells, heatmaps of {estimator.card.heatmap_hw[0]}x"
        f"{estimator.card.heatmap_hw[1]} cells; the best beta depends on both.",
    ]
    return Result(
        setting.name, "Decode methods on the same heatmaps", f"{PAPER}, post-processing", rows, claims,
        setting.described() | {"model": estimator.card.name}, notes=notes,
    )  # fmt: skip


def _predict(estimator: PoseEstimator, samples: list[Sample]) -> dict[str, np.ndarray]:
    """Keypoints (N, K, 2) in image pixels by method's label."""
    compared = methods()
    found: dict[str, list[np.ndarray]] = {label: [] for label in compared}
    card = estimator.card
    for batch in _batches(samples, estimator.batch_size):
        inputs = [estimator.preprocess(sample.load_image(), sample.box[None]) for sample in batch]
        crops, transforms = (np.concatenate(part) for part in zip(*inputs, strict=True))
        heatmaps, back = estimator.infer(crops), geometry.invert(transforms)
        for label, options in compared.items():
            cells, _ = decode(heatmaps, sigma=card.sigma, **options)  # type: ignore[arg-type]
            found[label].append(geometry.apply(back, geometry.cells_to_crop(cells, card.stride, card.cell_offset)))
    return {label: np.concatenate(points) for label, points in found.items()}


def _batches(samples: list[Sample], size: int) -> Iterator[list[Sample]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]
