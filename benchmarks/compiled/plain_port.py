"""The same networks as one would first write them in Flax, to compare with: `nn.Conv` and `nn.BatchNorm`, as they come.

They have the shapes, the dtype and the layers of `pix2pix_jax.networks`. Upsampled images are made whole.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


class _Block(nn.Module):
    features: int
    activation: Any
    size: int = 3
    norm: bool = True
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        x = nn.Conv(self.features, (self.size, self.size), dtype=self.dtype, name="conv")(x)
        x = nn.BatchNorm(
            use_running_average=not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name, name="norm"
        )(x)
        return self.activation(x)


def _upsampled(x: jax.Array, factor: int) -> jax.Array:
    return x.repeat(factor, 1).repeat(factor, 2)


class PlainGenerator(nn.Module):
    """As `networks.reference.ReferenceGenerator`."""

    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = 16

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """As `networks.reference.ReferenceGenerator`."""

        def block(features: int, name: str, x: jax.Array, size: int = 3) -> jax.Array:
            return _Block(features, nn.relu, size, dtype=self.dtype, axis_name=self.axis_name, name=name)(
                x, train=train
            )

        enc1 = block(32, "enc1", condition, size=5)
        enc2 = block(64, "enc2", nn.avg_pool(enc1, (4, 4), (4, 4)))
        enc3 = block(128, "enc3", nn.avg_pool(enc2, (2, 2), (2, 2)))
        enc4 = block(256, "enc4", nn.avg_pool(enc3, (2, 2), (2, 2)))
        dec1 = block(128, "dec1", _upsampled(enc4, 2))
        dec2 = block(64, "dec2", _upsampled(jnp.concatenate([dec1, enc3], -1), 2))
        dec3 = block(32, "dec3", _upsampled(jnp.concatenate([dec2, enc2], -1), 4))
        dec4 = nn.Conv(self.out_channels, (5, 5), dtype=self.dtype, name="dec4")
        return jnp.tanh(dec4(jnp.concatenate([dec3, enc1], -1)).astype(jnp.float32))


class PlainDiscriminator(nn.Module):
    """As `networks.reference.ReferenceDiscriminator`, its norms by the batch alone."""

    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = 32

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """As `networks.reference.ReferenceDiscriminator`."""

        def block(features: int, name: str, x: jax.Array, size: int = 3) -> jax.Array:
            x = nn.Conv(features, (size, size), dtype=self.dtype, name=name)(x)
            mean = x.mean((0, 1, 2), jnp.float32)
            variance = jnp.square(x.astype(jnp.float32)).mean((0, 1, 2)) - jnp.square(mean)
            if self.axis_name is not None and not self.is_initializing():
                mean, variance = jax.lax.pmean((mean, variance), self.axis_name)
            scale = self.param(f"{name}_scale", nn.initializers.ones, (features,))
            bias = self.param(f"{name}_bias", nn.initializers.zeros, (features,))
            x = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + bias
            return nn.leaky_relu(x, 0.2).astype(self.dtype)

        x = block(16, "conv1", image, size=5)
        for stage, (pool, features) in enumerate(((4, 32), (2, 64), (2, 128), (2, 256)), 2):
            x = block(features, f"conv{stage}_1", nn.avg_pool(x, (pool, pool), (pool, pool)))
            x = block(features, f"conv{stage}_2", x)
        return nn.Conv(1, (1, 1), dtype=self.dtype, name="head")(x).astype(jnp.float32)
