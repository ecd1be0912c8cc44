"""Checkpoints of the original HRNet, Lite-HRNet, LPN and SimpleBaseline code, made loadable by our networks.

``docs/import-weights.md`` names the source of each key layout and what has not been verified.
"""

import hashlib
import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from leanpose.core.errors import ModelError
from leanpose.engines.card import DataSource, ModelCard, file_sha256
from leanpose.models import create_model
from leanpose.models.complexity import complexity
from leanpose.pose.skeleton import COCO17, MPII16, Skeleton

FINAL_LAYER = "final_layer.weight"
HEADS = ("final_layer.", "deconv_layers.", "keypoint_head.")
NAMED_KEYS = 8  # keys that an error message spells out before it counts the rest

Rename = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """How one published code base names its tensors and feeds its networks.

    Attributes:
        models: pattern of the registry names that it fits.
        renames: regular expression and replacement, applied in order to every key of the checkpoint.
        classifier: pattern of what a classifier of the same backbone has above it, by our names.
        color: channel order of the images behind the published weights; LPN changed it between its data sets.
    """

    models: str
    renames: tuple[Rename, ...]
    color: Mapping[int, Literal["bgr", "rgb"]] | Literal["bgr", "rgb"]
    classifier: str = r"(backbone\.)?(fc|classifier|incre_modules|downsamp_modules|final_layer|head)\."


LAYOUTS = {
    "lpn": Layout(r"lpn_\d+", (), {17: "bgr", 16: "rgb"}),
    "simplebaseline": Layout(
        r"simplebaseline_r\d+", ((r"^(?!deconv_layers\.|final_layer\.)(.*)", r"backbone.\1"),), "bgr"
    ),
    "hrnet": Layout(r"hrnet_w\d+", (), "rgb"),
    "litehrnet": Layout(r"litehrnet_\d+", ((r"^(backbone|keypoint_head)\.", ""),), "rgb"),
}

# All four code bases put heatmap cells at stride * i, shift the mirrored map by one cell, normalise with ImageNet's
# mean and standard deviation in this order whatever the colour order, and grow the person's box by a quarter.
CONVENTIONS: dict[str, Any] = {
    "mean": (123.675, 116.28, 103.53),
    "std": (58.395, 57.12, 57.375),
    "padding": 1.25,
    "cell_offset": 0,
    "flip_shift": 1,
    "sigma": 2.0,
}


def import_weights(
    path: str | Path,
    as_model: str,
    num_joints: int | None = None,
    out: str | Path | None = None,
    input_hw: tuple[int, int] | None = None,
    backbone: bool = False,
) -> dict[str, Tensor]:
    """Read an official checkpoint into the state dict of one of our networks.

    Args:
        path: file written by ``torch.save``; a state dict, or a dict that holds one as ``state_dict`` or ``model``.
        as_model: name of a registered HRNet, Lite-HRNet, LPN or SimpleBaseline network.
        num_joints: heatmaps that the checkpoint should have; ``None`` takes what its last layer says.
        out: where to write the result as safetensors. Its metadata entry ``leanpose`` is JSON with the architecture,
            the number of joints, the origin and what the published code assumes about images and heatmaps. Its card
            goes beside it, so that estimator, export, evaluation and fine-tuning take the file.
        input_hw: height and width of the crops it was trained for; of COCO's 17 joints 256x192 if not given, of others
            256x256.
        backbone: the file is that of a classifier: what lies below the heads is taken, the rest of it left. The result
            has no card; ``leanpose train --from`` takes it.

    Returns:
        float32 tensors by name; ``create_model(as_model, joints).load_state_dict`` takes them strictly.

    Raises:
        ModelError: when the file is missing, damaged or holds anything but tensors and plain data; when a key or a
            shape does not fit the network; when a value is not finite; when the number of joints differs.
    """
    path = Path(path)
    layout_name, layout = _layout_of(as_model)
    loaded: dict[str, Tensor] = {}
    classifier = re.compile(layout.classifier)
    for key, value in _read_state_dict(path).items():
        name = _rename(key, layout.renames)
        if backbone and classifier.match(name):
            continue
        if name in loaded:
            raise ModelError(f"{path.name}: two tensors claim the place of {name}")
        loaded[name] = value
    if backbone:
        wanted = {k: v for k, v in create_model(as_model, 1).state_dict().items() if not k.startswith(HEADS)}
        state = _fit(loaded, wanted, f"{path.name} as the backbone of {as_model}")
        if out is not None:
            save_file(state, out)
        return state
    if FINAL_LAYER not in loaded or loaded[FINAL_LAYER].ndim != 4:
        raise ModelError(
            f"{path.name}: no final_layer that makes heatmaps: of a backbone for classification --backbone takes "
            f"what a training can start from"
        )
    joints = loaded[FINAL_LAYER].shape[0]
    if num_joints not in (None, joints):
        raise ModelError(f"{path.name} has {joints} joints, not {num_joints}")
    network = create_model(as_model, joints)
    state = _fit(loaded, network.state_dict(), f"{path.name} as {as_model}")
    if out is not None:
        about = {
            "architecture": as_model,
            "num_joints": joints,
            "layout": layout_name,
            "source": path.name,
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "color": layout.color if isinstance(layout.color, str) else layout.color.get(joints),
            **CONVENTIONS,
        }
        save_file(state, out, metadata={"leanpose": json.dumps(about)})
        _card(network, about, Path(out), input_hw).save(Path(out).with_suffix(".json"))
    return state


def _card(network: nn.Module, about: dict[str, Any], weights: Path, input_hw: tuple[int, int] | None) -> ModelCard:
    """What is known of published weights; their scores are not among it until somebody measures them."""
    joints = about["num_joints"]
    hw = input_hw or ((256, 192) if joints == len(COCO17) else (256, 256))
    names = tuple(f"joint_{number}" for number in range(joints))
    unknown = Skeleton(f"{joints} joints", names, torso=(names[0], names[-1]), flippable=False)
    counted = complexity(network, hw)
    return ModelCard(
        name=weights.stem,
        architecture=about["architecture"],
        skeleton={len(COCO17): COCO17, len(MPII16): MPII16}.get(joints, unknown),
        input_hw=hw,
        sigma=CONVENTIONS["sigma"],
        sha256=file_sha256(weights),
        params=counted.params,
        macs=counted.macs,
        recipe=f"imported from {about['source']}, sha256 {about['source_sha256']}",
        data=(DataSource("what its publishers state", "those of its publishers"),),
        epochs=0,
        license="that of its publishers, and the terms of the images it was trained on",
        color=about["color"] or "bgr",
        mean=CONVENTIONS["mean"],
        std=CONVENTIONS["std"],
        padding=CONVENTIONS["padding"],
        stride=int(network.stride),  # type: ignore[arg-type]
        cell_offset=CONVENTIONS["cell_offset"],
        flip_shift=CONVENTIONS["flip_shift"],
        decode="lpn" if about["layout"] == "lpn" else "quarter",
        loss="joints_mse",
    )


def _layout_of(as_model: str) -> tuple[str, Layout]:
    for name, layout in LAYOUTS.items():
        if re.fullmatch(layout.models, as_model):
            return name, layout
    raise ModelError(f"no published checkpoint layout is known for '{as_model}': use one of {', '.join(LAYOUTS)}")


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path.name}: refused, it is not a checkpoint of tensors and plain data only. Loading more would let "
            f"the file run code: {str(error).splitlines()[0]}"
        ) from error
    except Exception as error:  # damaged bytes make the reader fail in a dozen ways, from IndexError to struct.error
        raise ModelError(
            f"{path.name}: not a readable PyTorch checkpoint ({type(error).__name__}: {error}); fetch the file again"
        ) from error
    for nested in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(nested), dict):
            loaded = loaded[nested]
    if not isinstance(loaded, dict) or not loaded:
        raise ModelError(f"{path.name}: holds no state dict, neither at its top nor as 'state_dict' or 'model'")
    strange = [str(key) for key, value in loaded.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if strange:
        raise ModelError(f"{path.name}: entries that are not named tensors: {_listed(strange)}")
    return loaded


def _rename(key: str, renames: tuple[Rename, ...]) -> str:
    key = key.removeprefix("module.")  # left by data parallel training
    for pattern, replacement in renames:
        key = re.sub(pattern, replacement, key)
    return key


def _fit(loaded: dict[str, Tensor], wanted: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The tensors of ``loaded`` under the names and shapes of ``wanted``, or an error that names what does not fit."""
    problems: list[str] = []
    state: dict[str, Tensor] = {}
    for key, target in wanted.items():
        if key not in loaded:
            if key.endswith("num_batches_tracked"):  # old checkpoints have none, and inference needs none
                state[key] = target
            else:
                problems.append(f"{key} (missing)")
            continue
        value = loaded[key]
        if _squeezed(value) != _squeezed(target):
            problems.append(f"{key} (shape {tuple(value.shape)}, not {tuple(target.shape)})")
        elif not torch.isfinite(value).all():
            problems.append(f"{key} (not finite)")
        else:
            state[key] = value.detach().to(target.dtype).reshape(target.shape).contiguous()
    problems += [f"{key} (unknown)" for key in loaded if key not in wanted and not key.endswith("num_batches_tracked")]
    if problems:
        raise ModelError(f"{what}: {len(problems)} keys do not fit: {_listed(problems)}")
    return state


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    """Shape without trailing ones: a linear layer and a 1x1 convolution hold the same weights."""
    shape = tuple(tensor.shape)
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_KEYS
    return ", ".join(names[:NAMED_KEYS]) + (f" and {more} more" if more > 0 else "")
