"""Sends thousands of broken bodies to a service in this process: statuses counted, and how memory grew.

    python benchmarks/serve_fuzz.py --bodies 10000

Pictures, forms, inference requests, videos and addresses are cut, bent and mixed by a seeded generator. A 500 or an
answer that does not come is a fault, and the script ends with status 1; so it does if memory grew by over 50 MB from
the first tenth to the end.
"""

import argparse
import base64
import gc
import http.client
import json
import logging.config
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

KINDS = (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif", ".jp2", ".ppm")
Request = tuple[str, dict[str, str], bytes]  # path, headers, body


def bodies(count: int, seed: int = 0, model: str = "nano") -> Iterator[Request]:
    """Requests from a seed, each with a path, headers and a body."""
    rng = random.Random(seed)
    image = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    pictures = [cv2.imencode(kind, image)[1].tobytes() for kind in KINDS]
    video = _video(image)
    makers = (_picture, _picture, _form, _inference, _binary, _film, _address)
    for _ in range(count):
        yield rng.choice(makers)(rng, rng.choice(pictures), video, model)


def bent(rng: random.Random, data: bytes) -> bytes:
    """Data with some of it changed, cut, doubled or put in from elsewhere."""
    bent = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(bent) + 1)
        way = rng.randrange(5)
        if way == 0:
            del bent[at:]
        elif way == 1:
            del bent[at : at + rng.randrange(30)]
        elif way == 2:
            bent[at:at] = rng.randbytes(rng.randrange(30))
        elif way == 3:
            bent[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
        elif bent:
            for _ in range(rng.randrange(1, 8)):
                bent[rng.randrange(len(bent))] = rng.randrange(256)
        if not bent:
            break
    return bytes(bent)


def _picture(rng: random.Random, picture: bytes, _: bytes, __: str) -> Request:
    headers = {"Accept": "image/png"} if rng.random() < 0.2 else {}
    return "/v1/poses?whole_image=1", headers, bent(rng, picture)


def _form(rng: random.Random, picture: bytes, _: bytes, __: str) -> Request:
    fields = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)
        for name, value in [(b"box", b"0,0,20,20"), (b"format", rng.choice((b"coco", b"json", b"x")))]
    )
    file = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + picture + b"\r\n--b--\r\n"
    kind = rng.choice(("multipart/form-data; boundary=b", "multipart/form-data", "multipart/mixed; boundary="))
    return "/v1/poses", {"Content-Type": kind}, bent(rng, fields + file)


def _inference(rng: random.Random, picture: bytes, _: bytes, model: str) -> Request:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(picture).decode()]}
    return f"/v2/models/{model}/infer", {}, bent(rng, json.dumps({"inputs": [tensor]}).encode())


def _binary(rng: random.Random, picture: bytes, _: bytes, model: str) -> Request:
    data = len(picture).to_bytes(4, "little") + picture
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    length = str(len(head) + rng.choice((0, 0, 0, 1, -1, 10**9)))
    return f"/v2/models/{model}/infer", {"Inference-Header-Content-Length": length}, bent(rng, head + data)


def _film(rng: random.Random, _: bytes, video: bytes, __: str) -> Request:
    return "/v1/videos", {}, bent(rng, video)


def _address(rng: random.Random, picture: bytes, _: bytes, __: str) -> Request:
    name = rng.choice(("box", "model", "skeleton", "format", "joint_threshold", "image_id", "draw_threshold", "x"))
    value = rng.choice(("nan", "inf", "1e999", "-1", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "1,2,3,4", "9" * 400, ""))
    return f"/v1/poses?{name}={value}", {}, picture


def _video(image: np.ndarray) -> bytes:
    from leanpose.media import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mkv"
        with VideoWriter(path, 25) as writer:
            for shift in range(3):
                writer.write(np.roll(image, shift, axis=1))
        return path.read_bytes()


def send(port: int, request: Request) -> int:
    """The status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        path, headers, body = request
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def memory() -> float:
    """Resident megabytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", default="onnxruntime")
    options = parser.parse_args()
    from uvicorn import Server

    from leanpose.serve.app import create_app
    from leanpose.serve.estimators import OpenEstimators
    from leanpose.serve.limits import Limits
    from leanpose.serve.logs import log_config
    from leanpose.serve.protocol import ServeConfig
    from leanpose.serve.server import Address, listening_socket

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # as the command does, which this is not
    logging.config.dictConfig(log_config() | {"root": {"level": "CRITICAL"}})
    logging.getLogger("leanpose.serve").setLevel("ERROR")
    taken = listening_socket(Address(port=0))
    app = create_app(OpenEstimators(("nano",), engine=options.engine, threads=1), Limits())
    server = Server(ServeConfig(app, Limits(), log_config=None, access_log=False))
    thread = threading.Thread(target=lambda: server.run([taken]))
    thread.start()
    while not server.started:
        time.sleep(0.05)
    statuses: Counter[int] = Counter()
    first, start = 0.0, time.perf_counter()
    for number, request in enumerate(bodies(options.bodies, options.seed)):
        statuses[send(taken.getsockname()[1], request)] += 1
        if number == options.bodies // 10:
            first = memory()
    grown = memory() - first
    server.should_exit = True
    thread.join()
    seconds = time.perf_counter() - start
    print(f"{options.bodies} bodies of seed {options.seed} in {seconds:.0f} s")
    print(", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    print(f"memory grew by {grown:.1f} MB after the first tenth")
    return int(statuses[500] > 0 or grown > 50)


if __name__ == "__main__":
    sys.exit(main())
