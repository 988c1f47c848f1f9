"""The PyTorch side of the throughput benchmark: the reference's step and colouring, plain and at their best."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch._functorch.config
from torch import Tensor, nn

from benchmarks.paper_reference import PatchGAN, Settings, UNet
from benchmarks.paper_reference import TrainStep as PairsStep
from benchmarks.pytorch_reference import (
    EXPERIMENTS,
    Discriminator,
    Generator,
    TrainStep,
    make_adam,
    ycrcb_from_rgb_matrix,
)
from benchmarks.timing.batches import random_batches
from benchmarks.timing.workers import Job, NotRun, Runnable
from pix2pix_jax import host


def make(job: Job) -> Runnable:
    """Builds what a job asks for."""
    if job.device not in ("cpu", "gpu"):
        raise NotRun(f"PyTorch has no {job.device} here")
    if job.device == "gpu" and not torch.cuda.is_available():
        raise NotRun("this PyTorch sees no GPU")
    torch.set_num_threads(host.cores())
    torch.manual_seed(0)
    # cuDNN looks for its fastest algorithm, as XLA does, in all rows but the seed form.
    torch.backends.cudnn.benchmark = job.channels_last or bool(job.compile_mode)
    # D's pass over the fake is differentiated twice.
    torch._functorch.config.donated_buffer = False
    kinds = {"training": Training, "inference": Inference, "rates": Rates}
    if job.experiment == "pix2pix":
        kinds |= {"training": PairsTraining, "inference": PairsInference}
    return kinds[job.kind](job)


class Cast(nn.Module):
    """A network whose forward pass runs under autocast, and whose output is float32.

    Args:
        network: the network.
        dtype: what autocast computes in.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """As the network."""
        with torch.autocast(image.device.type, dtype=self.dtype):
            return self.network(image).float()


class _OnDevice:
    """What all that run on PyTorch's device have in common."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.device = torch.device("cuda" if job.device == "gpu" else "cpu")
        self.memory_format = torch.channels_last if job.channels_last else torch.contiguous_format
        self.info: dict[str, Any] = {"versions": {"torch": torch.__version__}}

    def reset_peak(self) -> bool:
        """Starts a new peak of the GPU's memory."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        return self.device.type == "cuda"

    def peak_bytes(self) -> int | None:
        """The most that was allocated on the GPU since then; None on a CPU."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else None

    def wait(self) -> None:
        """Waits until the device has finished."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def batches(self) -> Iterator[Tensor]:
        """The batches, uint8 NHWC on the host, pinned where they go to a GPU."""
        channels = 6 if self.job.experiment == "pix2pix" else 3
        noise = random_batches(self.job.batch_size, self.job.image_size, channels)
        batches = [torch.from_numpy(batch) for batch in noise]
        return itertools.cycle([batch.pin_memory() for batch in batches] if self.device.type == "cuda" else batches)

    def cast(self, network: nn.Module) -> nn.Module:
        """The network in the job's precision."""
        return network if self.job.precision == "float32" else Cast(network, torch.bfloat16)

    def compiled(self, function: Any) -> Any:
        """The network or function, compiled if the job says so."""
        return torch.compile(function, mode=self.job.compile_mode) if self.job.compile_mode else function

    def mark_step(self) -> None:
        """Tells CUDA graphs that they may overwrite the results of the previous step."""
        if self.job.compile_mode and self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()


class Training(_OnDevice):
    """Whole training steps of the reference, from a batch on the host."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        channels = EXPERIMENTS[job.experiment]
        generator, g_adam = self._network(Generator(1, channels.generator_channels))
        discriminator, d_adam = None, None
        if channels.judged is not None:
            discriminator, d_adam = self._network(Discriminator(channels.discriminator_channels))
        self._step = TrainStep(job.experiment, generator, discriminator, g_adam, d_adam, self.memory_format)
        self._batches = self.batches()

    def turn(self, steps: int) -> dict[str, float]:
        """Takes steps, then fetches the losses of the last."""
        losses: dict[str, Tensor] = {}
        for _ in range(steps):
            self.mark_step()
            losses = self._step(next(self._batches).to(self.device, non_blocking=True))
        for name, loss in losses.items():
            if not math.isfinite(loss.item()):
                raise NotRun(f"{name} became {loss.item()}")
        self.wait()
        return {}

    def _network(self, network: nn.Module) -> tuple[nn.Module, torch.optim.Adam]:
        network = network.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        return self.compiled(self.cast(network)), make_adam(network, fused=self.job.fused)


class PairsTraining(Training):
    """Whole training steps of the paper's networks, both gradients at the weights from the start of the step."""

    def __init__(self, job: Job) -> None:
        _OnDevice.__init__(self, job)
        generator, g_adam = self._network(UNet(3, 3, dropout=0.5, dropout_at="innermost"))
        discriminator, d_adam = self._network(PatchGAN(6))
        settings = Settings(order="together")
        step = PairsStep(generator, discriminator, g_adam, d_adam, settings, self.memory_format)
        self._step = lambda pairs: step(pairs[..., :3], pairs[..., 3:])
        self._batches = self.batches()


class Inference(_OnDevice):
    """Photographs coloured by the generator with its running averages, uint8 from the host to float RGB in [0, 1]."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        channels = EXPERIMENTS[job.experiment]
        generator = Generator(1, channels.generator_channels).eval()
        generator = generator.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        self._generator = self.cast(generator)
        self._joins_luma = channels.makes == "chroma"
        matrix = torch.from_numpy(ycrcb_from_rgb_matrix()).float()
        self._luma_weights = matrix[0].to(self.device)
        self._to_rgb = torch.linalg.inv(matrix).to(self.device)
        self._colorize = self.compiled(self._plain_colorize)
        self._batches = self.batches()

    def turn(self, steps: int) -> dict[str, float]:
        """Colours that many batches."""
        with torch.inference_mode():
            for _ in range(steps):
                self.mark_step()
                self._colorize(next(self._batches).to(self.device, non_blocking=True))
        self.wait()
        return {}

    def _plain_colorize(self, images: Tensor) -> Tensor:
        rgb = (images.permute(0, 3, 1, 2).float() / 127.5 - 1.0).contiguous(memory_format=self.memory_format)
        luma = torch.einsum("c,bchw->bhw", self._luma_weights, rgb).unsqueeze(1)
        made = self._generator(luma)
        if self._joins_luma:
            made = torch.einsum("oc,bchw->bohw", self._to_rgb, torch.cat([luma, made], dim=1))
        return ((made + 1.0) / 2.0).clamp(0.0, 1.0)


class PairsInference(_OnDevice):
    """Images translated by the paper's U-Net with its running averages, uint8 from the host to float in [0, 1]."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        generator = UNet(3, 3).eval().to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        self._generator = self.cast(generator)
        self._translate = self.compiled(self._plain_translate)
        self._batches = self.batches()

    def turn(self, steps: int) -> dict[str, float]:
        """Translates that many batches."""
        with torch.inference_mode():
            for _ in range(steps):
                self.mark_step()
                self._translate(next(self._batches).to(self.device, non_blocking=True))
        self.wait()
        return {}

    def _plain_translate(self, pairs: Tensor) -> Tensor:
        images = pairs[..., :3].permute(0, 3, 1, 2).float() / 127.5 - 1.0
        return (self._generator(images.contiguous(memory_format=self.memory_format)) + 1.0) / 2.0


class Rates(_OnDevice):
    """The device's best rates: a large matrix product, and a large copy."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        is_cpu = self.device.type == "cpu"
        side, self._repeats = (1536, 2) if is_cpu else (8192, 10)
        numbers = (1 if is_cpu else 4) * 2**26
        self._flops = 2 * side**3
        self._bytes = 2 * 4 * numbers
        matrix = torch.randn(side, side, device=self.device)
        self._matrices = {"float32": matrix, "bfloat16": matrix.bfloat16()}
        self._numbers = torch.zeros(numbers, device=self.device)
        self._copy = torch.empty_like(self._numbers)

    def turn(self, steps: int) -> dict[str, float]:
        """Measures the rates, whatever the number of steps."""
        del steps
        products = {name: partial(torch.matmul, matrix, matrix) for name, matrix in self._matrices.items()}
        rates = {f"{name}_flops": self._flops / self._seconds(product) for name, product in products.items()}
        return rates | {"bytes": self._bytes / self._seconds(partial(self._copy.copy_, self._numbers))}

    def _seconds(self, function: Callable[[], Tensor]) -> float:
        function()
        self.wait()
        start = time.perf_counter()
        for _ in range(self._repeats):
            function()
        self.wait()
        return (time.perf_counter() - start) / self._repeats
