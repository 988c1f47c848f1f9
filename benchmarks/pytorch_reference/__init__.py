"""The reference's and the pix2pix paper's networks and training in PyTorch: what `pix2pix_jax` is held against.

Written twice on purpose, once here and once in `pix2pix_jax`, from the same facts and sharing no code, so that a slip
in one shows up as a difference. It is also the opponent of the throughput benchmark. The tensors of the paper's
networks have the names and shapes of the weight files of the authors' PyTorch code
(github.com/junyanz/pytorch-CycleGAN-and-pix2pix), so that such files load strictly. Tensors are NCHW and images lie in
[-1, 1] unless a docstring says otherwise.

Example:
    generator, discriminator = UNet(3, 3), PatchGAN(6)
    step = TrainStep(Pairs(), generator, discriminator, make_adam(generator), make_adam(discriminator), Settings())
    losses = step(pairs)
"""
