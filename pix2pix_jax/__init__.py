"""pix2pix in JAX: colour grey photographs with a conditional GAN."""
