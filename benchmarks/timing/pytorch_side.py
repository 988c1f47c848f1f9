"""The PyTorch side of the throughput benchmark: the reference's step and colouring, plain and at their best."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
import torch._functorch.config
from torch import Tensor, nn

from benchmarks.pytorch_reference.paper import PatchGAN, UNet
from benchmarks.pytorch_reference.reference import Discriminator, Generator
from benchmarks.pytorch_reference.step import REFERENCE, Settings, TrainStep, make_adam
from benchmarks.pytorch_reference.tasks import EXPERIMENTS, Pairs, ycrcb_from_rgb_matrix
from benchmarks.timing.rows import Job
from pix2pix_jax import host


def facts() -> dict[str, Any]:
    """The library's version."""
    return {"versions": {"torch": torch.__version__}}


def reset_peak() -> None:
    """Starts a new peak of the GPU's memory."""
    torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> int:
    """The most that was allocated on the GPU since then."""
    return torch.cuda.max_memory_allocated()


def make(job: Job) -> Callable[[int], None]:
    """Builds what a job asks for: a function that takes so many steps, to the end of the last."""
    assert job.row is not None
    if job.device not in ("cpu", "gpu") or (job.device == "gpu" and not torch.cuda.is_available()):
        raise RuntimeError(f"this PyTorch sees no {job.device}")
    torch.set_num_threads(host.cores())
    torch.manual_seed(0)
    # cuDNN looks for its fastest algorithm, as XLA does, in all rows but the seed form.
    torch.backends.cudnn.benchmark = "channels_last" in job.row.options or bool(job.compile_mode)
    # D's pass over the fake is differentiated twice.
    torch._functorch.config.donated_buffer = False
    side = _Side(job)
    if job.row.group == "inference":
        return side.turns(torch.inference_mode()(side.inference()))
    step = side.training()

    def checked(images: Tensor, last: bool) -> None:
        losses = step(images)
        for name, loss in losses.items() if last else ():
            if not math.isfinite(loss.item()):
                raise ArithmeticError(f"{name} became {loss.item()}")

    return side.turns(checked)


class Cast(nn.Module):
    """A network whose forward pass runs under bfloat16 autocast, and whose output is float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """As the network."""
        with torch.autocast(image.device.type, dtype=torch.bfloat16):
            return self.network(image).float()


class _Side:
    """The networks of a job on its device, in its memory format and precision."""

    def __init__(self, job: Job) -> None:
        assert job.row is not None
        self.job = job
        self.row = job.row
        self.device = torch.device("cuda" if job.device == "gpu" else "cpu")
        last = "channels_last" in job.row.options
        self.memory_format = torch.channels_last if last else torch.contiguous_format

    def turns(self, function: Callable[[Tensor, bool], Any]) -> Callable[[int], None]:
        """Calls a function on batch after batch, uint8 NHWC from the host, pinned where they go to a GPU."""
        on_gpu = self.device.type == "cuda"
        host_batches = [torch.from_numpy(batch) for batch in self.job.random_batches()]
        batches = itertools.cycle([batch.pin_memory() for batch in host_batches] if on_gpu else host_batches)

        def turn(steps: int) -> None:
            for number in range(steps):
                if self.job.compile_mode and on_gpu:  # CUDA graphs may overwrite the results of the previous step
                    torch.compiler.cudagraph_mark_step_begin()
                function(next(batches).to(self.device, non_blocking=True), number == steps - 1)
            if on_gpu:
                torch.cuda.synchronize()

        return turn

    def training(self) -> TrainStep:
        """The reference's step; of the paper's networks, both gradients at the weights from the start of the step."""
        if self.job.experiment == "pix2pix":
            task, settings = Pairs(), Settings(order="together")
            generator: nn.Module = UNet(3, 3, dropout=0.5, dropout_at="innermost")
            discriminator: nn.Module | None = PatchGAN(6)
        else:
            task, settings = EXPERIMENTS[self.job.experiment], REFERENCE
            generator = Generator(1, task.generator_channels)
            sees = task.discriminator_sees
            discriminator = Discriminator(4 if sees == "rgb_gray" else 3) if sees else None
        generator, g_adam = self._network(generator)
        discriminator, d_adam = (None, None) if discriminator is None else self._network(discriminator)
        return TrainStep(task, generator, discriminator, g_adam, d_adam, settings, self.memory_format)

    def inference(self) -> Callable[[Tensor, bool], Tensor]:
        """Images coloured or translated with the running averages, uint8 to float RGB in [0, 1]."""
        translates = self.job.experiment == "pix2pix"
        channels = None if translates else EXPERIMENTS[self.job.experiment]
        network = UNet(3, 3) if channels is None else Generator(1, channels.generator_channels)
        generator = self._placed(network.eval())
        matrix = torch.from_numpy(ycrcb_from_rgb_matrix()).float()
        luma_weights, to_rgb = matrix[0].to(self.device), torch.linalg.inv(matrix).to(self.device)

        def colorize(images: Tensor) -> Tensor:
            rgb = images[..., :3].permute(0, 3, 1, 2).float() / 127.5 - 1.0
            seen = rgb.contiguous(memory_format=self.memory_format)
            if channels is not None:
                seen = torch.einsum("c,bchw->bhw", luma_weights, seen).unsqueeze(1)
            made = generator(seen)
            if channels is not None and channels.makes == "chroma":
                made = torch.einsum("oc,bchw->bohw", to_rgb, torch.cat([seen, made], dim=1))
            return ((made + 1.0) / 2.0).clamp(0.0, 1.0)

        compiled = self._compiled(colorize)
        return lambda images, last: compiled(images)

    def _network(self, network: nn.Module) -> tuple[nn.Module, torch.optim.Adam]:
        return self._compiled(self._placed(network)), make_adam(network, fused="fused Adam" in self.row.options)

    def _placed(self, network: nn.Module) -> nn.Module:
        network.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        return Cast(network) if self.row.precision == "bfloat16" else network

    def _compiled(self, function: Any) -> Any:
        return torch.compile(function, mode=self.job.compile_mode) if self.job.compile_mode else function
