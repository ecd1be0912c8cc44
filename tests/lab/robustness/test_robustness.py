"""Robustness of models whose answers are known: dots that are found wherever they go, and answers that fail on cue."""

import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lab.robustness.distortions import DISTORTIONS, select, view
from lab.robustness.picture import COLUMNS, TILE, draw_robustness, example, photo
from lab.robustness.robustness import Robustness, measure_robustness
from leanpose.core.errors import BenchmarkError, DatasetError
from leanpose.datasets.readers import Sample
from leanpose.estimate.estimator import PoseEstimator
from leanpose.measure import evaluate
from leanpose.measure.intervals import bootstrap_weights
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import LSP14, Skeleton

People = Callable[..., list[Sample]]
DOTS = Skeleton("dots", ("nose", "neck", "head_top"), (("nose", "neck"),))


class FailsOnGrey:
    """Stands for an estimator: finds the joints of people in coloured pictures; in grey ones of every third none."""

    def __init__(self, samples: list[Sample], wrong: int) -> None:
        self.card: Any = types.SimpleNamespace(name="made up", skeleton=LSP14, padding=1.25, input_hw=(256, 192))
        self.skeleton = LSP14
        self.truth = {tuple(sample.box): (i, sample.keypoints) for i, sample in enumerate(samples)}
        self.wrong = wrong

    def describe(self) -> str:
        return "made up"

    def estimate_pairs(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[Poses]:
        for image, boxes in pairs:
            number, points = self.truth[tuple(boxes[0])]
            if (image[..., 0] == image[..., 2]).all() and number % 3 == 0:
                points = points + np.where(np.arange(14) < self.wrong, 500, 0)[:, None]
            yield Poses(points[None], np.ones((1, 14)), boxes, np.ones(1), LSP14, image.shape[:2])


def _coloured(samples: list[Sample]) -> list[Sample]:
    image = np.full((120, 160, 3), (20, 80, 200), np.uint8)
    return [replace(sample, image=cv2.imencode(".png", image)[1].tobytes()) for sample in samples]


def test_the_difference_is_over_pairs(people: People) -> None:
    """Every third person loses the same 7 of 14 joints, and some joints are not labelled: a loop over drawn people."""
    samples = _coloured(people(30))
    rng = np.random.default_rng(3)
    for sample in samples:
        sample.labelled[1:][rng.random(13) < 0.3] = False
        sample.labelled[[2, 9]] = True  # the torso
    result = measure_robustness([FailsOnGrey(samples, 7)], samples, select(["grey"]))  # type: ignore[list-item]
    right = np.array([[not (i % 3 == 0 and k < 7) for k in range(14)] for i in range(30)])
    labelled = np.stack([sample.labelled for sample in samples])

    def score(weights: np.ndarray, hits: np.ndarray) -> float:
        drawn = np.repeat(np.arange(30), weights)
        return float(np.mean([hits[drawn][labelled[drawn, k], k].mean() for k in range(14)])) * 100

    once = np.ones(30, int)
    lost = [score(w, right) - score(w, right | True) for w in bootstrap_weights(30, 1000)]
    (subject,) = result.subjects
    (effect,) = subject.effects
    assert (subject.clean, subject.low, subject.high) == (100, 100, 100)
    assert effect.clean == 100
    assert effect.score == pytest.approx(score(once, right))
    assert effect.difference == pytest.approx(score(once, right) - 100)
    assert (effect.low, effect.high) == pytest.approx(tuple(np.percentile(lost, [2.5, 97.5])))
    assert (effect.people, effect.joints, result.people, result.joints) == (30, labelled.sum(), 30, labelled.sum())
    assert result.metric == "PCK@0.2 of the torso, mean of joints"
    assert result.boxes == "hull"


def test_models_side_by_side_are_as_alone(people: People) -> None:
    samples = _coloured(people(9))
    models: list[Any] = [FailsOnGrey(samples, 7), FailsOnGrey(samples, 14)]
    together = measure_robustness(models, samples, select(["grey", "dark-25"]))
    for model, subject in zip(models, together.subjects, strict=True):
        assert measure_robustness([model], samples, select(["grey", "dark-25"])).subjects == (subject,)
    assert [s.effects[1].score for s in together.subjects] == pytest.approx([100 - 100 / 6, 100 - 100 / 3])


def test_only_joints_that_all_models_know_are_compared(people: People) -> None:
    """The second model knows the legs' joints (six) alone; the first then errs in six of six, not in 7 of 14."""
    samples = _coloured(people(6))
    models: list[Any] = [FailsOnGrey(samples, 7), FailsOnGrey(samples, 0)]
    few = Skeleton("few", LSP14.joints[:6], ())
    models[1].card.skeleton = models[1].skeleton = few
    answer = models[1].estimate_pairs
    models[1].estimate_pairs = lambda pairs: (
        replace(poses, keypoints=poses.keypoints[:, :6], scores=poses.scores[:, :6], skeleton=few)
        for poses in answer(pairs)
    )
    found = measure_robustness(models, samples, select(["grey"]))
    assert [subject.effects[0].difference for subject in found.subjects] == pytest.approx([-100 / 3, 0])
    assert found.joints == found.subjects[0].effects[0].joints == 6 * 6
    assert found.metric.endswith("mean of joints, 6 of the 14 of lsp14")


@pytest.fixture
def dotted(dots: Callable[..., np.ndarray]) -> list[Sample]:
    """People who are three soft dots."""
    samples = []
    for i in range(4):
        points = np.array([(40.0 + i, 35), (62, 60.0 - i), (45, 80.0 + 2 * i)])
        image = cv2.imencode(".png", dots(120, 100, [tuple(p) for p in points], 5.0))[1].tobytes()
        box = np.array([28.0, 24, 74, 98])
        samples.append(Sample("csv", f"csv/{i}", image, points, np.ones(3, bool), box, DOTS))
    return samples


@pytest.fixture
def dot_estimator(dot_model: Callable[..., Path]) -> PoseEstimator:
    return PoseEstimator(dot_model(skeleton=DOTS, padding=1.5, decode="taylor"), engine="onnxruntime", threads=1)


def test_answers_are_carried_back_from_wherever_the_picture_went(
    dotted: list[Sample], dot_estimator: PoseEstimator
) -> None:
    """Dots are found turned, shrunk, cut and in wrong boxes: what is left counts, and all of it is right."""
    kinds = ["turned", "small-64", "small-48", "cut-lower", "cut-upper", "cut-side", "loose", "shifted", "tight-10"]
    result = measure_robustness([dot_estimator], dotted, select(kinds))
    (subject,) = result.subjects
    assert subject.clean == 100
    assert result.metric == "PCK@0.05 of the box, mean of joints"
    for effect in subject.effects:
        assert (effect.clean, effect.score) == (100, 100), effect
        cut = [DISTORTIONS[effect.name](view(sample)).labelled.sum() for sample in dotted]
        assert effect.joints == sum(cut)
        assert (effect.joints < 12) == effect.name.startswith("cut")


def test_figures_are_those_of_an_evaluation_of_the_distorted_people(
    dotted: list[Sample], dot_estimator: PoseEstimator
) -> None:
    """Labels are moved so that some joints are wrong; distorted people are people as any others.

    Of these distortions none changes the reference, the box's longer side, or else changes it as all lengths.
    """
    for i, sample in enumerate(dotted):
        sample.keypoints[: i % 3] += (0, 8)
    names = ["covered-50", "dark-10", "turned-180", "shifted-30", "small-32"]
    result = measure_robustness([dot_estimator], dotted, select(names))
    effects = {effect.name: effect for effect in result.subjects[0].effects}
    assert 40 < result.subjects[0].clean < 90
    for name in names:
        distorted = [DISTORTIONS[name](view(sample)) for sample in dotted]
        expected = evaluate(dot_estimator, distorted)
        figure = next(f for f in expected.figures if f.key == "pck@0.05")
        assert effects[name].score == pytest.approx(figure.value), name


def test_joints_behind_a_cover_are_reported_apart(dotted: list[Sample], dot_estimator: PoseEstimator) -> None:
    """A cover of one colour takes a dot away: only joints behind one can be lost."""
    result = measure_robustness([dot_estimator], dotted, select(["covered-25"]))
    whole, behind = result.subjects[0].effects
    flags = np.stack([DISTORTIONS["covered-25"](view(sample)).covered for sample in dotted])
    assert 0 < flags.sum() < 12
    assert (whole.joints, behind.joints) == (12, flags.sum())
    assert behind.people == flags.any(axis=1).sum()
    assert behind.name == "covered-25, joints behind it"
    assert behind.difference <= whole.difference < 0


def test_who_cannot_be_used_is_named_and_left_out(dotted: list[Sample], dot_estimator: PoseEstimator) -> None:
    broken = replace(dotted[1], image=b"no image")
    outside = replace(dotted[2], box=np.array([500.0, 500, 600, 600]))
    nobody = replace(dotted[3], labelled=np.zeros(3, bool))
    found = measure_robustness([dot_estimator], [dotted[0], broken, outside, nobody], select(["grey"]))
    alone = measure_robustness([dot_estimator], dotted[:1], select(["grey"]))
    assert found.people == 1
    assert found.subjects == alone.subjects
    assert len(found.left_out) == 2
    assert "csv/1" in found.left_out[0]
    assert "csv/2" in found.left_out[1]
    with pytest.raises(DatasetError, match=r"not one of 1 people can be used.*csv/1"):
        measure_robustness([dot_estimator], [broken], select(["grey"]))
    with pytest.raises(DatasetError, match="nobody here has a labelled joint"):
        measure_robustness([dot_estimator], [nobody], select(["grey"]))


def test_a_person_of_whom_nothing_is_left_does_not_count(dotted: list[Sample], dot_estimator: PoseEstimator) -> None:
    """The one labelled joint lies low: with the lower half gone there is nobody, and no figure."""
    low = [replace(sample, labelled=np.array([False, False, True])) for sample in dotted]
    found = measure_robustness([dot_estimator], low, select(["jpeg-30", "cut-lower-50"]))
    soft, cut = found.subjects[0].effects
    assert (cut.people, cut.joints) == (0, 0)
    assert np.isnan([cut.clean, cut.score, cut.low, cut.high]).all()
    assert (soft.people, soft.score) == (4, 100)


def test_a_report_reads_as_it_was_written(tmp_path: Path, dotted: list[Sample], dot_estimator: PoseEstimator) -> None:
    low = [replace(sample, labelled=np.array([False, False, True])) for sample in dotted]
    found = measure_robustness([dot_estimator], low, select(["cut-lower-50", "grey"]))
    (tmp_path / "r.json").write_text(found.to_json())
    again = Robustness.load(tmp_path / "r.json")
    assert again.to_json() == found.to_json()
    assert again.subjects[0].effects[1] == found.subjects[0].effects[1]
    assert np.isnan(again.subjects[0].effects[0].score)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "subjects": [{"effects": 3}]}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(BenchmarkError, match=r"r\.json is not what 'leanpose robustness"):
        Robustness.load(tmp_path / "r.json")


def test_the_picture_shows_every_distortion(tmp_path: Path, dotted: list[Sample], dot_estimator: PoseEstimator) -> None:
    chosen = select(["turned", "dark", "cut-lower", "shifted"])  # 10, and the picture as it is
    draw_robustness(dot_estimator, dotted[0], chosen, tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    rows, width = -(-11 // COLUMNS), TILE[1] + 6
    assert sheet.shape == (rows * (TILE[0] + 26) + 6, COLUMNS * width + 6, 3)
    tiles = [sheet[6:206, 6 + i * width : 206 + i * width] for i in range(COLUMNS)]
    assert len({tile.tobytes() for tile in tiles}) == COLUMNS
    # turned by half a circle the soft dots lie where they lay, but for the ends of the picture and the drawing
    turned = np.abs(tiles[2][::-1, ::-1].astype(int) - tiles[0])
    assert np.median(turned) <= 2


def test_it_shows_who_is_found_or_whom_it_is_given(
    tmp_path: Path, dotted: list[Sample], dot_estimator: PoseEstimator
) -> None:
    dotted[0].keypoints[:] += 30
    dotted[1].keypoints[:1] += 30
    assert example(dot_estimator, dotted) is dotted[2]
    with pytest.raises(DatasetError, match="nobody to draw"):
        example(dot_estimator, [replace(dotted[0], labelled=np.zeros(3, bool))])
    (tmp_path / "p.png").write_bytes(dotted[0].image_bytes())
    shown = photo(tmp_path / "p.png", None, DOTS)
    assert shown.box.tolist() == [-0.5, -0.5, 99.5, 119.5]
    draw_robustness(dot_estimator, shown, select(["grey"]), tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000
