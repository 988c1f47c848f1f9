// Decodes, colours and encodes photographs beside the page's own thread, one after the other.
import * as ort from "./ort.mjs";
import { fitted, joined, lumaOf, painter, pointMap, square, squares } from "./painting.js";

const PREVIEW = 1024, REMEMBERED = 4, ROWS = 100; // px of a preview's longer side; photographs; between two looks
const generator = loaded(), remembered = new Map(), cancelled = new Set();
generator.catch(() => {}); // whoever asks is told
const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

async function unpacked(name) {
  const response = await fetch(new URL(`./${name}.bin`, import.meta.url));
  if (!response.ok) throw new Error(`${name}.bin cannot be loaded: ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// The generator in two parts: what a photograph needs once, and what follows points of colour.
async function loaded() {
  const [wasmBinary, ...parts] = await Promise.all(["wasm", "generator", "guide"].map(unpacked));
  Object.assign(ort.env.wasm, { wasmBinary, numThreads: 1 });
  const sessions = await Promise.all(parts.map((part) => ort.InferenceSession.create(part)));
  const [begin, guide] = sessions.map((session) => (given) => session.run(given));
  const [, side] = sessions[0].inputMetadata[0].shape, tensor = (data, ...channels) => new ort.Tensor(data, [1, side, side, ...channels]);
  return { begin, guide, side, tensor };
}

// A canvas with the upright photograph, reduced to a longer side; its pixels and their luma.
async function decoded(file, longest = Infinity) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("is no image that this browser reads; pix2pix-colorize, the command, reads more");
  });
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const size = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = new OffscreenCanvas(...size).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, ...size);
  bitmap.close();
  const pixels = context.getImageData(0, 0, ...size);
  return { context, pixels, luma: lumaOf(pixels.data), size };
}

// A photograph's preview and what the generator finds in it: of the last few, for they are asked for again.
async function known({ id, file }) {
  const { begin, side, tensor } = await generator, found = { squares: [] };
  if (remembered.has(id)) return remembered.get(id);
  const whole = await decoded(file), small = fitted(whole.luma, whole.size, side);
  Object.assign(found, { whole: whole.size, small, ...(await decoded(file, PREVIEW)) });
  for (const start of squares(small.size, side)) {
    const luma = tensor(square(small.luma, small.size[0], start, side).map((value) => value / 255));
    const { chroma, ...features } = await begin({ luma });
    found.squares.push({ start, automatic: chroma.data, given: { luma, ...features } });
  }
  if (remembered.set(id, found).size > REMEMBERED) remembered.delete(remembered.keys().next().value);
  return found;
}

// How to paint a photograph of some size. Only squares whose points have changed are made anew.
async function painting({ whole, small, squares }, { points, strength }, size) {
  const { guide, side, tensor } = await generator, map = pointMap(points, whole, small.size, strength, rgbOf);
  for (const each of squares) {
    const drawn = square(map, small.size[0], each.start, side, 3);
    if (drawn.every((value, i) => value === each.drawn?.[i])) continue;
    const guided = drawn.some(Boolean) && (await guide({ points: tensor(drawn, 3), ...each.given })).chroma.data;
    Object.assign(each, { drawn, made: guided || each.automatic });
  }
  return painter(joined(squares, small.size, side, strength), small, size);
}

function rgbOf(color) {
  brush.fillStyle = color;
  brush.fillRect(0, 0, 1, 1);
  return brush.getImageData(0, 0, 1, 1).data;
}

const does = {
  async open(given) {
    const { whole, pixels } = await known(given);
    return { width: whole[0], height: whole[1], preview: await createImageBitmap(pixels) };
  },
  async preview(given) {
    const found = await known(given), { pixels, luma, size } = found, paint = await painting(found, given, size);
    for (let y = 0; y < size[1]; y++) paint(luma, pixels.data, y);
    return createImageBitmap(pixels);
  },
  async result({ file, writes, ...given }, progress) {
    const found = await known({ file, ...given }), { context, pixels, luma, size } = await decoded(file);
    const paint = await painting(found, given, size);
    for (let y = 0; y < size[1]; y++) {
      paint(luma, pixels.data, y);
      if (y % ROWS === 0) await progress(y / size[1]);
    }
    context.putImageData(pixels, 0, 0);
    const type = writes === file.name ? file.type : "image/png";
    return { blob: await context.canvas.convertToBlob({ type, quality: 0.95 }), name: writes };
  },
};

let last = Promise.resolve();
onmessage = ({ data: { cancel, number, kind, given } }) => {
  if (cancel) return cancelled.add(cancel);
  const progress = async (share) => {
    postMessage({ number, share });
    await new Promise((resolve) => setTimeout(resolve)); // so that a cancellation is heard
    if (cancelled.has(number)) throw new Error("cancelled");
  };
  const done = last.then(() => cancelled.has(number) || does[kind](given, progress));
  last = done.then((made) => postMessage({ number, made }), ({ message }) => postMessage({ number, error: message }));
};
