"""The planes of a coloured frame: the film's own luma, and chroma enlarged along its edges, without RGB in between."""

import cv2
import numpy as np
from av.video.frame import VideoFrame

from pix2pix_jax.color import CB_RANGE, CR_RANGE, LUMA_WEIGHTS
from pix2pix_jax.inference.film.flow import Floats
from pix2pix_jax.inference.film.reading import Frame, Picture, plane_of
from pix2pix_jax.inference.painting import green_and_room, slopes

# Red's and blue's weights in luma, by colour space as ITU-T H.273 numbers it; all others are BT.601.
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_UNSPECIFIED, _HIGH = 2, 720  # of which players take films of this height, px, as BT.709


def film_frame(given: Frame, picture: Picture) -> VideoFrame:
    """Makes a frame of the film in colour, in the picture's format."""
    frame = VideoFrame(picture.width, picture.height, picture.pix_fmt)
    plane_of(frame, 0)[:] = given.luma
    scale = picture.levels[2]
    grey = 128.0 if picture.levels[1] < 256.0 else 512.0
    for number, values in zip((2, 1), _enlarged(given, picture, plane_of(frame, 1).shape), strict=True):
        plane_of(frame, number)[:] = np.rint((values * scale + grey).clip(grey - scale / 2, grey + scale / 2 - 0.5))
    frame.pts, frame.duration, frame.time_base = given.pts, given.duration, picture.time_base
    return frame


def _enlarged(frame: Frame, picture: Picture, shape: tuple[int, int]) -> list[Floats]:
    """Cr and Cb of the film's colour space, at the size of its planes, in [-0.5, 0.5].

    As in photographs, they follow the luma's detail, and are drawn to grey where there is no such colour.
    """
    small = frame.small * np.float32(1.0 / 255.0)
    planes = (np.ascontiguousarray(frame.chroma[..., channel]) for channel in range(2))
    parts = [small, *(part for plane in planes for part in (plane, slopes(plane, small)))]
    smooth, cr, cr_slope, cb, cb_slope = (
        cv2.resize(np.rot90(part, -picture.turns), shape[::-1], interpolation=cv2.INTER_CUBIC) for part in parts
    )
    reduced = cv2.resize(frame.luma, shape[::-1], interpolation=cv2.INTER_AREA)
    luma = picture.unit(reduced.astype(np.float32))
    detail = luma - smooth
    red, blue = CR_RANGE * (cr + cr_slope * detail), CB_RANGE * (cb + cb_slope * detail)
    green, room = green_and_room(luma, red, blue)
    space = 1 if picture.colorspace == _UNSPECIFIED and picture.height >= _HIGH else picture.colorspace
    of_red, of_blue = _WEIGHTS.get(space, (float(LUMA_WEIGHTS[0]), float(LUMA_WEIGHTS[2])))
    # By how much the film's luma is more than BT.601's.
    more = of_red * red + (1.0 - of_red - of_blue) * green + of_blue * blue
    return [room * (red - more) * (0.5 / (1.0 - of_red)), room * (blue - more) * (0.5 / (1.0 - of_blue))]
