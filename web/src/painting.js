// Colour for a photograph of any size, as pix2pix_jax/inference/{painting,points,squares}.py make it. Planes are typed
// arrays, row by row; a size is [width, height].

const RADIUS = 0.0125, LONGEST = 16, FOLLOWING = 4, FLAT = 0.02; // as there
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
const box = (x) => (x < 1.5 ? 1 : 0); // a mean of three

/** How `to` values are summed up from `from`: as Pillow resizes, which averages where it reduces. */
function sums(from, to, kernel) {
  const scale = from / to, wide = max(scale, 1), count = min(from, Math.ceil(4 * wide));
  const starts = new Int32Array(to), weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const middle = (i + 0.5) * scale, start = max(0, min(floor(middle - 2 * wide + 0.5), from - count));
    const row = Array.from({ length: count }, (_, k) => kernel(Math.abs(start + k + 0.5 - middle) / wide));
    const sum = row.reduce((a, b) => a + b);
    weights.set(row.map((value) => value / sum), i * count);
    starts[i] = start;
  }
  return { starts, weights, count };
}

/** A plane at another size: a function for its row y, which holds until the next is asked for. */
function resampled(plane, [width, height], [columns, rows], kernel = cubic) {
  const across = sums(width, columns, kernel), down = sums(height, rows, kernel), out = new Float32Array(columns);
  const wide = new Float32Array(columns * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const at = y * width + across.starts[x];
      for (let k = 0; k < across.count; k++) wide[i] += across.weights[x * across.count + k] * plane[at + k];
    }
  }
  return (y) => {
    out.fill(0);
    for (let k = 0; k < down.count; k++) {
      const weight = down.weights[y * down.count + k], at = (down.starts[y] + k) * columns;
      for (let x = 0; x < columns; x++) out[x] += weight * wide[at + x];
    }
    return out;
  };
}

function resized(plane, from, to, kernel) {
  const row = resampled(plane, from, to, kernel), out = new Float32Array(to[0] * to[1]);
  for (let y = 0; y < to[1]; y++) out.set(row(y), y * to[0]);
  return out;
}

/** What the generator sees of a photograph: { luma, size }, whose shorter side is given. */
export function fitted(luma, size, side) {
  const seen = size.map((length) => min(round((length * side) / min(...size)), LONGEST * side));
  return { luma: Uint8ClampedArray.from(resized(luma, size, seen)), size: seen };
}

/** Points on a grid, float32 [height, width, 3]: 1 where one is; there Cr and Cb in [-1, 1], over `strength`. */
export function pointMap(points, grid, strength, rgbOf) {
  const drawn = new Float32Array(grid[0] * grid[1] * 3);
  for (const { x, y, color, radius = RADIUS } of points) {
    const reach = max(radius * min(...grid), 1);
    const [[left, right], [top, bottom]] = [x, y].map((value, axis) => {
      const middle = min(value * grid[axis], grid[axis] - 1);
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

/** Joins squares, { start, made: Cr and Cb, float32 [side, side, 2] }, which fade into each other: [Cr, Cb]. */
export function joined(squares, [width, height], side, strength) {
  const says = new Float32Array(width * height), planes = [says.slice(), says.slice()];
  for (const { start: [left, top], made } of squares) {
    for (let i = 0; i < side * side; i++) {
      const x = i % side, y = floor(i / side), along = width > height ? x : y, at = (top + y) * width + left + x;
      const say = min(along, side - 1 - along) + 1;
      planes.forEach((plane, channel) => (plane[at] += say * made[2 * i + channel]));
      says[at] += say;
    }
  }
  return planes.map((plane) => plane.map((value, at) => (strength * value) / says[at]));
}

/** How steeply planes change with luma around every pixel. */
function slopes(planes, luma, size) {
  const mean = (plane) => resized(plane, size, size, box), meanLuma = mean(luma), square = mean(luma.map((y) => y * y));
  return planes.map((plane) => {
    const product = mean(plane.map((value, i) => value * luma[i])), own = mean(plane);
    return product.map((value, i) => (value - own[i] * meanLuma[i]) / (square[i] - meanLuma[i] ** 2 + FLAT));
  });
}

/** Prepares to paint a photograph in the colours [Cr, Cb], in [-0.5, 0.5], of `small`: a function for a row's RGBA. */
export function painter(chroma, small, [width, height]) {
  const follows = max(width / small.size[0], height / small.size[1]) >= FOLLOWING;
  const luma = Float32Array.from(small.luma, (value) => value / 255);
  const guide = follows ? [luma, ...slopes(chroma, luma, small.size)] : [];
  const rows = [...chroma, ...guide].map((plane) => resampled(plane, small.size, [width, height]));
  return (grey, rgba, y) => {
    const [cr, cb, smooth, crSlope, cbSlope] = rows.map((row) => row(y));
    for (let x = 0, i = y * width, at = 4 * i; x < width; x++, i++, at += 4) {
      const detail = follows ? grey[i] / 255 - smooth[x] : 0;
      const red = 255 * CR * (follows ? cr[x] + crSlope[x] * detail : cr[x]);
      const blue = 255 * CB * (follows ? cb[x] + cbSlope[x] * detail : cb[x]);
      const green = (red * RED + blue * BLUE) / -GREEN;
      const above = max(red, blue, green, 1e-4), below = max(-red, -blue, -green, 1e-4);
      const room = min((255 - grey[i]) / above, grey[i] / below, 1); // what keeps it within the gamut
      rgba[at] = grey[i] + room * red; // clamped, and rounded to even
      rgba[at + 2] = grey[i] + room * blue;
      rgba[at + 1] = (grey[i] - RED * rgba[at] - BLUE * rgba[at + 2]) / GREEN;
    }
  };
}
