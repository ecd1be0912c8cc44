"""The Open Inference Protocol (KServe V2), which clients of Triton and OpenVINO Model Server speak."""

from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from leanpose import __version__
from leanpose.pose.poses import Poses
from leanpose.serve import examples
from leanpose.serve.batching import Job
from leanpose.serve.body import held_body, read_body
from leanpose.serve.json_answer import JsonAnswer
from leanpose.serve.kserve_tensors import HEADER_LENGTH, infer_answer, read_images, read_request, wanted_outputs
from leanpose.serve.problems import Problem
from leanpose.serve.service import Served, Service

VERSION = "1"
INPUT = "image"
OUTPUTS = ("people", "keypoints", "boxes")


def kserve_router(service: Service) -> APIRouter:
    """The routes below /v2."""
    router = APIRouter(prefix="/v2", tags=["KServe V2"])

    @router.get("/health/live", summary="Is the process there?")
    async def live() -> dict[str, Any]:
        return {"live": True}

    @router.get("/health/ready", summary="Are the models loaded, and work taken in?")
    async def ready() -> Response:
        return _state(service.ready)

    @router.get("", summary="The server")
    async def server() -> dict[str, Any]:
        return {"name": "leanpose", "version": __version__, "extensions": ["binary_tensor_data"]}

    @router.get("/models/{name}/versions/{version}", include_in_schema=False)
    @router.get("/models/{name}", summary="A model's inputs and outputs", responses=examples.METADATA_ANSWERS)
    async def metadata(name: str, version: str = VERSION) -> dict[str, Any]:
        return _metadata(_find(service, name, version))

    @router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
    @router.get("/models/{name}/ready", summary="Is the model loaded?")
    async def model_ready(name: str, version: str = VERSION) -> Response:
        _find(service, name, version)
        return _state(service.ready)

    @router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
    @router.post(
        "/models/{name}/infer", summary="People in pictures, as tensors", responses=examples.INFER_ANSWERS,
        openapi_extra=examples.INFER_BODY,
    )  # fmt: skip
    async def infer(request: Request, name: str, version: str = VERSION) -> Response:
        """The input `image` holds N encoded pictures: base64 in JSON, or as they are in binary data behind it.

        Outputs: `people` (N), how many were found in each; `keypoints` (P, K, 3), x, y and score of all of them, one
        picture after the other, 0, 0, 0 where not found; `boxes` (P, 5), x1, y1, x2, y2 and score.
        """
        served = _find(service, name, version)
        with held_body(service.held) as body:
            with service.arriving(served):
                data = await read_body(request, body, service.limits, service.held)
            document, behind = read_request(data, request.headers.get(HEADER_LENGTH))
            images = read_images(document, behind, INPUT, service.limits.max_images)
            binary = wanted_outputs(document, OUTPUTS)
            id_ = document.get("id")
            if id_ is not None and not (isinstance(id_, str) and len(id_) <= 200):
                raise Problem("request", "id: a string of at most 200 characters is needed")
            found = await _estimate_all(service, request, served, images)
        answer: dict[str, Any] = {"model_name": name, "model_version": VERSION}
        return infer_answer(answer if id_ is None else answer | {"id": id_}, _arrays(served, found), binary)

    return router


async def _estimate_all(service: Service, request: Request, served: Served, images: list[bytes]) -> list[Poses]:
    """The people of each picture; the first problem ends them all."""
    jobs = [Job(image) for image in images]
    try:
        found = await service.estimate(request, served, jobs)
    except Problem as problem:
        raise _of_picture(problem, jobs) from problem
    return [poses.view(served.estimator.skeleton) for poses in found]


def _of_picture(problem: Problem, jobs: list[Job]) -> Problem:
    """The problem with the number of the picture that has it."""
    done = [job.poses.done() and not job.poses.cancelled() and job.poses.exception() is problem for job in jobs]
    return Problem(problem.kind, f"picture {done.index(True)}: {problem.detail}") if any(done) else problem


def _arrays(served: Served, found: list[Poses]) -> dict[str, np.ndarray]:
    joints = len(served.estimator.skeleton)
    points = [np.concatenate((poses.keypoints, poses.scores[..., None]), axis=-1) for poses in found]
    boxes = [np.concatenate((poses.boxes, poses.box_scores[:, None]), axis=-1) for poses in found]
    keypoints = np.concatenate((np.zeros((0, joints, 3), np.float32), *points))
    return {
        "people": np.array([len(poses) for poses in found], np.int32),
        "keypoints": np.where(np.isnan(keypoints).any(axis=-1, keepdims=True), np.float32(0), keypoints),
        "boxes": np.concatenate((np.zeros((0, 5), np.float32), *boxes)),
    }


def _find(service: Service, name: str, version: str) -> Served:
    if version != VERSION:
        raise Problem("model", f"no version '{version[:20]}': there is {VERSION}")
    return service.model(name)


def _state(ready: bool) -> Response:
    return JsonAnswer({"ready": ready}, 200 if ready else 503)


def _metadata(served: Served) -> dict[str, Any]:
    joints = len(served.estimator.skeleton)
    shapes = {"people": ("INT32", [-1]), "keypoints": ("FP32", [-1, joints, 3]), "boxes": ("FP32", [-1, 5])}
    return {
        "name": served.name,
        "versions": [VERSION],
        "platform": "leanpose",
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": name, "datatype": kind, "shape": shape} for name, (kind, shape) in shapes.items()
        ],
    }  # fmt: skip
