// Colours that are likely at a place of a picture, and the one that is there.

const RINGS = [0.05, 0.12, 0.22], DIRECTIONS = 8; // where neighbours are looked for: shares of the shorter side
const NEIGHBOURS = 4, DIFFERENT = 0.04; // how many, and how far their Cr and Cb must differ
const STRENGTHS = { "as made": 1, stronger: 1.7, bold: 2.8 };
const GRAY = "#808080";
const COMMON = {
  skin: "#c68f72", sky: "#6f9fd8", leaves: "#5f8a3c", wood: "#8a5a34", brick: "#a5482f",
  red: "#b3202c", blue: "#26408b", straw: "#d2b45f",
};

// Cr, Cb and Y of a colour of 0…255, as BT.601 has them; and back, drawn towards grey where there is no such colour.
const toYcc = ([r, g, b]) => {
  const y = 0.299 * r + 0.587 * g + 0.114 * b;
  return { y: y / 255, cr: (r - y) / 1.402 / 255, cb: (b - y) / 1.772 / 255 };
};
function toHex({ y, cr, cb }) {
  const away = [1.402 * cr, -0.714136 * cr - 0.344136 * cb, 1.772 * cb];
  const room = Math.min(1, ...away.map((value) => (value > 0 ? (1 - y) / value : value < 0 ? y / -value : 1)));
  return "#" + away.map((value) => Math.round(255 * (y + room * value)).toString(16).padStart(2, "0")).join("");
}

const pixels = new WeakMap();
function dataOf(picture) {
  if (!pixels.has(picture)) {
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    pixels.set(picture, context.getImageData(0, 0, picture.width, picture.height));
  }
  return pixels.get(picture);
}

// The mean of 3×3 pixels around a place, given as shares of width and height.
function meanAt(picture, x, y) {
  const { data, width, height } = dataOf(picture), sum = [0, 0, 0];
  for (let down = -1; down <= 1; down++) {
    for (let right = -1; right <= 1; right++) {
      const column = Math.min(Math.max(Math.floor(x * width) + right, 0), width - 1);
      const row = Math.min(Math.max(Math.floor(y * height) + down, 0), height - 1);
      for (let channel = 0; channel < 3; channel++) sum[channel] += data[4 * (row * width + column) + channel] / 9;
    }
  }
  return toYcc(sum);
}

export const colorAt = (picture, x, y) => toHex(meanAt(picture, x, y));

// [{name, color}]: what was made there at several strengths, its neighbours' colours, grey, and what is common.
export function likely(picture, x, y) {
  const here = meanAt(picture, x, y), shorter = Math.min(picture.width, picture.height);
  const found = Object.entries(STRENGTHS).map(([name, factor]) => ({
    name, ycc: { y: here.y, cr: factor * here.cr, cb: factor * here.cb },
  }));
  const around = RINGS.flatMap((ring) => Array.from({ length: DIRECTIONS }, (_, index) => {
    const angle = (2 * Math.PI * (index + ring)) / DIRECTIONS, radius = ring * shorter;
    return [x + (radius * Math.cos(angle)) / picture.width, y + (radius * Math.sin(angle)) / picture.height];
  })).filter((place) => place.every((share) => share >= 0 && share < 1)).map((place) => meanAt(picture, ...place));
  const distance = (ycc) => Math.min(...found.map(({ ycc: { cr, cb } }) => Math.hypot(cr - ycc.cr, cb - ycc.cb)));
  for (let count = 0; count < NEIGHBOURS && around.length; count++) {
    const next = around.reduce((best, ycc) => (distance(ycc) > distance(best) ? ycc : best));
    if (distance(next) < DIFFERENT) break;
    found.push({ name: "as nearby", ycc: { ...next, y: here.y } });
  }
  const colors = found.map(({ name, ycc }) => ({ name, color: toHex(ycc) }));
  return [...colors.filter(({ color }, index) => colors.findIndex((each) => each.color === color) === index), ...fixed];
}

export const fixed = [
  { name: "keep grey", color: GRAY },
  ...Object.entries(COMMON).map(([name, color]) => ({ name, color })),
];
