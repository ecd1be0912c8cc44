"""Tensors of the Open Inference Protocol (KServe V2): as JSON, and in its binary extension, behind the JSON."""

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leanpose.core.bounded import parse_json
from leanpose.core.errors import ImageError
from leanpose.serve.json_answer import JsonAnswer
from leanpose.serve.problems import Problem

HEADER_LENGTH = "Inference-Header-Content-Length"
NAMES = {"float32": "FP32", "int32": "INT32"}


def read_request(data: bytes, header_length: str | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON object of a request, and the bytes behind it.

    Raises:
        Problem: when it is none.
    """
    length = len(data)
    if header_length is not None:
        if not header_length.isdecimal() or not 0 < int(header_length[:12]) <= len(data):
            raise Problem("request", f"{HEADER_LENGTH}: {header_length[:20]!r} does not fit {len(data)} bytes")
        length = int(header_length)
    try:
        document = parse_json(data[:length], ImageError)
    except ImageError as error:
        raise Problem("request", f"{error}: send an inference request of the Open Inference Protocol") from error
    if not isinstance(document, dict):
        raise Problem("request", "an inference request is a JSON object with inputs")
    return document, memoryview(data)[length:]


def read_images(document: Mapping[str, Any], behind: memoryview, name: str, most: int) -> list[bytes]:
    """The encoded pictures in the BYTES tensor ``name`` of a request, base64 where they stand in JSON.

    Raises:
        Problem: when it is missing, of another type or shape, not base64, or has more than ``most`` pictures.
    """
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Problem("request", f"inputs: one tensor is needed, '{name}' of BYTES")
    tensor = inputs[0]
    if tensor.get("name") != name or tensor.get("datatype") != "BYTES":
        raise Problem("request", f"inputs[0]: '{name}' of datatype BYTES is needed, each element a picture's file")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or len(shape) not in (1, 2) or not all(type(n) is int and n > 0 for n in shape):
        raise Problem("request", "inputs[0].shape: [N] or [N, 1] is needed, N being the number of pictures")
    count = shape[0]
    if len(shape) == 2 and shape[1] != 1:
        raise Problem("request", "inputs[0].shape: [N] or [N, 1] is needed, N being the number of pictures")
    if count > most:
        raise Problem("images", f"{count} pictures in one request, and at most {most} are taken: send several requests")
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return _from_json(tensor.get("data"), count)
    if type(size) is not int or size != len(behind):
        raise Problem("request", f"inputs[0].parameters.binary_data_size: {len(behind)} bytes stand behind the JSON")
    return _from_bytes(behind, count)


def wanted_outputs(document: Mapping[str, Any], names: Sequence[str]) -> dict[str, bool]:
    """The names of the outputs that a request wants, all without any, and whether each is to be binary.

    Raises:
        Problem: for one that is not among ``names``.
    """
    binary = _flag(document, "binary_data_output", False)
    asked = document.get("outputs")
    if asked is None:
        return dict.fromkeys(names, binary)
    if not isinstance(asked, list) or len(asked) > len(names):
        raise Problem("request", f"outputs: a list of at most {len(names)} is needed")
    wanted = {}
    for one in asked:
        if not isinstance(one, dict) or one.get("name") not in names:
            raise Problem("request", f"outputs: each has one of the names {', '.join(names)}")
        wanted[one["name"]] = _flag(one, "binary_data", binary)
    return wanted


def infer_answer(answer: dict[str, Any], arrays: Mapping[str, np.ndarray], binary: Mapping[str, bool]) -> JsonAnswer:
    """The answer with its outputs, those that are ``binary`` behind the JSON."""
    outputs, behind = [], b""
    for name, is_binary in binary.items():
        array = np.ascontiguousarray(arrays[name])
        tensor: dict[str, Any] = {"name": name, "datatype": NAMES[array.dtype.name], "shape": list(array.shape)}
        if is_binary:
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
            tensor["parameters"] = {"binary_data_size": len(data)}
            behind += data
        else:
            tensor["data"] = array.ravel().tolist()
        outputs.append(tensor)
    response = JsonAnswer(answer | {"outputs": outputs})
    if any(binary.values()):
        head = bytes(response.body)
        response = JsonAnswer(None)
        response.body = head + behind
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Type"] = "application/octet-stream"
        response.headers[HEADER_LENGTH] = str(len(head))
    return response


def _flag(holder: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    parameters = holder.get("parameters")
    value = parameters.get(name, otherwise) if isinstance(parameters, dict) else otherwise
    if not isinstance(value, bool):
        raise Problem("request", f"parameters.{name}: true or false is needed")
    return value


def _from_json(data: Any, count: int) -> list[bytes]:
    flat = (
        [item for row in data for item in (row if isinstance(row, list) else [row])] if isinstance(data, list) else []
    )
    if len(flat) != count or not all(isinstance(item, str) for item in flat):
        raise Problem("request", f"inputs[0].data: {count} strings are needed, each the base64 of a picture's file")
    try:
        return [base64.b64decode(item, validate=True) for item in flat]
    except (binascii.Error, ValueError) as error:
        raise Problem(
            "request", f"inputs[0].data: not base64 ({error}): or send binary data behind the JSON"
        ) from error


def _from_bytes(data: memoryview, count: int) -> list[bytes]:
    """Elements with their length before them, 4 bytes, the lowest first."""
    found, at = [], 0
    while at + 4 <= len(data) and len(found) < count:
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            break
        found.append(bytes(data[at + 4 : at + 4 + size]))
        at += 4 + size
    if len(found) != count or at != len(data):
        raise Problem("request", f"the binary data are not {count} elements, each with its length in 4 bytes before it")
    return found
