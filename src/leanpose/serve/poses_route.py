"""POST /v1/poses: a picture in, people out; and GET /v1/models."""

import asyncio
import time
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, Query, Request, Response

from leanpose.engines.card import ModelCard
from leanpose.pose.coco import coco_results
from leanpose.pose.drawing import draw_poses
from leanpose.pose.formats import openpose_document, to_document
from leanpose.pose.poses import Poses
from leanpose.serve import examples
from leanpose.serve.asked import AskedPoses, with_fields
from leanpose.serve.batching import Job, open_image
from leanpose.serve.body import held_body, read_body, read_form
from leanpose.serve.json_answer import JsonAnswer
from leanpose.serve.limits import Limits
from leanpose.serve.problems import Problem
from leanpose.serve.service import Service

PNG = "image/png"


def poses_router(service: Service) -> APIRouter:
    """The routes of pictures."""
    router = APIRouter(prefix="/v1", tags=["pictures"])

    @router.post(
        "/poses", summary="Find people and their joints in a picture", response_class=JsonAnswer,
        responses=examples.POSES_ANSWERS, openapi_extra=examples.POSES_BODY,
    )  # fmt: skip
    async def poses(request: Request, asked: Annotated[AskedPoses, Query()]) -> Response:
        """The body is a picture's bytes, whatever its content type, or a form with the file `image` and the same
        parameters as fields. JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, JPEG 2000 and PNM are read.

        Places are in pixels of the upright picture, whose centres lie at whole numbers. With `Accept: image/png` the
        answer is the picture with the people drawn on it.
        """
        drawn = wants_png(request.headers.get("accept", ""))
        served = service.model(asked.model)
        service.check_queue(1)
        with held_body(service.held) as body:
            with service.arriving(served):
                start = time.perf_counter()
                data = await read_body(request, body, service.limits, service.held)
                if request.headers.get("content-type", "").lower().startswith("multipart/"):
                    data, fields = await read_form(request.headers, data)
                    asked = with_fields(asked, fields)
                    served = service.model(asked.model)
                upload = time.perf_counter() - start
                skeleton = service.skeleton(served, asked.skeleton, asked.format == "coco")
                job = Job(data, asked.boxes(service.limits), asked.whole_image)
            (found,) = await service.estimate(request, served, [job])
            found = found.view(skeleton).confident(asked.joint_threshold)
            start = time.perf_counter()
            if drawn:
                painting = service.painter.submit(_draw, data, found, asked.draw_threshold, service.limits)
                answer = Response(await service.unless_gone(request, asyncio.wrap_future(painting)), media_type=PNG)
            else:
                answer = JsonAnswer(_document(found, asked))
            times = {"upload": upload, **job.times, "answer": time.perf_counter() - start}
            service.metrics.stages.labels("answer").observe(times["answer"])
            answer.headers["Server-Timing"] = ", ".join(f"{k};dur={1000 * v:.1f}" for k, v in times.items())
            return answer

    @router.get("/models", summary="The models that can be asked for", responses=examples.MODELS_ANSWERS)
    async def models() -> dict[str, Any]:
        """The first is the one that a request gets which names none."""
        return {"models": [_model(served.name, served.estimator.card) for served in service.models.values()]}

    return router


def wants_png(accept: str) -> bool:
    """Whether a drawn picture is preferred to JSON by an Accept header; raises Problem where it takes neither."""
    weights = {"json": 0.0, "png": 0.0}
    for part in accept.lower().split(",") if accept.strip() else ["*/*"]:
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        try:
            weight = next((float(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        except ValueError:
            weight = 0.0
        if kind in ("*/*", "application/*", "application/json"):
            weights["json"] = max(weights["json"], weight)
        if kind in (PNG, "image/*"):
            weights["png"] = max(weights["png"], weight)
    if not any(weights.values()):
        raise Problem("accept", f"Accept: application/json or {PNG} can be answered, not {accept[:80]!r}")
    return weights["png"] > weights["json"]


def _document(poses: Poses, asked: AskedPoses) -> Any:
    if asked.format == "coco":
        return coco_results(poses, asked.image_id)
    return openpose_document(poses) if asked.format == "openpose" else to_document([poses])


def _draw(data: bytes, poses: Poses, min_score: float, limits: Limits) -> bytes:
    """Decodes once more, so that no picture is kept while it waits for the engine."""
    done, coded = cv2.imencode(".png", draw_poses(open_image(data, limits, thorough=False), poses, min_score))
    if not done:
        raise Problem("image", "the picture cannot be written as PNG: ask for JSON")
    return coded.tobytes()


def _model(name: str, card: ModelCard) -> dict[str, Any]:
    height, width = card.input_hw
    return {
        "name": name,
        "architecture": card.architecture,
        "skeleton": card.skeleton.name,
        "joints": list(card.skeleton.joints),
        "input": {"height": height, "width": width},
        "params": card.params,
        "macs": card.macs,
        "license": card.license,
    }
