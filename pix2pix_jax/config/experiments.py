"""The named experiments, each as its difference from the default config."""

_MAKES_RGB: dict[str, object] = {"task.generator_makes": "rgb", "task.l1_rgb": 100.0, "task.l1_chroma": 0.0}

EXPERIMENTS: dict[str, dict[str, object]] = {
    # G predicts chroma, D sees RGB: the best of the reference's experiments, and the default config.
    "ycrcb_rgb": {},
    # G predicts chroma, D sees YCrCb: the reference reports a red and blue haze.
    "ycrcb_ycrcb": {"task.discriminator_sees": "ycrcb"},
    # G predicts RGB, D sees RGB and the grey input: the conditioning of the pix2pix paper.
    "rgb_rgb_gray": _MAKES_RGB | {"task.discriminator_sees_gray": True},
    # G predicts RGB, D sees RGB.
    "rgb_rgb": _MAKES_RGB,
    # G predicts chroma, without a discriminator: what the others are compared with.
    "ycrcb_l1": {"task.discriminator_sees": "none"},
}
"""What each of the reference's experiments changes in the default config, by dotted key."""

_PAPER: dict[str, object] = {
    "image_size": 256,
    "batch_size": 1,
    "test_time": "batch+dropout",
    "task.kind": "translation",
    "generator.network": "unet",
    "discriminator.network": "patchgan",
    "objective.discriminator_factor": 0.5,
    "data.source": "pairs",
    "data.resize": 286,
}

_ENCODER: dict[str, object] = {
    "image_size": 128,
    "batch_size": 32,
    "num_steps": 1000,
    "ema_decay": 0.99,
    "average_mirrored": True,
    "coloring_side": 160,
    "task.discriminator_sees": "none",
    "generator.network": "efficientnet",
    "generator.width": 24,
    "generator.encoder_rate": 0.2,
    "adam.learning_rate": 3e-4,
    "adam.b1": 0.9,
    "adam.schedule": "cosine",
    "data.source": "folder",
    "data.resize": 160,
}

PRESETS: dict[str, dict[str, object]] = {
    # Pairs, as in the pix2pix paper.
    "pix2pix": _PAPER,
    # The paper's photographs of facades (A) from labels of their parts (B).
    "facades": _PAPER | {"data.direction": "BtoA"},
    # Photographs from their edges, in about 20 minutes on two CPU cores; the bundled photographs where no
    # data.root is given. Both networks see through encoders that know what things are.
    "edges": _PAPER
    | {
        "image_size": 128,
        "batch_size": 8,
        "num_steps": 1200,
        "ema_decay": 0.99,
        "test_time": "running",
        "task.input_channels": 1,
        "task.l1": 25.0,
        "generator.network": "efficientnet",
        "generator.width": 24,
        "generator.encoder_rate": 0.3,
        "discriminator.network": "projected",
        "objective.gan": "hinge",
        "adam.learning_rate": 1e-3,
        "adam.discriminator_learning_rate": 4e-4,
        "adam.discriminator_b1": 0.0,
        "data.source": "edges",
        "data.resize": 143,
        "eval_every_steps": 200,
        "sample_every_steps": 200,
        "checkpoint_every_steps": 200,
    },
    # Colouring in Lab with the paper's networks, as the authors do, at the size of the reference's photographs.
    "lab_lab": {
        "task.kind": "lab_colorization",
        "generator.network": "unet",
        "generator.depth": 5,
        "discriminator.network": "patchgan",
        "objective.discriminator_factor": 0.5,
    },
    # G predicts chroma, with an encoder that has been trained on ImageNet: from the encoder alone.
    "from_encoder": _ENCODER,
    # From the generator in the package, for photographs of one's own, few or many. With L1 alone, what it learns from
    # few is too bold for others, and the statistics of their batches are worse than the averages that it has.
    "pretrained_encoder": _ENCODER
    | {
        "batch_size": 16,
        "num_steps": 200,
        "warm_start": "pretrained",
        "ema_decay": 0.995,  # a third of what it began with stays in the average
        "task.nearer_to_gray": 16.0,
        "generator.keep_averages": True,
        "adam.learning_rate": 1e-4,
        "log_every_steps": 20,
        "eval_every_steps": 50,
        "sample_every_steps": 100,
        "checkpoint_every_steps": 100,
    },
    # From the generator in the package, against a discriminator that sees images through EfficientNet-Lite1, for
    # stronger colours.
    "vivid": _ENCODER
    | {
        "batch_size": 16,
        "num_steps": 2400,
        "warm_start": "pretrained",
        "ema_decay": 0.995,
        "task.discriminator_sees": "rgb",
        "task.l1_rgb": 20.0,
        "task.l1_chroma": 60.0,
        "task.nearer_to_gray": 16.0,
        "generator.encoder_rate": 0.1,
        "generator.keep_averages": True,
        "discriminator.network": "projected",
        "objective.gan": "hinge",
        "objective.feature_matching": 100.0,
        "adam.learning_rate": 1.5e-4,
        "adam.discriminator_learning_rate": 3e-4,
        "adam.b1": 0.5,
        "adam.discriminator_b1": 0.0,
        "adam.schedule": "linear",
    },
    # As `pretrained_encoder`, which learns to follow points of colour that a person gives; without any it stays as it
    # is.
    "guided": _ENCODER
    | {
        "image_size": 160,
        "batch_size": 16,
        "num_steps": 3000,
        "warm_start": "pretrained",
        "ema_decay": 0.0,
        "saturation": 1.2,
        "task.points": 12.0,
        "generator.encoder_rate": 0.0,
        "adam.learning_rate": 1e-3,
    },
}
"""What each preset that is not the reference's changes in the default config, by dotted key."""
