"""The Open Inference Protocol, by the examples of its specification and by clients' ways to send bytes."""

import base64
import json
import struct

import numpy as np
import pytest

from leanpose.serve.kserve_tensors import HEADER_LENGTH

from .conftest import png


def tensor(images, **fields):
    data = [base64.b64encode(image).decode() for image in images]
    return {"name": "image", "datatype": "BYTES", "shape": [len(images)], "data": data} | fields


def ask(running, document, behind=b"", path="/v2/models/dots/infer"):
    head = json.dumps(document).encode()
    headers = {HEADER_LENGTH: str(len(head))} if behind else {}
    return running.ask(path, head + behind, **headers)


def arrays(answer):
    kinds = {"INT32": "<i4", "FP32": "<f4"}
    at = int(answer.headers.get(HEADER_LENGTH.lower(), len(answer.body)))
    found = {}
    for one in json.loads(answer.body[:at])["outputs"]:
        size = one.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.array(one["data"], kinds[one["datatype"]])
        else:
            values = np.frombuffer(answer.body[at : at + size], kinds[one["datatype"]])
            at += size
        found[one["name"]] = values.reshape(one["shape"])
    return found


def test_the_server_and_its_model_as_the_specification_has_them(serve):
    running = serve()
    assert running.ask("/v2/health/live").status == running.ask("/v2/health/ready").status == 200
    assert {"name", "version", "extensions"} == set(running.ask("/v2").json)
    assert running.ask("/v2/models/dots/ready").status == running.ask("/v2/models/dots/versions/1/ready").status == 200
    metadata = running.ask("/v2/models/dots").json
    assert metadata == running.ask("/v2/models/dots/versions/1").json
    assert set(metadata) == {"name", "versions", "platform", "inputs", "outputs"}
    assert metadata["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert running.ask("/v2/models/none").kind == running.ask("/v2/models/dots/versions/2").kind == "model"


def test_pictures_become_tensors(serve, photo):
    running = serve()
    nobody = png(np.zeros((50, 50, 3), np.uint8))
    answer = ask(running, {"id": "42", "inputs": [tensor([photo, nobody, photo])]})
    assert answer.status == 200
    assert {key: answer.json[key] for key in ("model_name", "model_version", "id")} == {
        "model_name": "dots", "model_version": "1", "id": "42",
    }  # fmt: skip
    poses, found = running.estimator(photo), arrays(answer)
    np.testing.assert_array_equal(found["people"], [2, 0, 2])
    np.testing.assert_array_equal(found["keypoints"][:2, :, :2], poses.keypoints)
    np.testing.assert_array_equal(found["keypoints"][2:, :, 2], poses.scores)
    np.testing.assert_array_equal(found["boxes"][2:, :4], poses.boxes)


def test_binary_data_go_both_ways(serve, photo):
    running = serve()
    elements = b"".join(struct.pack("<I", len(photo)) + photo for _ in range(2))
    given = {"name": "image", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": len(elements)}}
    asked = [{"name": "keypoints", "parameters": {"binary_data": True}}, {"name": "people"}]
    answer = ask(running, {"inputs": [given], "outputs": asked}, elements)
    assert answer.headers["content-type"] == "application/octet-stream"
    found, as_json = arrays(answer), arrays(ask(running, {"inputs": [tensor([photo, photo])]}))
    assert list(found) == ["keypoints", "people"]
    for name in found:
        np.testing.assert_array_equal(found[name], as_json[name])
    whole = ask(running, {"inputs": [given], "parameters": {"binary_data_output": True}}, elements)
    for name, array in arrays(whole).items():
        np.testing.assert_array_equal(array, as_json[name])


def test_a_broken_picture_is_named_by_its_number(serve, photo):
    answer = ask(serve(), {"inputs": [tensor([photo, photo[:200]])]})
    assert (answer.status, answer.kind) == (422, "image")
    assert answer.json["detail"].startswith("picture 1: ")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "is a JSON object"),
        ({}, "inputs: one tensor"),
        ({"inputs": [1]}, "inputs: one tensor"),
        ({"inputs": [tensor([b"a"], name="x")]}, "'image' of datatype BYTES"),
        ({"inputs": [tensor([b"a"], datatype="FP32")]}, "'image' of datatype BYTES"),
        ({"inputs": [tensor([b"a"], shape=[-1])]}, "shape"),
        ({"inputs": [tensor([b"a"], shape=[True])]}, "shape"),
        ({"inputs": [tensor([b"a"], shape=[1, 2])]}, "shape"),
        ({"inputs": [tensor([b"a"], shape=[2])]}, "2 strings are needed"),
        ({"inputs": [tensor([b"a"], data=["%%"])]}, "not base64"),
        ({"inputs": [tensor([b"a"], data=["\u00e9"])]}, "not base64"),
        ({"inputs": [tensor([b"a"], parameters={"binary_data_size": 5})]}, "0 bytes stand behind"),
        ({"inputs": [tensor([b"a"])], "outputs": [{"name": "x"}]}, "people, keypoints, boxes"),
        ({"inputs": [tensor([b"a"])], "outputs": {}}, "outputs: a list"),
        ({"inputs": [tensor([b"a"])], "id": 5}, "id: a string"),
        ({"inputs": [tensor([b"a"])], "parameters": {"binary_data_output": 1}}, "true or false"),
    ],
)
def test_what_is_no_inference_request_is_told(serve, document, told):
    answer = ask(serve(), document)
    assert (answer.status, answer.kind) == (422, "request")
    assert told in answer.json["detail"]


def test_broken_binary_data_are_told(serve, photo):
    running = serve()
    for behind, told in [
        (struct.pack("<I", 99) + b"abc", "are not 1 elements"),
        (b"\1\0\0\0a\0", "are not 1 elements"),
    ]:
        given = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(behind)}}
        assert told in ask(running, {"inputs": [given]}, behind).json["detail"]
    for length in ("-1", "99999", "x"):
        answer = running.ask("/v2/models/dots/infer", b"{}", **{HEADER_LENGTH: length})
        assert "does not fit 2 bytes" in answer.json["detail"]
    assert running.ask("/v2/models/dots/infer", b"[" * 5000).status == 422


def test_the_documented_example_can_be_sent_as_it_is(serve):
    running = serve()
    route = running.ask("/openapi.json").json["paths"]["/v2/models/{name}/infer"]["post"]
    answer = ask(running, route["requestBody"]["content"]["application/json"]["example"])
    assert answer.status == 200
    example = route["responses"]["200"]["content"]["application/json"]["examples"]["nobody"]["value"]
    assert set(answer.json) == set(example)
    assert [one["name"] for one in answer.json["outputs"]] == [one["name"] for one in example["outputs"]]
