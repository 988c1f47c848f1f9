// Engine B: colours in the browser. No photograph leaves the device.
import { fitted, lumaOf, pointMap, square, squares, tint } from "./painting.js";

const SATURATION = 1; // by which the generator multiplies chroma; the build fills it in
const PIXELS = 60e6, BYTES = 200e6, SHOWN = 1024; // at the most; px of a picture's longer side
const REMEMBERED = 4; // photographs whose features are kept
const PATIENCE = 3000, TRIAL = 30e3, CLOSE = 2e-3; // ms for the service worker, and for trying WebGPU; levels of 1
const KEPT = { "image/jpeg": /\.jpe?g$/i, "image/png": /\.png$/i }; // what every browser writes; others become PNG
const about = {
  translates: false, paper: 0, strength: SATURATION, points: true, restores: false, bytes: BYTES, examples: [],
  privacy: "Everything is made on this device: no photograph leaves it. EXIF, colour profiles and more than 8 bits are"
    + " not kept here; pix2pix-colorize, the command, keeps them.",
};

// Waits for the service worker, which keeps what is loaded from then on; without it all is loaded at every visit.
async function keeping() {
  const { serviceWorker } = navigator, kept = serviceWorker?.register(new URL("./sw.js", import.meta.url));
  const ready = kept?.then(() => serviceWorker.ready);
  await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE))]).catch(() => {});
}

async function unpacked(name) {
  const response = await fetch(new URL(`./${name}.bin`, import.meta.url));
  if (!response.ok) throw new Error(`${name}.bin cannot be loaded: ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// The generator on "wasm" or "webgpu", in two parts: what a photograph needs once, and what follows points of colour.
async function loaded(name) {
  const files = [name, "generator", "guide"].map(unpacked);
  const [ort, wasmBinary, ...parts] = await Promise.all([import(`./ort.${name}.mjs`), ...files]);
  Object.assign(ort.env.wasm, { wasmBinary, numThreads: 1, proxy: name === "wasm" }); // a worker of its own
  const sessions = [], options = { executionProviders: [name] }; // WebGPU's are created one after the other
  for (const part of parts) sessions.push(await ort.InferenceSession.create(new Uint8Array(part), options));
  const copied = ([key, { data, dims }]) => [key, new ort.Tensor(data.slice(), dims)]; // the worker keeps what it gets
  const [begin, guide] = sessions.map((session) => (given) =>
    session.run(Object.fromEntries(Object.entries(given).map(copied))));
  return { name, begin, guide, side: sessions[0].inputMetadata[0].shape[1] };
}

// What a generator makes of a ramp with a point, and how long the second part takes, ms.
async function tried({ begin, guide, side }) {
  const luma = { data: Float32Array.from({ length: side * side }, (_, i) => (i % side) / side), dims: [1, side, side] };
  const points = { data: new Float32Array(3 * side * side), dims: [1, side, side, 3] };
  points.data.set([1, 0.3, -0.2], 3 * (side + 1) * (side >> 1));
  const { chroma, ...features } = await begin({ luma }), asked = { luma, points, ...features };
  await guide(asked); // which compiles
  const start = performance.now(), made = await guide(asked);
  return { made: [...chroma.data, ...made.chroma.data], took: performance.now() - start };
}

// WebGPU's generator where in time it makes what WebAssembly's makes, and sooner; else that of WebAssembly.
async function better(wasm) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter || adapter.info.isFallbackAdapter) return wasm; // the latter computes on the processor
  const start = performance.now(), gpu = await loaded("webgpu"), [one, other] = [await tried(wasm), await tried(gpu)];
  const same = one.made.every((value, i) => Math.abs(value - other.made[i]) < CLOSE);
  if (!same || other.took > one.took || performance.now() - start > TRIAL) return wasm;
  const safe = (part) => (given) => gpu[part](given).catch(() => wasm[part](given)); // a device may be lost
  return { ...gpu, begin: safe("begin"), guide: safe("guide") };
}

// Width times height, as a file says it, before it is decoded; 0 where it says nothing.
async function pixelsOf(file) {
  const image = new Image(), address = URL.createObjectURL(file);
  await new Promise((resolve) => Object.assign(image, { onload: resolve, onerror: resolve, src: address }));
  URL.revokeObjectURL(address);
  return image.naturalWidth * image.naturalHeight;
}

async function decoded(file) {
  return createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no image that this browser reads; pix2pix-colorize, the command, reads more`);
  });
}

// An image on a canvas of some size.
function drawn(image, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: width <= SHOWN });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context;
}

function rgbOf(color) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

export async function createEngine() {
  await keeping();
  const remembered = new Map(), wasm = loaded("wasm");
  let generator = wasm;
  const trial = wasm.then(better).then((found) => (generator = found).name).catch(() => "wasm"); // whoever asks is told

  async function open(file) {
    const most = `${file.name} has more than ${PIXELS / 1e6} megapixels, which is the most here`;
    if ((await pixelsOf(file)) > PIXELS) throw new Error(most);
    const image = await decoded(file), { width, height } = image, scale = Math.min(1, SHOWN / Math.max(width, height));
    const size = [width, height].map((length) => Math.ceil(length * scale)), context = drawn(image, ...size);
    const pixels = context.getImageData(0, 0, ...size), luma = lumaOf(pixels.data), { side } = await generator;
    luma.forEach((value, i) => pixels.data.fill(value, 4 * i, 4 * i + 3));
    context.putImageData(pixels, 0, 0);
    const picture = await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    return { file, width, height, picture, seen: fitted(luma, size, side) };
  }

  // What the generator finds in the squares of a photograph.
  async function begun(photo) {
    const { begin, side } = await generator, { luma, size } = photo.seen, found = remembered.get(photo) ?? [];
    for (const start of found.length ? [] : squares(size, side)) {
      const given = { data: square(luma, size[0], start, side).map((value) => value / 255), dims: [1, side, side] };
      const { chroma, ...features } = await begin({ luma: given });
      found.push({ start, automatic: chroma.data, given: { luma: given, ...features } });
    }
    if (remembered.set(photo, found).size > REMEMBERED) remembered.delete(remembered.keys().next().value);
    return found;
  }

  // A small canvas whose chroma is a photograph's colours. Only squares whose points have changed are made anew.
  async function colors(photo, { points, strength }) {
    const wrong = points.find(({ color }) => !CSS.supports("color", color));
    if (wrong) throw new Error(`${photo.file.name} has a point of ${wrong.color}, which is no colour`);
    const { guide, side } = await generator, { size } = photo.seen, found = await begun(photo);
    const factor = Math.max(strength / SATURATION, 1e-3), map = pointMap(points, size, factor, rgbOf);
    for (const each of found) {
      const data = square(map, size[0], each.start, side, 3);
      const given = { ...each.given, points: { data, dims: [1, side, side, 3] } };
      if (data.every((value, i) => value === each.data?.[i])) continue;
      Object.assign(each, { data, made: data.some(Boolean) ? (await guide(given)).chroma.data : each.automatic });
    }
    const context = new OffscreenCanvas(...size).getContext("2d");
    context.putImageData(tint(found, size, side, factor), 0, 0);
    return context.canvas;
  }

  async function result(photo, wishes, signal, onProgress) {
    const { file } = photo, made = await colors(photo, wishes), name = file.name.replace(/(\.\w+)?$/, ".png");
    onProgress(0.3);
    signal.throwIfAborted();
    const image = await decoded(file), context = drawn(image, image.width, image.height);
    context.globalCompositeOperation = "color";
    context.drawImage(made, 0, 0, image.width, image.height);
    onProgress(0.6);
    const as = KEPT[file.type]?.test(file.name) ? { type: file.type, name: file.name } : { type: "image/png", name };
    const blob = await context.canvas.convertToBlob({ type: as.type, quality: 0.95 });
    signal.throwIfAborted();
    return { blob, name: as.name, notes: [] };
  }

  const preview = async (photo, wishes) => (await colors(photo, wishes)).convertToBlob();
  return { about, open, preview, result, trial };
}
