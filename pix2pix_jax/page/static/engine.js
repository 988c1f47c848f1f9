// Engine A: the server that the page comes from. Nothing of what it is sent stays there.
//
// Whatever colours for this page is a module like this one, whose `createEngine(tell)` promises an object with
//   about: {translates: rather than colours?, paper: side of what is drawn (px) or 0, strength: of colours, points:
//     does it take them?, restores: faded prints?, bytes: of the largest file, privacy: a sentence where it is not the
//     page's, examples: [{name, url}]};
//   open(file): a photograph {width, height: upright, px; picture: an image file of what is looked at, to be shown};
//   preview(photograph, {points, strength, restore}): an image file; of colours it is the chroma that counts;
//   result(photograph, {points, strength, restore}, signal, onProgress(0…1)): {blob, name, notes}.
// All give promises. Points are those of `pix2pix-colorize --points`, as shares of width and height. What is wrong is
// an Error whose message may be shown; `tell` is told what the engine waits for, and "" when it goes on.

const SMALL = 384; // px; what a preview is made from
const LATER = [429, 502, 503, 504], PAUSE = 2000; // what may help to wait for, and ms between two tries

export async function createEngine(tell) {
  const answer = await fetch("describe");
  if (!answer.ok) throw new Error(await answer.text());
  const about = await answer.json();

  async function post(path, file, name, asked = {}, signal = null) {
    const form = new FormData();
    form.append("asked", JSON.stringify(asked));
    form.append("file", file, name);
    for (;;) {
      signal?.throwIfAborted();
      const answer = await fetch(path, { method: "POST", body: form, signal }).catch(() => null);
      const text = answer && !answer.ok ? (await answer.text()) || `The server answers ${answer.status}` : "";
      if (answer && !LATER.includes(answer.status)) {
        tell("");
        if (text) throw new Error(text);
        return { blob: await answer.blob(), ...JSON.parse(decodeURIComponent(answer.headers.get("x-about"))) };
      }
      tell(text || "The server does not answer: trying again until it does");
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  async function open(file) {
    const { blob, width, height } = await post("open", file, file.name);
    return { file, width, height, picture: blob, small: about.translates ? file : await reduced(blob) };
  }

  const preview = async ({ file, small }, wishes) =>
    (await post("result", small, about.translates ? file.name : "small.jpg", { ...wishes, shown: true })).blob;
  const result = ({ file }, wishes, signal) => post("result", file, file.name, wishes, signal);
  return { about: { ...about, restores: !about.translates }, open, preview, result };
}

async function reduced(picture) {
  const bitmap = await createImageBitmap(picture), scale = Math.min(1, SMALL / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.ceil(bitmap.width * scale), Math.ceil(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}
