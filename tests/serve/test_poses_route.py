"""POST /v1/poses against what the estimator says of the same bytes."""

import cv2
import numpy as np
import pytest

from leanpose.pose.coco import coco_results
from leanpose.pose.drawing import draw_poses
from leanpose.pose.formats import openpose_document, to_document
from leanpose.serve.poses_route import wants_png
from leanpose.serve.problems import Problem

from ..videos import joints, picture


def form(fields, image=None):
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields
    ]
    if image is not None:
        parts.append(
            b'--b\r\nContent-Disposition: form-data; name="image"; filename="../../a.png"\r\n'
            b"Content-Type: image/png\r\n\r\n" + image + b"\r\n"
        )
    return {"body": b"".join(parts) + b"--b--\r\n", "content_type": "multipart/form-data; boundary=b"}


def test_a_picture_gives_its_people(serve, photo):
    running = serve()
    answer = running.ask("/v1/poses", photo)
    assert answer.status == 200
    assert answer.json == to_document([running.estimator(photo)])
    found = np.array([person["keypoints"] for person in answer.json["images"][0]["people"]])[..., :2]
    truth = np.array([joints(0, person) for person in range(2)])
    order = np.argsort(found[:, 0, 1])
    assert np.abs(found[order] - truth).max() < 1
    stages = answer.headers["server-timing"]
    assert [part.split(";")[0] for part in stages.split(", ")] == ["upload", "queue", "decode", "estimate", "answer"]


def test_boxes_whole_image_and_no_people(serve, photo):
    running = serve()
    box = [20, 10, 70, 70]
    given = running.ask("/v1/poses?box=20,10,70,70", photo)
    assert given.json == to_document([running.estimator(photo, [box])])
    scored = running.ask("/v1/poses?box=20,10,70,70,0.5&box=20,90,70,150,0.25", photo)
    assert [person["score"] for person in scored.json["images"][0]["people"]] == [0.5, 0.25]
    whole = running.ask("/v1/poses?whole_image=true", photo)
    assert whole.json == to_document([running.estimator(photo, whole_image=True)])
    assert running.detector.calls <= 1  # of the warming up
    nobody = running.ask("/v1/poses", cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes())
    assert nobody.json["images"] == [{"source": None, "height": 40, "width": 60, "people": []}]


@pytest.mark.parametrize("format", ["json", "coco", "openpose"])
def test_formats_are_those_of_the_library(serve, photo, format):
    running = serve()
    poses = running.estimator(photo)
    expected = {
        "json": to_document([poses]),
        "coco": coco_results(poses, 7),
        "openpose": openpose_document(poses),
    }[format]
    assert running.ask(f"/v1/poses?format={format}&image_id=7", photo).json == expected


def test_a_drawn_picture_by_accept(serve, photo):
    running = serve()
    answer = running.ask("/v1/poses?draw_threshold=0.5", photo, accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    drawn = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(drawn, draw_poses(picture(0), running.estimator(photo), 0.5))


def test_a_form_is_the_same_request(serve, photo):
    running = serve()
    fields = [("box", "20,10,70,70"), ("box", "20,90,70,150"), ("format", "coco"), ("image_id", "3")]
    sent = form(fields, photo)
    by_form = running.ask("/v1/poses?image_id=2", sent["body"], content_type=sent["content_type"])
    by_address = running.ask("/v1/poses?box=20,10,70,70&box=20,90,70,150&format=coco&image_id=3", photo)
    assert by_form.json == by_address.json
    assert len(by_form.json) == 2


def test_joints_below_the_threshold_are_not_found(serve, photo):
    running = serve()
    answer = running.ask("/v1/poses?joint_threshold=0.999", photo)
    assert answer.json == to_document([running.estimator(photo).confident(0.999)])


@pytest.mark.parametrize(
    ("query", "kind", "told"),
    [
        ("model=none", "model", "no model 'none' here: use one of dots"),
        ("model=/etc/passwd", "model", "no model '/etc/passwd' here"),
        ("skeleton=nobody", "request", "unknown skeleton 'nobody'"),
        ("skeleton=/etc/passwd.json", "request", "unknown skeleton"),
        ("skeleton=coco17", "request", "skeleton: "),
        ("bax=1,2,3,4", "request", "bax: there is no such parameter"),
        ("format=xml", "request", "format: Input should be 'json', 'coco' or 'openpose'"),
        ("joint_threshold=2", "request", "joint_threshold: Input should be less than or equal to 1"),
        ("joint_threshold=nan", "request", "joint_threshold: "),
        ("box=1,2,3", "boxes", "write four numbers"),
        ("box=a,b,c,d", "boxes", "write four numbers"),
        ("box=50,50,20,20", "boxes", "x2 < x1"),
        ("box=nan,0,20,20", "boxes", "not finite"),
        ("box=900,900,950,950", "boxes", "lies outside the image"),
        ("box=0,0,9,9&whole_image=1", "boxes", "leave one out"),
    ],
)
def test_what_cannot_be_asked_is_told(serve, photo, query, kind, told):
    answer = serve().ask(f"/v1/poses?{query}", photo)
    assert answer.kind == kind
    assert told in answer.json["detail"]
    assert answer.status == (404 if kind == "model" else 422)


def test_broken_forms_are_told(serve, photo):
    running = serve()
    sent = form([("format", "coco")], photo)
    for body, told in [
        (form([("format", "coco")])["body"], "no picture in the multipart body"),
        (form([("fromat", "coco")], photo)["body"], "fromat: there is no such parameter"),
        (form([("box", "1")], photo)["body"], "write four numbers"),
        (sent["body"][:60], "multipart"),
        (b"nothing of the kind", "multipart"),
        (sent["body"][:-8].replace(b"--b\r\n", b"--c\r\n"), "multipart"),
    ]:
        answer = running.ask("/v1/poses", body, content_type=sent["content_type"])
        assert answer.status == 422, body[:80]
        assert told in answer.json["detail"], answer.json
    assert running.ask("/v1/poses", sent["body"], content_type="multipart/form-data").status == 422


def test_accept():
    assert wants_png("image/png")
    assert wants_png("image/*;q=0.9, application/json;q=0.1")
    assert not wants_png("")
    assert not wants_png("*/*")
    assert not wants_png("image/png;q=0.5, */*")
    for refused in ("text/html", "image/png;q=0", "image/png;q=x"):
        with pytest.raises(Problem) as told:
            wants_png(refused)
        assert told.value.status == 406


def test_models_are_listed(serve):
    running = serve()
    (model,) = running.ask("/v1/models").json["models"]
    assert model["name"] == "dots"
    assert model["joints"] == list(running.estimator.skeleton.joints)
    assert model["input"] == {"height": 96, "width": 64}
