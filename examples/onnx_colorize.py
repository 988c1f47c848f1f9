"""Colours a photograph with onnxruntime, NumPy and Pillow alone.

python onnx_colorize.py GENERATOR.onnx GREY.jpg COLOURED.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

generator = onnxruntime.InferenceSession(sys.argv[1])
photo = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("L")
luma, *points = generator.get_inputs()
_, height, width = luma.shape
given = {luma.name: np.asarray(photo.resize((width, height)), np.float32)[None] / 255.0}
given |= {each.name: np.zeros(each.shape, np.float32) for each in points}
# A point of colour: given["points"][0, top:bottom, left:right] = 1.0, 2.0 * cr, 2.0 * cb
chroma = np.asarray(generator.run(["chroma"], given)[0])[0]
planes = [Image.fromarray(127.5 + 255.0 * chroma[..., channel]).resize(photo.size) for channel in (1, 0)]
cb, cr = (Image.fromarray(np.asarray(plane).round().clip(0, 255).astype(np.uint8)) for plane in planes)
Image.merge("YCbCr", [photo, cb, cr]).convert("RGB").save(sys.argv[3])
