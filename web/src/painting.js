// What the generator is given, and how its squares are joined, as pix2pix_jax/inference/{painting,points,squares}.py
// do it. Planes are typed arrays, row by row; a size is [width, height].

const RADIUS = 0.0125, LONGEST = 16; // as there
const RED = 0.299, GREEN = 0.587, BLUE = 0.114, CR = 1.402, CB = 1.772; // BT.601
const { floor, max, min, round } = Math;

/** Luma of RGBA pixels, rounded as Pillow does. */
export function lumaOf(rgba) {
  const luma = new Uint8Array(rgba.length / 4);
  for (let i = 0, at = 0; i < luma.length; i++, at += 4) {
    luma[i] = (rgba[at] * 19595 + rgba[at + 1] * 38470 + rgba[at + 2] * 7471 + 32768) >> 16;
  }
  return luma;
}

const cubic = (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0);

/** Columns of a plane, reduced or enlarged to another number as Pillow does it, as the rows of what is returned. */
function turned(plane, [width, height], columns) {
  const scale = width / columns, wide = max(scale, 1), out = new Float32Array(columns * height);
  for (let x = 0; x < columns; x++) {
    const middle = (x + 0.5) * scale, start = max(0, floor(middle - 2 * wide + 0.5));
    const stop = min(width, floor(middle + 2 * wide + 0.5));
    const weights = Array.from({ length: stop - start }, (_, k) => cubic(Math.abs(start + k + 0.5 - middle) / wide));
    const sum = weights.reduce((a, b) => a + b);
    for (let y = 0; y < height; y++) {
      let value = 0;
      for (let k = start; k < stop; k++) value += weights[k - start] * plane[y * width + k];
      out[x * height + y] = value / sum;
    }
  }
  return out;
}

/** What the generator sees of a photograph, whose shorter side is given: { luma, size }. */
export function fitted(luma, size, side) {
  const [width, height] = size.map((length) => min(round((length * side) / min(...size)), LONGEST * side));
  const columns = Uint8ClampedArray.from(turned(luma, size, width));
  return { luma: Uint8ClampedArray.from(turned(columns, [size[1], width], height)), size: [width, height] };
}

/** Points on a grid, float32 [height, width, 3]: 1 where one is; there Cr and Cb in [-1, 1], over `strength`. */
export function pointMap(points, grid, strength, rgbOf) {
  const drawn = new Float32Array(grid[0] * grid[1] * 3);
  for (const { x, y, color, radius = RADIUS } of points) {
    const reach = max(radius * min(...grid), 1);
    const [[left, right], [top, bottom]] = [x, y].map((share, axis) => {
      const middle = min(share * grid[axis], grid[axis] - 1);
      return [max(0, floor(middle - reach)), min(grid[axis], floor(middle + reach) + 1)];
    });
    const [red, green, blue] = rgbOf(color), luma = RED * red + GREEN * green + BLUE * blue;
    const given = [1, (red - luma) / CR / 127.5 / strength, (blue - luma) / CB / 127.5 / strength];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) drawn.set(given, (row * grid[0] + column) * 3);
    }
  }
  return drawn;
}

/** Where the squares begin, [left, top], that cover a photograph and overlap by half at the least. */
export function squares([width, height], side) {
  const rest = max(width, height) - side, steps = Math.ceil(rest / (side >> 1));
  const start = (i) => round((i * rest) / max(steps, 1));
  return Array.from({ length: steps + 1 }, (_, i) => (width > height ? [start(i), 0] : [0, start(i)]));
}

/** Such a square of a plane, or of several channels. */
export function square(plane, width, [left, top], side, channels = 1) {
  const start = (top * width + left) * channels, row = side * channels, skipped = (width - side) * channels;
  return new Float32Array(side * row).map((_, i) => plane[start + i + floor(i / row) * skipped]);
}

/** Joins squares, { start, made: Cr and Cb, float32 [side, side, 2] }, which fade into each other, times `strength`:
 * pixels of any luma at which there are these colours, for the browser's blending "color" takes their chroma. */
export function tint(squares, [width, height], side, strength) {
  const sums = new Float32Array(3 * width * height), rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (const { start: [left, top], made } of squares) {
    for (let i = 0; i < side * side; i++) {
      const x = i % side, y = floor(i / side), along = width > height ? x : y, at = 3 * ((top + y) * width + left + x);
      const say = min(along, side - 1 - along) + 1;
      [say * made[2 * i], say * made[2 * i + 1], say].forEach((value, channel) => (sums[at + channel] += value));
    }
  }
  for (let i = 0; i < width * height; i++) {
    const [cr, cb, says] = sums.subarray(3 * i, 3 * i + 3), factor = strength / says;
    const red = CR * factor * cr, blue = CB * factor * cb;
    const away = [red, (RED * red + BLUE * blue) / -GREEN, blue], above = max(...away), below = min(...away);
    const room = min(1, 1 / (above - below)), luma = min(max(0.5, -room * below), 1 - room * above);
    rgba.set(away.map((value) => 255 * (luma + room * value)), 4 * i);
  }
  return new ImageData(rgba, width, height);
}
