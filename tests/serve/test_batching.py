"""Requests of several clients are looked at together, each gets its own answer, and one alone does not wait."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from leanpose.estimate.estimator import PoseEstimator
from leanpose.pose.formats import to_document
from leanpose.serve.batching import Batcher, Job
from leanpose.serve.limits import Limits
from leanpose.serve.metrics import Metrics
from leanpose.serve.problems import Problem

from ..videos import picture
from .conftest import GatedDots, png, wait_until


def sizes(running):
    """How many batches there were, and how many pictures in all of them."""
    text = running.ask("/metrics").body.decode()
    read = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("leanpose_batch_size_"))
    return float(read["leanpose_batch_size_count"]), float(read["leanpose_batch_size_sum"])


def test_200_parallel_requests_get_their_own_answers(serve):
    running = serve(max_queue=200)
    pictures = [png(picture(number, 1 + number % 2)) for number in range(8)]
    expected = [to_document([poses]) for poses in running.estimator.estimate_many(pictures)]
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda i: running.ask("/v1/poses", pictures[i % 8]), range(200)))
    assert [answer.json for answer in answers] == [expected[i % 8] for i in range(200)]
    batches, taken = sizes(running)
    assert taken == 200
    assert batches < 150  # whatever the timing, many came while others were looked at
    wait_until(lambda: running.service.held.now == 0)


def test_what_waits_is_taken_together_up_to_the_size_of_a_batch(serve, photo):
    running = serve(max_batch=4)
    running.detector.gate.clear()
    running.detector.waiting.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(running.ask, "/v1/poses", photo)
        assert running.detector.waiting.wait(10)
        others = [pool.submit(running.ask, "/v1/poses", photo) for _ in range(7)]
        wait_until(lambda: len(running.service.models["dots"].batcher) == 7)
        running.detector.gate.set()
        assert [one.result(20).status for one in (first, *others)] == [200] * 8
    assert sizes(running) == (2, 8)


def test_a_single_client_is_alone_in_each_batch(serve, photo):
    running = serve(batch_wait=1.0)
    for _ in range(5):
        answer = running.ask("/v1/poses", photo)
        assert "queue;dur=1000" not in answer.headers["server-timing"]
    assert sizes(running) == (5, 5)


def test_one_broken_picture_spoils_no_other(serve, photo):
    running = serve()
    running.detector.gate.clear()
    running.detector.waiting.clear()
    bodies = [photo[:300], photo, b"no picture", photo]
    queries = ["", "", "", "?box=900,900,950,950"]
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(running.ask, "/v1/poses", photo)
        assert running.detector.waiting.wait(10)
        asked = [pool.submit(running.ask, f"/v1/poses{q}", b) for q, b in zip(queries, bodies, strict=True)]
        wait_until(lambda: len(running.service.models["dots"].batcher) == 4)
        running.detector.gate.set()
        statuses = [one.result(20).status for one in asked]
        good = first.result(20).json
    assert statuses == [422, 200, 422, 422]
    assert asked[1].result().json == good


class ByHand:
    """An executor whose work is done when the test says so."""

    def __init__(self):
        self.work = []

    def submit(self, function):
        self.work.append(function)
        return Future()

    def run(self):
        while self.work:
            self.work.pop(0)()


@pytest.fixture
def batcher(dot_model):
    estimator = PoseEstimator(dot_model(), "onnxruntime", threads=1, detector=GatedDots())
    return Batcher(estimator, ByHand(), replace(Limits(), max_batch=3, batch_wait=0), Metrics())  # type: ignore[arg-type]


def test_a_dropped_job_frees_its_place_and_is_not_looked_at(batcher, photo):
    jobs = [Job(photo) for _ in range(3)]
    for job in jobs:
        batcher.submit(job)
    batcher.drop(jobs[1])
    assert len(batcher) == 2
    batcher._worker.run()
    assert [job.poses.cancelled() for job in jobs] == [False, True, False]
    assert len(jobs[0].poses.result(0)) == 2
    assert batcher._estimator.detector.calls == 2


def test_batches_give_others_their_turn(batcher, photo):
    for _ in range(7):
        batcher.submit(Job(photo))
    assert len(batcher._worker.work) == 1
    batcher._worker.work.pop(0)()
    assert len(batcher) == 4
    assert len(batcher._worker.work) == 1  # at the end of the line of the one thread
    batcher._worker.run()
    assert len(batcher) == 0


def test_a_fault_of_the_engine_reaches_who_waits_and_ends_nothing(batcher, photo, monkeypatch):
    fault = RuntimeError("the engine broke")

    def broken(image):
        raise fault

    detector = batcher._estimator._detector
    monkeypatch.setattr(batcher._estimator, "_detector", broken)
    job = Job(photo)
    batcher.submit(job)
    batcher._worker.run()
    assert job.poses.done()
    monkeypatch.setattr(batcher._estimator, "_detector", detector)
    later = Job(photo)
    batcher.submit(later)
    batcher._worker.run()
    assert job.poses.exception(0) is fault
    assert len(later.poses.result(0)) == 2


def test_a_picture_that_cannot_be_read_is_a_problem(batcher):
    job = Job(b"GIF89a")
    batcher.submit(job)
    batcher._worker.run()
    with pytest.raises(Problem, match="damaged or cut off"):
        job.poses.result(0)
