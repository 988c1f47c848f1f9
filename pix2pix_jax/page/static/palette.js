// Colours that are likely at a place of a picture, and the one that is there.

const GRID = 160; // px; what a picture is reduced to, for colour is smooth
const RINGS = [0.04, 0.1, 0.18], DIRECTIONS = 8; // where neighbours are looked for: shares of the width
const NEIGHBOURS = 4, DIFFERENT = 0.04; // how many, and how far their Cr and Cb must differ
const STRENGTHS = { "as made": 1, stronger: 1.7, bold: 2.8 };
const COMMON = { "keep grey": "#808080", skin: "#c68f72", sky: "#6f9fd8", leaves: "#5f8a3c", wood: "#8a5a34",
  brick: "#a5482f", red: "#b3202c", blue: "#26408b", straw: "#d2b45f" };

// Few pixels of an image file, with the colours of another one, if any.
export async function pixelsOf(blob, colors) {
  const bitmap = await createImageBitmap(blob, { resizeWidth: GRID, resizeQuality: "high" });
  const { width, height } = bitmap, context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  context.globalCompositeOperation = "color";
  if (colors) context.drawImage(await createImageBitmap(colors), 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

// Of BT.601, in [0, 1] and [-0.5, 0.5]; the place is given as shares of width and height.
function lumaAndChroma({ data, width, height }, x, y) {
  const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
  const [red, green, blue] = Array.from(data.subarray(at, at + 3), (value) => value / 255);
  const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
  return { luma, cr: (red - luma) / 1.402, cb: (blue - luma) / 1.772 };
}

// What there is no colour for is drawn towards grey.
function toHex({ luma, cr, cb }) {
  const away = [1.402 * cr, -0.714136 * cr - 0.344136 * cb, 1.772 * cb];
  const room = Math.min(1, ...away.map((value) => Math.max((1 - luma) / value, -luma / value) || 1));
  return "#" + away.map((value) => Math.round(255 * (luma + room * value)).toString(16).padStart(2, "0")).join("");
}

export const colorAt = (pixels, x, y) => toHex(lumaAndChroma(pixels, x, y));
export const common = Object.entries(COMMON).map(([name, color]) => ({ name, color }));

// [{name, color}]: what was made there at several strengths, its neighbours' colours, and what is common.
export function likely(pixels, x, y) {
  const { luma, ...here } = lumaAndChroma(pixels, x, y), tall = pixels.width / pixels.height;
  const found = Object.entries(STRENGTHS).map(([name, by]) => ({ name, cr: by * here.cr, cb: by * here.cb }));
  const places = RINGS.flatMap((ring) => Array.from({ length: DIRECTIONS }, (_, index) => {
    const angle = (2 * Math.PI * (index + ring)) / DIRECTIONS;
    return [x + ring * Math.cos(angle), y + ring * tall * Math.sin(angle)];
  }));
  const inside = places.filter((place) => place.every((share) => share >= 0 && share < 1));
  const around = inside.map((place) => lumaAndChroma(pixels, ...place));
  const distance = (one) => Math.min(...found.map(({ cr, cb }) => Math.hypot(cr - one.cr, cb - one.cb)));
  for (let count = 0; count < NEIGHBOURS && around.length; count++) {
    const next = around.reduce((best, one) => (distance(one) > distance(best) ? one : best));
    if (distance(next) >= DIFFERENT) found.push({ ...next, name: "as nearby" });
  }
  return [...found.map((each) => ({ name: each.name, color: toHex({ ...each, luma }) })), ...common];
}
