// Decodes, colours and encodes photographs beside the page's own thread, one after the other.
import * as ort from "./ort.mjs";
import { fitted, joined, lumaOf, painter, pointMap, square, squares } from "./painting.js";

const SHOWN = 1024, REMEMBERED = 4, ROWS = 100; // px of a picture's longer side; photographs; between two looks
const generator = loaded(), remembered = new Map();
generator.catch(() => {}); // whoever asks is told
const contextOf = (width, height) => new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
const brush = contextOf(1, 1);

async function unpacked(name) {
  const response = await fetch(new URL(`./${name}.bin`, import.meta.url));
  if (!response.ok) throw new Error(`needs ${name}.bin, which cannot be loaded: ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// The generator in two parts: what a photograph needs once, and what follows points of colour.
async function loaded() {
  const [wasmBinary, ...parts] = await Promise.all(["wasm", "generator", "guide"].map(unpacked));
  Object.assign(ort.env.wasm, { wasmBinary, numThreads: 1 });
  const sessions = await Promise.all(parts.map((part) => ort.InferenceSession.create(part)));
  const [begin, guide] = sessions.map((session) => (given) => session.run(given));
  const [, side] = sessions[0].inputMetadata[0].shape;
  return { begin, guide, side, tensor: (data, ...channels) => new ort.Tensor(data, [1, side, side, ...channels]) };
}

// A canvas with the upright photograph, its pixels and their luma.
async function decoded(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("is no image that this browser reads; pix2pix-colorize, the command, reads more");
  });
  const size = [bitmap.width, bitmap.height], context = contextOf(...size);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, ...size);
  return { context, pixels, luma: lumaOf(pixels.data), size };
}

// A small picture of a canvas, in grey.
async function pictureOf({ canvas }) {
  const scale = Math.min(1, SHOWN / Math.max(canvas.width, canvas.height));
  const size = [canvas.width, canvas.height].map((length) => Math.ceil(length * scale)), context = contextOf(...size);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, ...size);
  const pixels = context.getImageData(0, 0, ...size);
  lumaOf(pixels.data).forEach((luma, i) => pixels.data.fill(luma, 4 * i, 4 * i + 3));
  context.putImageData(pixels, 0, 0);
  return context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

// What the generator finds in a photograph; of the last few it is remembered, for they are asked for again.
async function known(id, { luma, size }) {
  const { begin, side, tensor } = await generator, small = fitted(luma, size, side), found = { small, squares: [] };
  for (const start of squares(small.size, side)) {
    const given = tensor(square(small.luma, small.size[0], start, side).map((value) => value / 255));
    const { chroma, ...features } = await begin({ luma: given });
    found.squares.push({ start, automatic: chroma.data, given: { luma: given, ...features } });
  }
  if (remembered.set(id, found).size > REMEMBERED) remembered.delete(remembered.keys().next().value);
  return found;
}

// How to paint a photograph of some size. Only squares whose points have changed are made anew.
async function painting({ small, squares }, { points, strength }, made) {
  const { guide, side, tensor } = await generator, map = pointMap(points, small.size, strength, rgbOf);
  for (const each of squares) {
    const drawn = square(map, small.size[0], each.start, side, 3);
    if (drawn.every((value, i) => value === each.drawn?.[i])) continue;
    const guided = drawn.some(Boolean) && (await guide({ points: tensor(drawn, 3), ...each.given })).chroma.data;
    Object.assign(each, { drawn, made: guided || each.automatic });
  }
  return painter(joined(squares, small.size, side, strength), small, made);
}

function rgbOf(color) {
  brush.fillStyle = color;
  brush.fillRect(0, 0, 1, 1);
  return brush.getImageData(0, 0, 1, 1).data;
}

const does = {
  async open({ file }) {
    const photo = await decoded(file), id = Math.random(), [width, height] = photo.size;
    await known(id, photo);
    return { id, width, height, picture: await pictureOf(photo.context) };
  },
  async preview({ id, file, ...given }) {
    const found = remembered.get(id) ?? (await known(id, await decoded(file))), { luma, size } = found.small;
    const paint = await painting(found, given, size), pixels = new ImageData(...size), context = contextOf(...size);
    pixels.data.fill(255);
    for (let y = 0; y < size[1]; y++) paint(luma, pixels.data, y);
    context.putImageData(pixels, 0, 0);
    return context.canvas.convertToBlob();
  },
  async result({ id, file, name, ...given }, progress) {
    const { context, pixels, luma, size } = await decoded(file);
    const paint = await painting(remembered.get(id) ?? (await known(id, { luma, size })), given, size);
    for (let y = 0; y < size[1]; y++) {
      paint(luma, pixels.data, y);
      if (y % ROWS === 0) await progress(y / size[1]);
    }
    context.putImageData(pixels, 0, 0);
    const type = name === file.name ? file.type : "image/png";
    return { blob: await context.canvas.convertToBlob({ type, quality: 0.95 }), name, notes: [] };
  },
};

let last = Promise.resolve();
onmessage = ({ data, ports: [port] }) => {
  let cancelled = false;
  port.onmessage = () => (cancelled = true);
  const progress = async (share) => {
    port.postMessage({ share });
    await new Promise((resolve) => setTimeout(resolve)); // so that a cancellation is heard
    if (cancelled) throw new Error("cancelled");
  };
  const done = last.then(() => cancelled || does[data.kind](data, progress));
  last = done.then((made) => port.postMessage({ made }), ({ message }) => port.postMessage({ error: message }));
};
