"""A small share of the campaign: 50 broken files of each kind end in a result or in an error of leanpose."""

import random
import resource
import time
from contextlib import suppress
from pathlib import Path

import pytest

from campaign_mutations import broken, broken_json, broken_lines
from campaign_text_files import cases
from leanpose.core.errors import LeanposeError

NEEDED = {"safetensors": "torch", "ONNX, OpenVINO": "openvino", "YOLO data.yaml": "yaml", "YOLO labels": "yaml"}


@pytest.mark.parametrize("kind", cases(Path()))
def test_broken_files_end_in_a_result_or_a_typed_error(kind: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDED.get(kind, "scipy"))
    case = cases(tmp_path)[kind]()
    case.read()
    whole = case.file.read_bytes()
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for seed in range(100_000, 100_050):
        draw = random.Random(seed)
        case.file.write_bytes(draw.choice(case.ways)(whole, draw))
        case.seal()
        with suppress(LeanposeError):
            case.read()
    assert time.process_time() - begin < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("mutate", [broken, broken_json, broken_lines])
def test_a_seed_breaks_a_file_in_one_way(mutate) -> None:
    data = b'[{"a": 1, "b": [1, 2]},\n {"a": 2, "b": [3, 4]}]\n'
    found = [mutate(data, random.Random(seed)) for seed in range(40)]
    assert found == [mutate(data, random.Random(seed)) for seed in range(40)]
    assert len(set(found)) > 20
