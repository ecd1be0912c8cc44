"""What the documentation shows: bodies that can be sent as they are, and answers as they come."""

import base64
import json
from functools import cache
from typing import Any

import cv2
import numpy as np

from leanpose.pose.coco import coco_results
from leanpose.pose.formats import header, image_entry, openpose_document, to_document
from leanpose.pose.poses import Poses
from leanpose.pose.skeleton import Skeleton
from leanpose.serve.problems import KINDS, MEDIA_TYPE, Problem

_POSES = Poses(
    np.array([[[50.5, 20.0], [50.0, 40.25]]]), np.array([[0.97, 0.9]]), np.array([[30.0, 8.0, 72.0, 180.0]]),
    np.array([0.93]), Skeleton("two_joints", ("nose", "neck"), (("nose", "neck"),)), (240, 320),
)  # fmt: skip


def _content(kind: str, **examples: Any) -> dict[str, Any]:
    return {kind: {"examples": {name: {"value": value} for name, value in examples.items()}}}


def problem_answers(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's answers of a route for the problems it may have, by status."""
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        answer = answers.setdefault(status, {"description": title, "content": _content(MEDIA_TYPE)})
        answer["content"][MEDIA_TYPE]["examples"][kind] = {"value": Problem(kind, "What to do.").document()}
    return answers


def _shell(*lines: str) -> list[dict[str, str]]:
    return [{"lang": "Shell", "source": "\n".join(lines)}]


@cache
def tiny_picture() -> str:
    """A grey picture of 32 x 32 pixels as PNG in base64."""
    return base64.b64encode(cv2.imencode(".png", np.full((32, 32, 3), 127, np.uint8))[1].tobytes()).decode()


BINARY = {"schema": {"type": "string", "format": "binary"}}
_OFTEN = ("token", "model", "slow", "bytes", "request", "memory", "stopping", "loading", "connections")
_OF_PICTURES = (*_OFTEN, "image", "pixels", "boxes", "accept", "queue", "late")

POSES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"image": BINARY["schema"], "box": {"type": "array", "items": {"type": "string"}}},
                    "required": ["image"],
                }
            },
        },
    },
    "x-codeSamples": _shell(
        "curl --data-binary @photo.jpg {server}/v1/poses",
        "curl -H 'Accept: image/png' --data-binary @photo.jpg '{server}/v1/poses?draw_threshold=0.5' -o drawn.png",
        "curl -F image=@photo.jpg -F box=40,20,180,400 -F format=coco {server}/v1/poses",
    ),
}
POSES_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The people, as JSON or drawn on the picture",
        "content": {
            **_content(
                "application/json", json=to_document([_POSES]), coco=coco_results(_POSES, 0),
                openpose=openpose_document(_POSES),
            ),
            "image/png": BINARY,
        },
    },
    **problem_answers(*_OF_PICTURES),
}  # fmt: skip
MODELS_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Their names, joints and terms",
        "content": _content(
            "application/json",
            models={
                "models": [
                    {
                        "name": "small",
                        "architecture": "softgate",
                        "skeleton": "two_joints",
                        "joints": ["nose", "neck"],
                        "input": {"height": 256, "width": 192},
                        "params": 1000000,
                        "macs": 1000000000,
                        "license": "the terms of the weights",
                    }
                ]
            },
        ),
    }
}
VIDEO_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"video/*": BINARY}},
    "x-codeSamples": _shell(
        "curl -N --data-binary @video.mp4 '{server}/v1/videos?joint_threshold=0.3'",
        "ffmpeg -v error -i in.avi -c:v libx264 -f matroska - | curl -N -X POST -T - {server}/v1/videos",
    ),
}
VIDEO_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line for the skeleton, then one for each frame",
        "content": _content(
            "application/x-ndjson",
            lines="\n".join(json.dumps(line) for line in (header(_POSES.skeleton), image_entry(_POSES))),
        ),
    },
    **problem_answers(*_OFTEN, "kind", "video", "pixels", "frames", "seconds", "videos", "extra"),
}
_TENSOR = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [tiny_picture()]}
INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"example": {"id": "42", "inputs": [_TENSOR]}},
            "application/octet-stream": BINARY,
        },
    },
    "x-codeSamples": _shell(
        "curl {server}/v2/models/small/infer -d '" + json.dumps({"inputs": [_TENSOR]}) + "'",
    ),
}
INFER_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The people of all pictures",
        "content": _content(
            "application/json",
            nobody={
                "model_name": "small",
                "model_version": "1",
                "id": "42",
                "outputs": [
                    {"name": "people", "datatype": "INT32", "shape": [1], "data": [0]},
                    {"name": "keypoints", "datatype": "FP32", "shape": [0, 19, 3], "data": []},
                    {"name": "boxes", "datatype": "FP32", "shape": [0, 5], "data": []},
                ],
            },
        ),
    },
    **problem_answers(*_OF_PICTURES, "images"),
}
METADATA_ANSWERS: dict[int | str, dict[str, Any]] = {**problem_answers("token", "model", "stopping", "loading")}
