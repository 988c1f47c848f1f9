// Engine B: colours in the browser. No photograph leaves the device.

const SATURATION = 1; // by which the generator multiplies chroma; the build fills it in
const PIXELS = 60e6, BYTES = 200e6, PATIENCE = 3000; // at the most; ms
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

// Width times height, as a file says it, before it is decoded; 0 where it says nothing.
async function pixelsOf(file) {
  const image = new Image(), address = URL.createObjectURL(file);
  await new Promise((resolve) => Object.assign(image, { onload: resolve, onerror: resolve, src: address }));
  URL.revokeObjectURL(address);
  return image.naturalWidth * image.naturalHeight;
}

export async function createEngine() {
  await keeping();
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const broken = new Promise((_, reject) => {
    worker.onerror = () => reject(new Error("This browser cannot run the generator"));
  });
  const ask = (given, signal, onProgress) => Promise.race([broken, new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data: { share, made, error } }) =>
      share === undefined ? (error ? reject(new Error(`${given.file.name} ${error}`)) : resolve(made)) : onProgress?.(share);
    signal?.addEventListener("abort", () => reject(signal.reason, port1.postMessage("cancel")));
    worker.postMessage(given, [port2]);
  })]);
  broken.catch(() => {}); // whoever asks is told

  async function open(file) {
    const most = `${file.name} has more than ${PIXELS / 1e6} megapixels, which is the most here`;
    if ((await pixelsOf(file)) > PIXELS) throw new Error(most);
    return { file, ...(await ask({ kind: "open", file })) };
  }

  const make = (kind) => async ({ id, file }, { points, strength }, signal, onProgress) => {
    const wrong = points.find(({ color }) => !CSS.supports("color", color));
    if (wrong) throw new Error(`${file.name} has a point of ${wrong.color}, which is no colour`);
    const name = KEPT[file.type]?.test(file.name) ? file.name : `${file.name.replace(/\.\w+$/, "")}.png`;
    return ask({ kind, id, file, name, points, strength: Math.max(strength / SATURATION, 1e-3) }, signal, onProgress);
  };
  return { about, open, preview: make("preview"), result: make("result") };
}
