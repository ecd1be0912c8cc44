"""What a request may ask for, from its address or its form."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leanpose.serve.limits import Limits
from leanpose.serve.problems import Problem

Share = Annotated[float, Field(ge=0, le=1)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model: str | None = Field(None, max_length=200, description="One of GET /v1/models; by default the first.")
    skeleton: str | None = Field(
        None, max_length=60, description="Whose joints to give, such as mpii16; by default the model's."
    )
    joint_threshold: Share = Field(0.0, description="Score below which a joint counts as not found.")


class AskedPoses(_Asked):
    """Of POST /v1/poses."""

    box: list[str] | None = Field(
        None,
        max_length=1000,
        description="A person's box in pixels, x1,y1,x2,y2 or with a score as fifth number; repeat for more people. "
        "Without any, the detector finds the people.",
    )
    whole_image: bool = Field(False, description="The picture shows one person, all of it. No detector.")
    format: Literal["json", "coco", "openpose"] = Field("json", description="Of the answer, where it is no picture.")
    image_id: int = Field(0, ge=0, le=2**53, description="COCO's number of the picture.")
    draw_threshold: Share = Field(0.3, description="Score from which a joint is drawn.")

    def boxes(self, limits: Limits) -> list[list[float]] | None:
        """The people's boxes; raises Problem for what is none, or too many."""
        if self.box is None:
            return None
        if self.whole_image:
            raise Problem("boxes", "box and whole_image each say where the people are: leave one out")
        if len(self.box) > limits.max_boxes:
            raise Problem("boxes", f"{len(self.box)} boxes, and at most {limits.max_boxes} are taken: send the best")
        return [_box(text) for text in self.box]


class AskedVideo(_Asked):
    """Of POST /v1/videos."""

    track: bool = Field(True, description="Give people ids that stay.")
    smooth: bool = Field(True, description="Steady the joints of each id.")


def with_fields(asked: AskedPoses, fields: Mapping[str, list[str]]) -> AskedPoses:
    """What was asked, with the fields of a form over those of the address; raises Problem."""
    values: dict[str, Any] = asked.model_dump(exclude_unset=True)
    for name, given in fields.items():
        values[name] = given if name == "box" else given[-1]
    try:
        return AskedPoses.model_validate(values)
    except ValidationError as error:
        raise Problem("request", faults(error.errors())) from error


def faults(errors: Any) -> str:
    """What is wrong with which parameter, in one sentence."""
    told = []
    for one in errors:
        place = ".".join(str(part) for part in one["loc"] if part not in ("query", "body", "path"))
        what = "there is no such parameter" if one["type"] == "extra_forbidden" else one["msg"]
        told.append(f"{place[:60] or 'request'}: {what[:120]}")
    return f"{'; '.join(told[:5])}: see /docs for what can be asked"


def _box(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 5):
        raise Problem("boxes", f"box {json.dumps(text[:40])}: write four numbers x1,y1,x2,y2 in pixels")
    return numbers
