"""What the processes of one training decide and know together. In a single one all of it is itself."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

Item = TypeVar("Item")


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def in_all_processes(true: bool) -> bool:
    """Whether it is true in every one of them; one that skipped a step alone would leave the others waiting."""
    if not _several():
        return true
    every = torch.tensor(float(true), device=_device())
    dist.all_reduce(every, dist.ReduceOp.MIN)
    return bool(every)


def gathered(items: list[Item]) -> list[Item]:
    """The items of all processes, in the order of these."""
    if not _several():
        return list(items)
    lists: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(lists, items)
    return [item for each in lists for item in each]


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else torch.device("cpu")


def is_lost_process(error: RuntimeError) -> bool:
    """Whether it tells of another process that is no more, or does not answer."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()


class _SumOfAll(torch.autograd.Function):
    """The sum over all processes; so is that of its gradients."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm with the statistics of the whole batch, of which each process has a part; on a CPU, for which PyTorch's
    SyncBatchNorm is not. A batch of 4 on each of two processes normalises as one of 8 does.
    """

    def forward(self, input: Tensor) -> Tensor:  # PyTorch's name for it
        """Normalised (B, C, H, W)."""
        if not self.training or not _several():
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            x_BCHW = input if input.dtype == torch.float64 else input.float()
            count = x_BCHW.new_tensor([x_BCHW.numel() / x_BCHW.shape[1]])
            sums = _SumOfAll.apply(torch.cat((x_BCHW.sum((0, 2, 3)), x_BCHW.square().sum((0, 2, 3)), count)))
            number = sums[-1].detach()
            mean, squares = sums[:-1].view(2, -1) / number
            variance = (squares - mean.square()).clamp_min(0)
            self._remember(mean.detach(), variance.detach() * number / (number - 1).clamp_min(1))
            scale = torch.rsqrt(variance + self.eps)
            shift = -mean * scale
            if self.affine:
                scale, shift = scale * self.weight, shift * self.weight + self.bias
            return (x_BCHW * scale[:, None, None] + shift[:, None, None]).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics; these in place, for checkpoints and averages hold them."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def share_batch_norms(network: nn.Module) -> None:
    """Has all BatchNorms of a network take the statistics of the whole batch; names and weights stay as they are."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm2d
