"""The pix2pix paper's networks and steps in PyTorch: what those of `pix2pix_jax` are held against.

Written twice on purpose, once here and once in `pix2pix_jax`, from the same facts and sharing no code, so that a slip
in one shows up as a difference. The tensors of a `state_dict` have the names and shapes of the weight files of the
authors' PyTorch code (github.com/junyanz/pytorch-CycleGAN-and-pix2pix), so that such files load strictly.
Tensors are NCHW and images lie in [-1, 1] unless a docstring says otherwise.

Example:
    generator, judge = UNet(3, 3), PatchGAN(6)
    step = TrainStep(generator, judge, make_adam(generator), make_adam(judge), Settings())
    losses = step(condition, image)
"""

from benchmarks.paper_reference.networks import PatchGAN, PixelGAN, ResNet, UNet
from benchmarks.paper_reference.step import Settings, TrainStep, make_adam

__all__ = ["PatchGAN", "PixelGAN", "ResNet", "Settings", "TrainStep", "UNet", "make_adam"]
