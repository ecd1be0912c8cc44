"""Small whole files of text and arrays of every kind that leanpose reads, each with its reader, to be broken."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from campaign_mutations import broken, broken_json, broken_lines

Mutation = Callable[..., bytes]
TEXT, JSON, LINES = (broken,), (broken, broken_json, broken_json), (broken, broken_lines, broken_lines)


@dataclass(frozen=True)
class Case:
    """A file in a folder that has all it needs.

    Attributes:
        file: the one that is broken.
        ways: of breaking it.
        read: reads it as leanpose does.
        seal: renews the checksums that others hold of it, so that its reader gets to see it.
    """

    file: Path
    ways: tuple[Mutation, ...]
    read: Callable[[], object]
    seal: Callable[[], object] = lambda: None


def cases(root: Path) -> dict[str, Callable[[], Case]]:
    """By name; each makes its files in a folder of its own below ``root`` when it is called."""
    makers = {
        **{f"{kind} card": (_card, kind) for kind in ("model", "detector")},
        "skeleton": (_skeleton,), "TOML skeleton": (_toml,),
        "boxes JSON": (_boxes, ".json"), "boxes CSV": (_boxes, ".csv"),
        "poses JSON": (_poses, ".json"), "poses JSON lines": (_poses, ".jsonl"),
        "COCO": (_dataset, "coco", JSON), "COCO image ids": (_image_ids,), "COCO detections": (_detections,),
        "CSV labels": (_dataset, "csv", LINES),
        "YOLO labels": (_dataset, "yolo", LINES), "YOLO data.yaml": (_yolo_yaml,),
        "MPII JSON": (_dataset, "mpii", JSON), "MPII .mat": (_release,),
        "LSP .mat": (_dataset, "lsp", TEXT), "AI Challenger": (_aic,), "corrections": (_corrections,),
        "pack index": (_pack, "index.json", JSON), "pack labels": (_pack, "labels.npz", TEXT),
        "arrays .npz": (_arrays,),
        "label journal": (_journal,), "safetensors": (_safetensors,), "benchmark": (_benchmark,),
        "ONNX, ONNX Runtime": (_onnx, "onnxruntime"), "ONNX, OpenVINO": (_onnx, "openvino"),
    }  # fmt: skip

    def maker(number: int, make: Callable[..., Case], *arguments: Any) -> Callable[[], Case]:
        def called() -> Case:
            folder = root / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            return make(folder, *arguments)

        return called

    return {name: maker(number, *parts) for number, (name, parts) in enumerate(makers.items())}


def _samples(count: int = 3) -> Any:
    from leanpose.datasets.readers import Sample
    from leanpose.pose.skeleton import LSP14

    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        picture = cv2.imencode(".png", np.full((48, 40, 3), 60 * i, np.uint8))[1].tobytes()
        points = rng.uniform(2, 38, (14, 2))
        box = np.array([*points.min(0), *points.max(0)])
        found.append(Sample("made", f"made/{i}.png", picture, points, np.ones(14, bool), box, LSP14))
    return found


def _written(file: Path, data: bytes | str) -> Path:
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return file


def _card(folder: Path, kind: str) -> Case:
    from leanpose.engines.card import ModelCard
    from leanpose.engines.detector_card import DetectorCard
    from leanpose.engines.zoo import FOLDER

    name, read = {"model": ("nano", ModelCard.load), "detector": ("person", DetectorCard.load)}[kind]
    file = _written(folder / "card.json", (FOLDER / f"{name}.json").read_bytes())
    return Case(file, JSON, lambda: read(file))


def _skeleton(folder: Path) -> Case:
    from leanpose.pose.skeleton import COCO17
    from leanpose.pose.skeleton_files import load_skeleton

    file = _written(folder / "skeleton.json", json.dumps(COCO17.to_dict()))
    return Case(file, JSON, lambda: load_skeleton(file))


def _toml(folder: Path) -> Case:
    from leanpose.pose.skeleton_files import load_skeleton

    text = 'joints = ["left_a", "right_a", "b"]\nlimbs = [["left_a", "b"]]\nflips = [["left_a", "right_a"]]\n'
    file = _written(folder / "skeleton.toml", text + "sigmas = [0.1, 0.1, 0.2]\n")
    return Case(file, LINES, lambda: load_skeleton(file))


def _boxes(folder: Path, suffix: str) -> Case:
    from leanpose.core.boxes import read_boxes

    entries = [{"image_id": i, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5} for i in range(4)]
    rows = "file,x1,y1,x2,y2,score\na.jpg,1,2,30,40,0.5\nb.jpg,1,2,30,40,0.5\n"
    file = _written(folder / f"boxes{suffix}", json.dumps(entries) if suffix == ".json" else rows)
    return Case(file, JSON if suffix == ".json" else LINES, lambda: read_boxes(file))


def _poses(folder: Path, suffix: str) -> Case:
    from leanpose.pose.reading import read_json, read_json_lines

    skeleton = {"name": "a", "joints": ["b", "c"], "limbs": [["b", "c"]]}
    head = {"schema": "leanpose.poses", "version": 1, "skeleton": skeleton}
    joints = {"keypoints": [[1, 2, 0.5], [3, 4, 1]], "uncertainties": [1, 2]}
    person = {"id": 3, "box": [0, 0, 5, 5], "score": 0.5} | joints
    image = {"source": "a", "frame": 1, "time": 0.1, "height": 9, "width": 9, "people": [person]}
    if suffix == ".json":
        file = _written(folder / "poses.json", json.dumps(head | {"images": [image, image]}))
        return Case(file, JSON, lambda: read_json(file))
    file = _written(folder / "poses.jsonl", "".join(json.dumps(line) + "\n" for line in (head, image, image)))
    return Case(file, LINES, lambda: list(read_json_lines(file)))


def _dataset(folder: Path, kind: str, ways: tuple[Mutation, ...]) -> Case:
    from leanpose.datasets.conversion import convert
    from leanpose.datasets.readers import PARTS, read_samples
    from leanpose.datasets.readers.pack import write_pack

    write_pack(folder / "pack", {"train": _samples()})
    spec = convert([f"pack:{folder / 'pack'}"], kind, folder / kind).spec
    pattern = {"coco": "annotations/train.json", "csv": "*.csv", "yolo": "labels/**/*.txt", "mpii": "annot/train.json"}
    file = min((folder / kind).glob(pattern.get(kind, "**/*.mat")))
    return Case(file, ways, lambda: [read_samples([spec], part, problems=[]) for part in PARTS])


def _yolo_yaml(folder: Path) -> Case:
    case = _dataset(folder, "yolo", LINES)
    file = next((folder / "yolo").glob("*.yaml"))
    return Case(file, LINES, case.read)


def _image_ids(folder: Path) -> Case:
    from leanpose.pose.coco import read_image_ids

    images = [{"id": i, "file_name": f"a/{i}.jpg", "height": 9, "width": 9} for i in range(4)]
    file = _written(folder / "truth.json", json.dumps({"images": images}))
    return Case(file, JSON, lambda: read_image_ids(file, ["a/1.jpg", "a/2.jpg"]))


def _detections(folder: Path) -> Case:
    from leanpose.datasets.readers.detections import read_detections

    case = _boxes(folder, ".json")
    return Case(case.file, JSON, lambda: list(read_detections(case.file, [])))


def _aic(folder: Path) -> Case:
    from leanpose.datasets.readers import read_samples

    cv2.imwrite(str(folder / "a.jpg"), np.zeros((48, 40, 3), np.uint8))
    joints = [n for i in range(14) for n in (5 + i, 6 + i, 1)]
    boxes = {"human_annotations": {"human1": [1, 2, 30, 40]}}
    entry = {"image_id": "a", "keypoint_annotations": {"human1": joints}} | boxes
    file = _written(folder / "labels.json", json.dumps([entry]))
    spec = f"aic:{file},images={folder},part=train"
    return Case(file, JSON, lambda: read_samples([spec], "train", problems=[]))


def _release(folder: Path) -> Case:
    from scipy.io import savemat

    from leanpose.datasets.readers import read_samples

    cv2.imwrite(str(folder / "a.jpg"), np.zeros((48, 40, 3), np.uint8))
    kind = [(name, object) for name in ("x", "y", "id", "is_visible")]
    point = np.array([(i + 1.0, i + 2.0, i, 1.0) for i in range(16)], dtype=kind)
    head = {"x1": 1.0, "y1": 2.0, "x2": 9.0, "y2": 9.0}
    rect = head | {"scale": 1.0, "objpos": {"x": 9.0, "y": 9.0}, "annopoints": {"point": point}}
    single = np.empty((1, 1), object)
    single[0, 0] = np.array([[1.0]])
    annolist = {"image": {"name": "a.jpg"}, "annorect": rect}
    file = folder / "mpii_human_pose_v1_u12_1.mat"
    savemat(file, {"RELEASE": {"annolist": annolist, "img_train": np.array([1.0]), "single_person": single}})
    return Case(file, TEXT, lambda: read_samples([f"mpii:{file},images={folder},part=train"], "train", problems=[]))


def _corrections(folder: Path) -> Case:
    from leanpose.datasets.readers.corrections import Correction, read_corrections, write_corrections
    from leanpose.pose.skeleton import LSP14

    found = [Correction("neck", "move", (3.0, 4.0), 0.5), Correction("head_top", "mask", None)]
    file = folder / "corrections.json"
    write_corrections(file, _samples(), [found, [], found], {"by": "campaign"}, LSP14)
    return Case(file, JSON, lambda: read_corrections(file))


def _pack(folder: Path, name: str, ways: tuple[Mutation, ...]) -> Case:
    from leanpose.datasets.readers.pack import read_pack, write_pack

    write_pack(folder / "pack", {"train": _samples()})
    index = folder / "pack" / "index.json"

    def seal() -> None:
        data = (folder / "pack" / name).read_bytes()
        entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        index.write_text(json.dumps(json.loads(index.read_text()) | {"labels": entry}))

    sealed = seal if name != "index.json" else lambda: None
    return Case(folder / "pack" / name, ways, lambda: read_pack(folder / "pack", "train"), sealed)


def _arrays(folder: Path) -> Case:
    from leanpose.core.bounded import read_arrays
    from leanpose.core.errors import DatasetError

    file = folder / "a.npz"
    np.savez_compressed(file, a=np.arange(50.0).reshape(5, 10), b=np.array(["x", "yz"]))
    return Case(file, TEXT, lambda: read_arrays(file, DatasetError))


def _journal(folder: Path) -> Case:
    from leanpose.datasets.labelling.journal import Journal

    file = folder / "labels.journal"
    journal = Journal(file, {"teacher": "nano"})
    for i in range(3):
        journal.add({"file_name": f"{i}.png", "width": 9, "height": 9, "people": []})
    journal.close()
    return Case(file, LINES, lambda: Journal(file, {"teacher": "nano"}))


def _safetensors(folder: Path) -> Case:
    import torch
    from safetensors.torch import save_file

    from leanpose.training.checkpoint import read_safetensors

    file = folder / "a.safetensors"
    save_file({"a": torch.zeros(3, 4), "b": torch.ones(5, dtype=torch.float16)}, file)
    return Case(file, TEXT, lambda: read_safetensors(file))


def _benchmark(folder: Path) -> Case:
    from leanpose.benchmark.result import Benchmark

    run = Benchmark("leanpose benchmark", "2026-12-01T00:00:00Z", {"cpu": "a"}, {"rounds": "3"}, left_out={"b": "c"})
    file = _written(folder / "benchmark.json", json.dumps(run.to_dict()))
    return Case(file, JSON, lambda: Benchmark.load(file))


def _onnx(folder: Path, engine: str) -> Case:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from leanpose import PoseEstimator
    from leanpose.engines.card import DataSource, ModelCard, file_sha256
    from leanpose.pose.skeleton import Skeleton

    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.normal(size=(2, 3, 4, 4)).astype(np.float32), "weights")
    nodes = [
        helper.make_node("Conv", ["images", "weights"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Relu", ["cells"], ["heatmaps"]),
    ]
    shapes = {"images": ["batch", 3, 64, 64], "heatmaps": ["batch", 2, 16, 16]}
    given, answer = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    graph = helper.make_graph(nodes, "campaign", [given], [answer], [weights])
    file = folder / "a.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), file)
    skeleton = Skeleton("two", ("nose", "neck"), (("nose", "neck"),))
    card = ModelCard(
        name="a", architecture="a", skeleton=skeleton, input_hw=(64, 64), sigma=1.5, sha256=file_sha256(file), params=0,
        macs=0, recipe="none", data=(DataSource("none", "none"),), epochs=0, license="none",
    )  # fmt: skip
    card.save(file.with_suffix(".json"))
    image = np.zeros((64, 64, 3), np.uint8)

    def seal() -> None:
        from dataclasses import replace

        replace(card, sha256=file_sha256(file)).save(file.with_suffix(".json"))

    return Case(file, TEXT, lambda: PoseEstimator(file, engine=engine, threads=1)(image, whole_image=True), seal)
