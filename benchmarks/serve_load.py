"""The service beside the same work in Python: throughput with many clients, and the time that one client waits.

    python benchmarks/serve_load.py PICTURES... --clients 16 --rounds 20

The service runs as `leanpose serve` in a process of its own; both use the same model, engine and threads, one after
the other. Each figure is of whole rounds over all pictures. The load on the machine before it began is printed: on a
busy one the figures say little.
"""

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from leanpose import PoseEstimator
from leanpose.media import find_images


def ask(connection: http.client.HTTPConnection, picture: bytes) -> float:
    """Milliseconds until the answer is there."""
    start = time.perf_counter()
    connection.request("POST", "/v1/poses", picture)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return 1000 * (time.perf_counter() - start)


def client(port: int, pictures: list[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for picture in pictures:
        ask(connection, picture)
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    pictures = [Path(path).read_bytes() for path in find_images(options.pictures)]
    work = pictures * options.rounds
    print(f"load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    estimator = PoseEstimator(options.model, options.engine, threads=options.threads)
    print(estimator.describe())
    estimator(pictures[0])
    command = [sys.executable, "-m", "leanpose", "serve", "--port", "0", "--model", options.model]
    command += ["--engine", options.engine]
    command += [] if options.threads is None else ["--threads", str(options.threads)]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert service.stdout
        assert service.stderr
        told = service.stdout.readline()
        found = re.search(r":(\d+),", told)
        assert found, told
        port = int(found[1])
        service.stderr.readline()  # ready
        os.set_blocking(service.stderr.fileno(), False)
        shares, waits = [], []
        for _ in range(options.repeats):  # in turn, for the machine may be busier in one minute than in the next
            start = time.perf_counter()
            list(estimator.estimate_many(work))
            in_python = len(work) / (time.perf_counter() - start)
            parts = [work[i :: options.clients] for i in range(options.clients)]
            start = time.perf_counter()
            with ThreadPoolExecutor(options.clients) as pool:
                list(pool.map(lambda part: client(port, part), parts))
            served = len(work) / (time.perf_counter() - start)
            service.stderr.read()
            shares.append(served / in_python)
            print(
                f"pictures/s: estimate_many {in_python:.1f}, {options.clients} clients {served:.1f}, {shares[-1]:.2f}"
            )
            connection = http.client.HTTPConnection("127.0.0.1", port)
            calls, asked = [], []
            for picture in work[:200]:  # one call, one request, in turn
                start = time.perf_counter()
                estimator(picture)
                calls.append(1000 * (time.perf_counter() - start))
                asked.append(ask(connection, picture))
            service.stderr.read()
            waits.append(statistics.median(asked) - statistics.median(calls))
            call, request = statistics.median(calls), statistics.median(asked)
            print(f"p50: call {call:.1f} ms, request {request:.1f} ms, {waits[-1]:+.1f}")
        print(f"median of {options.repeats}: {statistics.median(shares):.2f} of estimate_many's throughput, "
              f"p50 of a single client {statistics.median(waits):+.1f} ms")  # fmt: skip
    finally:
        service.terminate()
        service.communicate()


if __name__ == "__main__":
    main()
