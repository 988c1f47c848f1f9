"""The least that a training step has to compute and to move, counted from the networks' shapes.

What is counted, per image and layer:

- FLOPs: two for every multiply-add of every convolution. An upsampling convolution counts 9 products per pixel of the
  small input and pair of channels. (The textbook form has 36 for factor 2 and 144 for factor 4, but
  `pix2pix_jax.ops.upsampling` needs only 9.) All else is as in the textbook: no Winograd, no FFT, and every pixel
  of an upsampled input counts, even where several are equal. Norms, activations, poolings, losses, colour transforms
  and Adam count nothing.
- Bytes: every convolution writes its output once, and reads its input once in each pass that uses it. Norms,
  activations, pooling, upsampling and concatenation count nothing. In training, a forward pass also writes a pooled
  input, which the backward pass reads. A backward pass reads a layer's output (for norm and activation) and its input
  (for the kernel's gradient). It writes and reads the gradient of its input, at the smaller of the two resolutions
  before and after a resize. Every pass reads the parameters once. Their float32 gradient is written and read; Adam
  reads and writes the parameters and both moments in float32.
- Passes of a step: G forward and backward. D forward over the truth and over the fake, and backward three times, since
  G's loss and D's loss ask for different gradients of the same fake: once to the image without the kernels' gradients,
  and twice to the kernels without the image's gradient.

The floor is the longer of the two times, FLOPs / rate and bytes / rate. It is not their sum, since on CPUs and GPUs
arithmetic and traffic can overlap, so that only the longer one bounds every program from below.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Work(NamedTuple):
    """What some computation has to do at least.

    Attributes:
        flops: floating-point operations.
        bytes: bytes moved from and to memory.
    """

    flops: float
    bytes: float


class Conv(NamedTuple):
    """A convolution with what surrounds it: [pooling or upsampling] -> convolution -> [batch norm] -> activation.

    Attributes:
        in_channels: channels in, of all concatenated inputs.
        out_channels: channels out.
        side: height and width of its input, before pooling or upsampling.
        size: side of the kernel.
        pool: factor of the average pooling in front.
        upsample: factor of the nearest-neighbour upsampling in front.
        norm: whether a batch norm follows.
    """

    in_channels: int
    out_channels: int
    side: int
    size: int = 3
    pool: int = 1
    upsample: int = 1
    norm: bool = True

    @property
    def params(self) -> int:
        """Trained numbers: kernel, bias, and the norm's scale and bias."""
        kernel = self.size**2 * self.in_channels * self.out_channels
        return kernel + self.out_channels * (3 if self.norm else 1)

    @property
    def given(self) -> int:
        """Numbers in the input as it is stored, per image."""
        return self.in_channels * self.side**2

    @property
    def seen(self) -> int:
        """Numbers in the input at the smaller of its resolutions, before or after the resize, per image."""
        return self.in_channels * (self.side // self.pool) ** 2

    @property
    def made(self) -> int:
        """Numbers in the output, per image."""
        return self.out_channels * (self.side // self.pool * self.upsample) ** 2

    @property
    def flops(self) -> int:
        """FLOPs per image of one pass: forward, gradient of the input, or gradient of the kernel."""
        return 2 * self.size**2 * self.out_channels * self.seen

    def forward(self, itemsize: int, *, training: bool) -> Work:
        """A forward pass over one image; `itemsize` is the bytes of a stored activation."""
        kept = self.seen if training and self.pool > 1 else 0
        return Work(self.flops, itemsize * (self.given + self.made + kept))

    def backward(self, itemsize: int, *, to_input: bool, to_kernel: bool) -> Work:
        """A backward pass over one image, for the gradients asked for."""
        numbers = self.made + 2 * self.seen * to_input + self.seen * to_kernel
        return Work(self.flops * (to_input + to_kernel), itemsize * numbers)


def generator(channels: int, side: int) -> list[Conv]:
    """The convolutions of a generator that makes `channels` channels of `side` × `side`."""
    return [
        Conv(1, 32, side, size=5),
        Conv(32, 64, side, pool=4),
        Conv(64, 128, side // 4, pool=2),
        Conv(128, 256, side // 8, pool=2),
        Conv(256, 128, side // 16, upsample=2),
        Conv(128 + 128, 64, side // 8, upsample=2),
        Conv(64 + 64, 32, side // 4, upsample=4),
        Conv(32 + 32, channels, side, size=5, norm=False),
    ]


def discriminator(channels: int, side: int) -> list[Conv]:
    """The convolutions of a discriminator that sees `channels` channels of `side` × `side`."""
    convs = [Conv(channels, 16, side, size=5)]
    for pool, features in ((4, 32), (2, 64), (2, 128), (2, 256)):
        convs.append(Conv(convs[-1].out_channels, features, side, pool=pool))
        side //= pool
        convs.append(Conv(features, features, side))
    return [*convs, Conv(256, 1, side, size=1, norm=False)]


def unet(side: int) -> list[Conv]:
    """The convolutions of the paper's generator of RGB from RGB, in the order down, up."""
    wide = [64, 128, 256, 512, 512, 512, 512, 512]
    given = [3, *wide[:-1]]
    sides = [side >> level for level in range(len(wide))]
    # In FLOPs stride 2 is as pooling in front, and a transposed convolution as upsampling behind.
    layers = zip(given, wide, sides, strict=True)
    down = [Conv(*layer, size=4, pool=2, norm=1 <= level < 7) for level, layer in enumerate(layers)]
    made = [512, 512, 512, 512, 256, 128, 64, 3]
    seen = [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    layers = zip(seen, made, [side // 2 for side in reversed(sides)], strict=True)
    return down + [Conv(*layer, size=4, upsample=2, norm=level < 7) for level, layer in enumerate(layers)]


def patchgan(side: int) -> list[Conv]:
    """The convolutions of the paper's 70×70 discriminator, which sees two RGB images."""
    widths = [(6, 64), (64, 128), (128, 256)]
    down = [Conv(*width, side >> level, size=4, pool=2, norm=level > 0) for level, width in enumerate(widths)]
    # Without padding to the same size, each of the last two is a pixel smaller than what it sees.
    return [*down, Conv(256, 512, side // 8 - 1, size=4), Conv(512, 1, side // 8 - 2, size=4, norm=False)]


def networks(experiment: str, g_channels: int, d_channels: int, side: int) -> tuple[list[Conv], list[Conv]]:
    """The convolutions of both networks of an experiment; none for a discriminator of 0 channels."""
    if experiment == "pix2pix":
        return unet(side), patchgan(side)
    return generator(g_channels, side), discriminator(d_channels, side) if d_channels else []


def training_step(g_convs: Sequence[Conv], d_convs: Sequence[Conv], batch_size: int, itemsize: int) -> Work:
    """Both networks' forward and backward passes and Adam updates.

    Args:
        g_convs: the generator's convolutions.
        d_convs: the discriminator's; none without one.
        batch_size: images.
        itemsize: bytes of a stored activation; parameters are float32.
    """
    passes = [conv.forward(itemsize, training=True) for conv in g_convs]
    passes += _backward(g_convs, itemsize, to_image=False, to_kernel=True)
    params = [_parameter_bytes(g_convs, itemsize, passes=2)]
    if d_convs:
        passes += 2 * [conv.forward(itemsize, training=True) for conv in d_convs]
        passes += _backward(d_convs, itemsize, to_image=True, to_kernel=False)
        passes += 2 * _backward(d_convs, itemsize, to_image=False, to_kernel=True)
        params.append(_parameter_bytes(d_convs, itemsize, passes=5))
    return _total(passes, batch_size, sum(params))


def inference(convs: Sequence[Conv], batch_size: int, itemsize: int) -> Work:
    """The generator's forward pass; arguments as for `training_step`."""
    passes = [conv.forward(itemsize, training=False) for conv in convs]
    return _total(passes, batch_size, itemsize * sum(conv.params for conv in convs))


def seconds(work: Work, flop_rate: float, byte_rate: float) -> tuple[float, float]:
    """The least seconds for the arithmetic and for the traffic, at rates in FLOP/s and B/s; the longer is the floor."""
    return work.flops / flop_rate, work.bytes / byte_rate


def _backward(convs: Sequence[Conv], itemsize: int, *, to_image: bool, to_kernel: bool) -> list[Work]:
    first, *others = convs
    passes = [conv.backward(itemsize, to_input=True, to_kernel=to_kernel) for conv in others]
    return [first.backward(itemsize, to_input=to_image, to_kernel=to_kernel), *passes]


def _parameter_bytes(convs: Sequence[Conv], itemsize: int, passes: int) -> int:
    # Eight float32 numbers: the gradient, the parameter and two moments, each written and read.
    return sum(conv.params for conv in convs) * (passes * itemsize + 8 * 4)


def _total(passes: Sequence[Work], batch_size: int, parameter_bytes: int) -> Work:
    flops = batch_size * sum(work.flops for work in passes)
    return Work(flops, batch_size * sum(work.bytes for work in passes) + parameter_bytes)
