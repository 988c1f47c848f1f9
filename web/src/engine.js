// Engine B: colours in the browser. No photograph leaves the device.

const PIXELS = 60e6, BYTES = 200e6; // at the most
const KEPT = { "image/jpeg": /\.jpe?g$/i, "image/png": /\.png$/i }; // what every browser writes; others become PNG
const ABOUT = {
  task: "colorize", draw: false, strength: 1, points: true, examples: [], limits: { bytes: BYTES, pixels: PIXELS },
  privacy: "Everything is made on this device: no photograph leaves it.",
  drops: ["EXIF, colour profiles and more than 8 bits are not kept here; pix2pix-colorize, the command, keeps them."],
};

// Waits for the service worker, which keeps what is loaded from then on; without it all is loaded at every visit.
async function keeping() {
  const { serviceWorker } = navigator, kept = serviceWorker?.register(new URL("./sw.js", import.meta.url));
  const ready = kept?.then(() => serviceWorker.ready);
  await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, 3000))]).catch(() => {});
}

// Width and height that a file says it has, before it is decoded.
async function sizeOf(file) {
  const image = new Image(), address = URL.createObjectURL(file);
  await new Promise((resolve) => Object.assign(image, { onload: resolve, onerror: resolve, src: address }));
  URL.revokeObjectURL(address);
  return [image.naturalWidth, image.naturalHeight];
}

export function createEngine() {
  const waiting = new Map();
  let count = 0;

  const worker = keeping().then(() => {
    const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    started.onerror = () => waiting.forEach(({ reject }) => reject(new Error("This browser cannot run the generator")));
    started.onmessage = ({ data: { number, share, made, error } }) => {
      const asked = waiting.get(number);
      if (share !== undefined) return asked?.onProgress?.(share);
      waiting.delete(number);
      return error === undefined ? asked?.resolve(made) : asked?.reject(new Error(error));
    };
    return started;
  });

  const ask = async (kind, given, signal, onProgress, number = ++count) => {
    const tell = (message) => worker.then((started) => started.postMessage(message));
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      waiting.set(number, { resolve, reject, onProgress });
      signal?.addEventListener("abort", () => reject(signal.reason, waiting.delete(number) && tell({ cancel: number })));
      tell({ number, kind, given });
    });
  };

  const make = (kind) => async ({ id, file, writes }, { points, strength }, signal, onProgress) => {
    const wrong = points.find(({ color }) => !CSS.supports("color", color));
    if (wrong) throw new Error(`has a point of ${wrong.color}, which is no colour`);
    return ask(kind, { id, file, writes, points, strength: Math.max(strength, 1e-3) }, signal, onProgress);
  };

  async function open(file, signal) {
    const [width, height] = await sizeOf(file), id = ++count;
    if (width * height > PIXELS) throw new Error(`has more than ${PIXELS / 1e6} megapixels, which is the most here`);
    const writes = KEPT[file.type]?.test(file.name) ? file.name : `${file.name.replace(/\.\w+$/, "")}.png`;
    return { id, file, name: file.name, writes, ...(await ask("open", { id, file }, signal)) };
  }

  return { describe: async () => ABOUT, open, preview: make("preview"), result: make("result") };
}
