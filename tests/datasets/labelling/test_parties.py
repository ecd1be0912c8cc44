"""Who takes part: how models are told apart, and what detectors are asked for."""

from hashlib import sha256

import numpy as np

from leanpose.datasets.labelling.fusion import MergedDetector
from leanpose.datasets.labelling.parties import identity, one_by_one, open_finder

from ...blobs import blob_detector


def test_models_are_told_apart_by_what_is_in_their_files_and_not_by_folders(tmp_path):
    file = tmp_path / "a" / "net.pb"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    seen = identity(f"movenet:{file}")
    assert seen == {"name": "movenet:net.pb", "sha256": sha256(b"weights").hexdigest()}
    assert identity(str(file)) == seen | {"name": "net.pb"}
    assert identity(f"movenet:{file},padding=1.3") == seen | {"name": "movenet:net.pb,padding=1.3"}
    assert len(identity("person")["sha256"]) == 64
    assert identity("nobody") == {"name": "nobody", "sha256": None}


def test_two_teachers_in_one_spec(tmp_path):
    plus = tmp_path / "a+b.pb"
    plus.write_bytes(b"weights")
    assert one_by_one([str(plus), f"movenet:{plus}"]) == [str(plus), f"movenet:{plus}"]
    assert one_by_one(["movenet:a.pb+blazepose:b.tflite"]) == ["movenet:a.pb", "blazepose:b.tflite"]
    assert one_by_one(["small", "medium", "odd+"]) == ["small", "medium", "odd+"]


def test_one_detector_is_taken_as_it_is_and_several_give_their_weak_boxes_too(tmp_path):
    first, second = (str(blob_detector(tmp_path / f"{name}.onnx")) for name in ("a", "b"))
    image = np.zeros((64, 64, 3), np.uint8)
    image[10:50, 20:40, 1] = 100  # a score of 0.39
    finder, (alone,) = open_finder([first], False, None, "onnxruntime")
    assert (finder, alone.threshold) == (alone, 0.6)
    assert len(finder(image)) == 0
    finder, _ = open_finder([first], False, 0.3, "onnxruntime")
    assert finder.threshold == 0.3
    for specs, mirror in (([first, second], False), ([first], True)):
        finder, _ = open_finder(specs, mirror, 0.2, "onnxruntime")
        assert isinstance(finder, MergedDetector)
        assert finder.threshold == 0.2
