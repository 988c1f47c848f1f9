// Engine A: the server that the page comes from. Nothing of what it is sent stays there.
//
// Whatever colours for this page is a module like this one, whose `createEngine()` gives an object with
//   describe(): {task: "colorize" | "translate", draw: may one draw?, side: of what is drawn (px), strength: of colours,
//     points: does it take them?, restores: does it help faded prints?, drops: [what results lose], limits: {bytes, pixels}, privacy: a sentence,
//     examples: [{name, url}]};
//   open(file, signal): a photograph {name, width, height: upright, writes: the result's name, preview: ImageBitmap of
//     what was given, of at most 1024 px};
//   preview(photograph, {points, strength, restore}, signal): ImageBitmap of the preview's size, coloured;
//   result(photograph, {points, strength, restore}, signal, onProgress(0…1, null while it cannot tell)): {blob, name, notes}.
// All give promises. Points are those of `pix2pix-colorize --points`, in pixels of the upright photograph. What is
// wrong is an Error whose message may be shown; where its `again` is true, trying again later may help.

const SMALL = 384; // px; what a preview is made from: colour is smooth, and the details are the picture's

export function createEngine() {
  let colors = true;
  return {
    async describe() {
      const answer = await fetch("describe");
      if (!answer.ok) throw new Error(await answer.text());
      const about = await answer.json();
      colors = about.task === "colorize";
      return about;
    },

    async open(file, signal) {
      const { blob, about } = await post("open", { name: file.name }, file, signal);
      const preview = await createImageBitmap(blob);
      return { ...about, name: file.name, file, preview, small: colors ? await reduced(preview) : file };
    },

    async preview({ name, width, height, preview, small }, { points, strength, restore }, signal) {
      const share = (value, length) => Math.min(value / length, 0.9999); // 1 would be a pixel
      const shares = points.map((point) => ({ ...point, x: share(point.x, width), y: share(point.y, height),
        ...(point.radius !== undefined && { radius: share(point.radius, Math.min(width, height)) }) }));
      const { blob } = await post("preview", { name, strength, restore, points: shares }, small, signal);
      const made = await createImageBitmap(blob), [resizeWidth, resizeHeight] = [preview.width, preview.height];
      if (restore) return createImageBitmap(made, { resizeWidth, resizeHeight, resizeQuality: "high" }); // luma changes
      return colors ? colored(preview, made) : made;
    },

    async result({ name, file }, { points, strength, restore }, signal, onProgress) {
      const { blob, about } = await post("result", { name, strength, restore, points }, file, signal, onProgress);
      return { blob, ...about };
    },
  };
}

function reduced(picture) {
  const scale = Math.min(1, SMALL / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

// The luma of one picture with the colour of another, smaller one: the canvas's "color" keeps what weighs as luma does.
function colored(picture, made) {
  const canvas = new OffscreenCanvas(picture.width, picture.height), context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  [context.globalCompositeOperation, context.imageSmoothingQuality] = ["color", "high"];
  context.drawImage(made, 0, 0, canvas.width, canvas.height);
  return canvas.transferToImageBitmap();
}

// Sends a line of JSON and a file. XMLHttpRequest, since fetch does not tell how far sending is.
function post(path, asked, file, signal, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    const fail = (text, again) => reject(Object.assign(new Error(text), { again }));
    request.open("POST", path);
    request.responseType = "blob";
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded < total ? (0.9 * loaded) / total : null);
    request.onload = async () => {
      const { status, response } = request;
      if (status !== 200) return fail((await response.text()) || `The server answers ${status}`, [429, 502, 503, 504].includes(status));
      return resolve({ blob: response, about: JSON.parse(decodeURIComponent(request.getResponseHeader("x-about"))) });
    };
    request.onerror = () => fail("The server does not answer: trying again until it does", true);
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(new Blob([JSON.stringify(asked), "\n", file]));
  });
}
