"""Imported checkpoints against the published key layouts, computed by hand under the published names."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from leanpose.models import create_model
from leanpose.models.import_weights import import_weights

Layout = dict[str, tuple[int, ...]]
Weights = dict[str, Tensor]


# --- The published layouts, written out from the original code: key -> shape ---


def conv(key: str, out: int, into: int, kernel: int, groups: int = 1, bias: bool = False) -> Layout:
    shapes: Layout = {f"{key}.weight": (out, into // groups, kernel, kernel)}
    return shapes | ({f"{key}.bias": (out,)} if bias else {})


def bn(key: str, channels: int) -> Layout:
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{key}.{name}": (channels,) for name in names} | {f"{key}.num_batches_tracked": ()}


def bottleneck(key: str, into: int, hidden: int, out: int, depthwise: bool, gc: int, downsample: bool) -> Layout:
    shapes = conv(f"{key}.conv1", hidden, into, 1) | bn(f"{key}.bn1", hidden)
    shapes |= conv(f"{key}.conv2", hidden, hidden, 3, hidden if depthwise else 1) | bn(f"{key}.bn2", hidden)
    shapes |= conv(f"{key}.conv3", out, hidden, 1) | bn(f"{key}.bn3", out)
    if gc:
        att = f"{key}.att.channel_add_conv"
        shapes |= conv(f"{key}.att.conv_mask", 1, out, 1, bias=True) | conv(f"{att}.0", gc, out, 1, bias=True)
        shapes |= {f"{att}.1.weight": (gc, 1, 1), f"{att}.1.bias": (gc, 1, 1)}
        shapes |= conv(f"{att}.3", out, gc, 1, bias=True)
    if downsample:
        shapes |= conv(f"{key}.downsample.0", out, into, 1) | bn(f"{key}.downsample.1", out)
    return shapes


def stages(depths: tuple[int, ...], expansion: int, lightweight: bool) -> Layout:
    shapes: Layout = {}
    into = 64
    for stage, depth in enumerate(depths):
        hidden = 64 * 2**stage
        out = hidden * expansion
        for i in range(depth):
            gc = max(16, out // 16) if lightweight else 0
            key = f"layer{stage + 1}.{i}"
            shapes |= bottleneck(key, into, hidden, out, lightweight, gc, i == 0 and into != out)
            into = out
    return shapes


def lpn_layout(joints: int) -> Layout:
    """LPN-50 of zhang943/lpn-pytorch, lib/models/lpn.py and lightweight_modules.py."""
    shapes = conv("conv1", 64, 3, 7) | bn("bn1", 64) | stages((3, 4, 6, 3), 1, lightweight=True)
    for i, into in ((0, 512), (6, 256)):
        shapes |= {f"deconv_layers.{i}.weight": (into, 1, 4, 4)} | bn(f"deconv_layers.{i + 1}", 256)
        shapes |= conv(f"deconv_layers.{i + 3}", 256, 256, 1) | bn(f"deconv_layers.{i + 4}", 256)
    return shapes | conv("final_layer", joints, 256, 1, bias=True)


def resnet_layout(joints: int) -> Layout:
    """ResNet-50 of microsoft/human-pose-estimation.pytorch, lib/models/pose_resnet.py."""
    shapes = conv("conv1", 64, 3, 7) | bn("bn1", 64) | stages((3, 4, 6, 3), 4, lightweight=False)
    for i, into in ((0, 2048), (3, 256), (6, 256)):
        shapes |= {f"deconv_layers.{i}.weight": (into, 256, 4, 4)} | bn(f"deconv_layers.{i + 1}", 256)
    return shapes | conv("final_layer", joints, 256, 1, bias=True)


def hrnet_layout(joints: int, width: int = 32) -> Layout:
    """HRNet of leoxiaobin/deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py."""
    shapes = conv("conv1", 64, 3, 3) | bn("bn1", 64) | conv("conv2", 64, 64, 3) | bn("bn2", 64)
    for i in range(4):
        shapes |= bottleneck(f"layer1.{i}", 256 if i else 64, 64, 256, False, 0, i == 0)
    widths = [width * 2**i for i in range(4)]
    shapes |= conv("transition1.0.0", width, 256, 3) | bn("transition1.0.1", width)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        into = 256 if stage == 2 else widths[stage - 2]
        new = f"transition{stage - 1}.{stage - 1}.0"
        shapes |= conv(f"{new}.0", widths[stage - 1], into, 3) | bn(f"{new}.1", widths[stage - 1])
        for m in range(modules):
            key = f"stage{stage}.{m}"
            for branch in range(stage):
                for unit in range(4):
                    for c in (1, 2):
                        name, channels = f"{key}.branches.{branch}.{unit}", widths[branch]
                        shapes |= conv(f"{name}.conv{c}", channels, channels, 3) | bn(f"{name}.bn{c}", channels)
            for i in range(1 if (stage, m) == (4, 2) else stage):
                for j in range(stage):
                    fuse = f"{key}.fuse_layers.{i}.{j}"
                    if j > i:
                        shapes |= conv(f"{fuse}.0", widths[i], widths[j], 1) | bn(f"{fuse}.1", widths[i])
                    for k in range(i - j):
                        out = widths[i] if k == i - j - 1 else widths[j]
                        shapes |= conv(f"{fuse}.{k}.0", out, widths[j], 3) | bn(f"{fuse}.{k}.1", out)
    return shapes | conv("final_layer", joints, width, 1, bias=True)


def cbn(key: str, out: int, into: int, kernel: int, groups: int = 1) -> Layout:
    return conv(f"{key}.conv", out, into, kernel, groups) | bn(f"{key}.bn", out)


def separable(key: str, out: int, into: int) -> Layout:
    return (
        conv(f"{key}.0", into, into, 3, into)
        | bn(f"{key}.1", into)
        | conv(f"{key}.2", out, into, 1)
        | bn(f"{key}.3", out)
    )


def litehrnet_layout(joints: int) -> Layout:
    """Lite-HRNet-18 of HRNet/Lite-HRNet, models/backbones/litehrnet.py and its COCO configuration."""
    widths = [40, 80, 160, 320]
    shapes = cbn("stem.conv1", 32, 3, 3) | cbn("stem.branch1.0", 16, 16, 3, 16) | cbn("stem.branch1.1", 16, 16, 1)
    shapes |= cbn("stem.expand_conv", 32, 16, 1) | cbn("stem.depthwise_conv", 32, 32, 3, 32)
    shapes |= cbn("stem.linear_conv", 16, 32, 1) | separable("transition0.0", 40, 32)
    for stage, modules in enumerate((2, 4, 2)):
        branches = stage + 2
        into = 32 if stage == 0 else widths[stage]
        shapes |= separable(f"transition{stage}.{stage + 1}.0", widths[stage + 1], into)
        halves = [w // 2 for w in widths[:branches]]
        total = sum(halves)
        for m in range(modules):
            for block in range(2):
                key = f"stage{stage}.{m}.layers.{block}"
                shapes |= cbn(f"{key}.cross_resolution_weighting.conv1", total // 8, total, 1)
                shapes |= cbn(f"{key}.cross_resolution_weighting.conv2", total, total // 8, 1)
                for b, half in enumerate(halves):
                    shapes |= cbn(f"{key}.depthwise_convs.{b}", half, half, 3, half)
                    weighting = f"{key}.spatial_weighting.{b}"
                    shapes |= conv(f"{weighting}.conv1.conv", half // 4, half, 1, bias=True)
                    shapes |= conv(f"{weighting}.conv2.conv", half, half // 4, 1, bias=True)
            for i in range(branches):
                for j in range(branches):
                    fuse = f"stage{stage}.{m}.fuse_layers.{i}.{j}"
                    if j > i:
                        shapes |= conv(f"{fuse}.0", widths[i], widths[j], 1) | bn(f"{fuse}.1", widths[i])
                    for k in range(i - j):
                        out = widths[i] if k == i - j - 1 else widths[j]
                        shapes |= separable(f"{fuse}.{k}", out, widths[j])
    for p, (into, out) in enumerate(((320, 160), (160, 80), (80, 40), (40, 40))):
        shapes |= cbn(f"head_layer.projects.{p}.depthwise_conv", into, into, 3, into)
        shapes |= cbn(f"head_layer.projects.{p}.pointwise_conv", out, into, 1)
    prefixed = {f"backbone.{key}": shape for key, shape in shapes.items()}
    return prefixed | conv("keypoint_head.final_layer", joints, 40, 1, bias=True)


def random_weights(layout: Layout) -> Weights:
    """Weights of a size that keeps activations near one, with BatchNorm statistics that matter."""
    torch.manual_seed(0)
    weights: Weights = {}
    for key, shape in layout.items():
        if key.endswith("num_batches_tracked"):
            weights[key] = torch.tensor(7)
        elif len(shape) == 4:
            fan_in = shape[0] * 4 // 16 if key.startswith("deconv_layers") else shape[1] * shape[2] * shape[3]
            weights[key] = torch.randn(shape) * (2 / max(1, fan_in)) ** 0.5
        elif key.endswith(("running_var", "weight")):
            weights[key] = torch.rand(shape) + 0.5
        else:
            weights[key] = torch.randn(shape) * 0.1
    return weights


# --- The published networks, computed from their own keys ---


def run_conv(w: Weights, key: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = w[f"{key}.weight"]
    return F.conv2d(
        x, weight, w.get(f"{key}.bias"), stride, weight.shape[-1] // 2, groups=x.shape[1] // weight.shape[1]
    )


def run_bn(w: Weights, key: str, x: Tensor) -> Tensor:
    return F.batch_norm(x, w[f"{key}.running_mean"], w[f"{key}.running_var"], w[f"{key}.weight"], w[f"{key}.bias"])


def run_bottleneck(w: Weights, key: str, x: Tensor, stride: int = 1) -> Tensor:
    y = run_bn(w, f"{key}.bn1", run_conv(w, f"{key}.conv1", x)).relu()
    y = run_bn(w, f"{key}.bn2", run_conv(w, f"{key}.conv2", y, stride)).relu()
    y = run_bn(w, f"{key}.bn3", run_conv(w, f"{key}.conv3", y))
    if f"{key}.att.conv_mask.weight" in w:
        att = f"{key}.att.channel_add_conv"
        mask = run_conv(w, f"{key}.att.conv_mask", y).flatten(2).softmax(-1)
        context = torch.einsum("bcp,bp->bc", y.flatten(2), mask[:, 0])[..., None, None]
        squeezed = run_conv(w, f"{att}.0", context)
        normed = F.layer_norm(squeezed, squeezed.shape[1:], w[f"{att}.1.weight"], w[f"{att}.1.bias"])
        y = y + run_conv(w, f"{att}.3", normed.relu())
    if f"{key}.downsample.0.weight" in w:
        x = run_bn(w, f"{key}.downsample.1", run_conv(w, f"{key}.downsample.0", x, stride))
    return (y + x).relu()


def run_resnet(w: Weights, x: Tensor, strides: tuple[int, ...]) -> Tensor:
    """LPN and SimpleBaseline: stem, four stages, transposed convolutions, final layer."""
    x = F.max_pool2d(run_bn(w, "bn1", run_conv(w, "conv1", x, 2)).relu(), 3, 2, 1)
    for stage, stride in enumerate(strides):
        for i, _ in enumerate({key.split(".")[1] for key in w if key.startswith(f"layer{stage + 1}.")}):
            x = run_bottleneck(w, f"layer{stage + 1}.{i}", x, stride if i == 0 else 1)
    for i in sorted({int(key.split(".")[1]) for key in w if key.startswith("deconv_layers.")}):
        key = f"deconv_layers.{i}"
        if f"{key}.running_mean" in w:
            x = run_bn(w, key, x).relu()
        elif w[f"{key}.weight"].shape[-1] == 4:
            weight = w[f"{key}.weight"]
            x = F.conv_transpose2d(x, weight, None, 2, 1, groups=256 // weight.shape[1])
        else:
            x = run_conv(w, key, x)
    return run_conv(w, "final_layer", x)


def run_hrnet(w: Weights, x: Tensor) -> Tensor:
    for i in (1, 2):
        x = run_bn(w, f"bn{i}", run_conv(w, f"conv{i}", x, 2)).relu()
    for i in range(4):
        x = run_bottleneck(w, f"layer1.{i}", x)

    def conv_bn(key: str, y: Tensor, stride: int = 1) -> Tensor:
        return run_bn(w, f"{key}.1", run_conv(w, f"{key}.0", y, stride))

    xs = [conv_bn("transition1.0", x).relu(), conv_bn("transition1.1.0", x, 2).relu()]
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        if stage > 2:
            xs = [*xs, conv_bn(f"transition{stage - 1}.{stage - 1}.0", xs[-1], 2).relu()]
        for m in range(modules):
            key = f"stage{stage}.{m}"
            for b in range(stage):
                for unit in range(4):
                    name = f"{key}.branches.{b}.{unit}"
                    y = run_bn(w, f"{name}.bn1", run_conv(w, f"{name}.conv1", xs[b])).relu()
                    xs[b] = (run_bn(w, f"{name}.bn2", run_conv(w, f"{name}.conv2", y)) + xs[b]).relu()
            fused = []
            for i in range(1 if (stage, m) == (4, 2) else stage):
                terms = []
                for j in range(stage):
                    y = xs[j]
                    if j > i:
                        y = F.interpolate(conv_bn(f"{key}.fuse_layers.{i}.{j}", y), scale_factor=2 ** (j - i))
                    for k in range(i - j):
                        y = conv_bn(f"{key}.fuse_layers.{i}.{j}.{k}", y, 2)
                        y = y.relu() if k < i - j - 1 else y
                    terms.append(y)
                fused.append(sum(terms[1:], terms[0]).relu())
            xs = fused
    return run_conv(w, "final_layer", xs[0])


def run_litehrnet(prefixed: Weights, x: Tensor) -> Tensor:
    w = {key.removeprefix("backbone.").removeprefix("keypoint_head."): value for key, value in prefixed.items()}

    def cbn(key: str, y: Tensor, stride: int = 1) -> Tensor:
        y = run_conv(w, f"{key}.conv", y, stride)
        return run_bn(w, f"{key}.bn", y) if f"{key}.bn.weight" in w else y

    def separable(key: str, y: Tensor, stride: int) -> Tensor:
        y = run_bn(w, f"{key}.1", run_conv(w, f"{key}.0", y, stride))
        return run_bn(w, f"{key}.3", run_conv(w, f"{key}.2", y))

    def fuse(key: str, y: Tensor, halvings: int) -> Tensor:
        if halvings < 0:
            return F.interpolate(run_bn(w, f"{key}.1", run_conv(w, f"{key}.0", y)), scale_factor=2**-halvings)
        for k in range(halvings):
            y = separable(f"{key}.{k}", y, 2)
            y = y.relu() if k < halvings - 1 else y
        return y

    def shuffle(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack((a, b), dim=2).flatten(1, 2)

    x1, x2 = cbn("stem.conv1", x, 2).relu().chunk(2, 1)
    x2 = cbn("stem.depthwise_conv", cbn("stem.expand_conv", x2).relu(), 2)
    x1 = cbn("stem.branch1.1", cbn("stem.branch1.0", x1, 2)).relu()
    xs = [shuffle(x1, cbn("stem.linear_conv", x2).relu())]
    for stage, modules in enumerate((2, 4, 2)):
        new = separable(f"transition{stage}.{stage + 1}.0", xs[-1], 2).relu()
        if stage == 0:
            xs = [separable("transition0.0", xs[0], 1).relu()]
        xs.append(new)
        for m in range(modules):
            for block in range(2):
                key = f"stage{stage}.{m}.layers.{block}"
                kept, worked = zip(*(y.chunk(2, 1) for y in xs), strict=True)
                smallest = worked[-1].shape[-2:]
                pooled = torch.cat([F.adaptive_avg_pool2d(y, smallest) for y in worked], 1)
                weighting = f"{key}.cross_resolution_weighting"
                gates = cbn(f"{weighting}.conv2", cbn(f"{weighting}.conv1", pooled).relu()).sigmoid()
                for b, gate in enumerate(gates.split([y.shape[1] for y in worked], 1)):
                    y = worked[b] * F.interpolate(gate, worked[b].shape[-2:])
                    y = cbn(f"{key}.depthwise_convs.{b}", y)
                    weighting = f"{key}.spatial_weighting.{b}"
                    mean = y.mean((2, 3), keepdim=True)
                    y = y * cbn(f"{weighting}.conv2", cbn(f"{weighting}.conv1", mean).relu()).sigmoid()
                    xs[b] = shuffle(kept[b], y)
            fused = []
            for i in range(stage + 2):
                # The published loop, in place and from j = 0: what it does to the first branch, its weights expect.
                total = xs[0] if i == 0 else fuse(f"stage{stage}.{m}.fuse_layers.{i}.0", xs[0], i)
                for j, x in enumerate(xs):
                    total += x if i == j else fuse(f"stage{stage}.{m}.fuse_layers.{i}.{j}", x, i - j)
                fused.append(total.relu())
            xs = fused
    y = xs[-1]
    for p, skip in enumerate(reversed(xs)):
        if p:
            y = skip + F.interpolate(y, skip.shape[-2:], mode="bilinear", align_corners=True)
        key = f"head_layer.projects.{p}"
        y = cbn(f"{key}.pointwise_conv", cbn(f"{key}.depthwise_conv", y)).relu()
    return run_conv(w, "final_layer", y)


PUBLISHED: dict[str, tuple[Callable[[int], Layout], Callable[[Weights, Tensor], Tensor]]] = {
    "lpn_50": (lpn_layout, lambda w, x: run_resnet(w, x, (1, 2, 2, 1))),
    "simplebaseline_r50": (resnet_layout, lambda w, x: run_resnet(w, x, (1, 2, 2, 2))),
    "hrnet_w32": (hrnet_layout, run_hrnet),
    "litehrnet_18": (litehrnet_layout, run_litehrnet),
}


@pytest.mark.parametrize(
    ("name", "published_m"),
    [("lpn_50", 2.9), ("simplebaseline_r50", 34.0), ("hrnet_w32", 28.5), ("litehrnet_18", 1.13)],
)
def test_layouts_written_here_have_the_published_number_of_parameters(name: str, published_m: float):
    shapes = {
        k: s for k, s in PUBLISHED[name][0](17).items() if not k.endswith(("running_mean", "running_var", "tracked"))
    }
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) / 1e6 == pytest.approx(published_m, rel=0.006)


@pytest.mark.parametrize("name", PUBLISHED)
def test_imported_network_computes_what_the_published_one_does(name: str, tmp_path: Path):
    layout, run = PUBLISHED[name]
    weights = random_weights(layout(5))
    torch.save(weights, tmp_path / "official.pth")
    network = create_model(name, 5).eval()
    network.load_state_dict(import_weights(tmp_path / "official.pth", name), strict=True)
    x_BCHW = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        expected = run(weights, x_BCHW)
        error = (network(x_BCHW)[-1] - expected).abs().max() / expected.abs().max()
    assert error < 1e-4


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_tensor_arrives_once_and_unchanged(name: str, tmp_path: Path):
    weights = random_weights(PUBLISHED[name][0](5))
    torch.save(weights, tmp_path / "official.pth")
    state = import_weights(tmp_path / "official.pth", name)
    create_model(name, 5).load_state_dict(state, strict=True)

    def fingerprints(tensors: Weights) -> list[tuple[int, float]]:
        kept = [t for key, t in tensors.items() if not key.endswith("num_batches_tracked")]
        return sorted((t.numel(), t.double().sum().item()) for t in kept)

    assert fingerprints(state) == fingerprints(weights)
