// Colours that are likely at a place of a picture, and the one that is there.

const RINGS = [0.05, 0.12, 0.22], DIRECTIONS = 8; // where neighbours are looked for: shares of the shorter side
const NEIGHBOURS = 4, DIFFERENT = 0.04; // how many, and how far their Cr and Cb must differ
const STRENGTHS = { "as made": 1, stronger: 1.7, bold: 2.8 };
const COMMON = { "keep grey": "#808080", skin: "#c68f72", sky: "#6f9fd8", leaves: "#5f8a3c", wood: "#8a5a34",
  brick: "#a5482f", red: "#b3202c", blue: "#26408b", straw: "#d2b45f" };

// Of BT.601, in [0, 1] and [-0.5, 0.5]; what there is no colour for is drawn towards grey.
function toHex({ y, cr, cb }) {
  const away = [1.402 * cr, -0.714136 * cr - 0.344136 * cb, 1.772 * cb];
  const room = Math.min(1, ...away.map((value) => (value > 0 ? (1 - y) / value : value < 0 ? y / -value : 1)));
  return "#" + away.map((value) => Math.round(255 * (y + room * value)).toString(16).padStart(2, "0")).join("");
}

const known = new WeakMap();
function pixelsOf(picture) {
  if (!known.has(picture)) {
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    known.set(picture, context.getImageData(0, 0, picture.width, picture.height));
  }
  return known.get(picture);
}

// The mean of 3×3 pixels around a place, given as shares of width and height.
function meanAt(picture, x, y) {
  const { data, width, height } = pixelsOf(picture), sum = [0, 0, 0];
  for (let pixel = 0; pixel < 9; pixel++) {
    const column = Math.min(Math.max(Math.floor(x * width) + (pixel % 3) - 1, 0), width - 1);
    const row = Math.min(Math.max(Math.floor(y * height) + Math.floor(pixel / 3) - 1, 0), height - 1);
    for (let channel = 0; channel < 3; channel++) sum[channel] += data[4 * (row * width + column) + channel] / (9 * 255);
  }
  const luma = 0.299 * sum[0] + 0.587 * sum[1] + 0.114 * sum[2];
  return { y: luma, cr: (sum[0] - luma) / 1.402, cb: (sum[2] - luma) / 1.772 };
}

export const colorAt = (picture, x, y) => toHex(meanAt(picture, x, y));
export const common = Object.entries(COMMON).map(([name, color]) => ({ name, color }));

// [{name, color}]: what was made there at several strengths, its neighbours' colours, and what is common.
export function likely(picture, x, y) {
  const here = meanAt(picture, x, y), radius = Math.min(picture.width, picture.height);
  const found = Object.entries(STRENGTHS).map(([name, factor]) => ({ name, cr: factor * here.cr, cb: factor * here.cb }));
  const around = RINGS.flatMap((ring) => Array.from({ length: DIRECTIONS }, (_, index) => {
    const angle = (2 * Math.PI * (index + ring)) / DIRECTIONS;
    return [x + (ring * radius * Math.cos(angle)) / picture.width, y + (ring * radius * Math.sin(angle)) / picture.height];
  })).filter((place) => place.every((share) => share >= 0 && share < 1)).map((place) => meanAt(picture, ...place));
  const distance = (ycc) => Math.min(...found.map(({ cr, cb }) => Math.hypot(cr - ycc.cr, cb - ycc.cb)));
  for (let count = 0; count < NEIGHBOURS && around.length; count++) {
    const next = around.reduce((best, ycc) => (distance(ycc) > distance(best) ? ycc : best));
    if (distance(next) >= DIFFERENT) found.push({ ...next, name: "as nearby" });
  }
  const colors = found.map((each) => ({ name: each.name, color: toHex({ ...each, y: here.y }) }));
  return [...colors.filter(({ color }, index) => colors.findIndex((each) => each.color === color) === index), ...common];
}
