"""Images per second of training steps, loader left out.

    python benchmarks/training_speed.py softgate_1x128_fast --side 192 --compile --threads 1

Steps are what a recipe takes: bfloat16 autocast, channels_last, AdamW, cross-entropy of one target per joint, random
crops for nineteen joints. The first steps, which compile, are not counted.
"""

import argparse
import time

import torch

from leanpose.models import create_model
from leanpose.training.data.targets import gaussian_heatmaps, heatmap_loss
from leanpose.training.run import keep_freed_memory

JOINTS = 19


def main() -> None:
    """Print the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--side", type=int, default=192, help="of the crop in pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    network = create_model(options.model, JOINTS).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if options.compile:
        network.compile(dynamic=False)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    crops = torch.randn(options.batch, 3, options.side, options.side).to(memory_format=torch.channels_last)
    cells = torch.rand(options.batch, JOINTS, 2) * options.side / network.stride
    side = options.side // network.stride
    labelled = torch.ones(options.batch, JOINTS)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            stages = network(crops)
        target = gaussian_heatmaps(cells, (side, side), 1.5)
        losses = [heatmap_loss(maps, target, labelled, "cross_entropy").mean() for maps in stages]
        torch.stack(losses).sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for _ in range(3):
        step()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    rate = steps * options.batch / (time.perf_counter() - start)
    print(
        f"{options.model} at {options.side} px, batches of {options.batch}, {options.threads} threads, "
        f"{'compiled' if options.compile else 'as it is'}: {rate:.1f} images/s"
    )


if __name__ == "__main__":
    main()
