// What the page's parts do: they change the store, and show what is in it. Names and messages are text, never HTML.

import { createEngine } from "./engine.js";
import { colorAt, common, likely } from "./palette.js";
import { Paper } from "./paper.js";
import { Store } from "./state.js";
import { View } from "./view.js";
import { zipOf } from "./zip.js";

const AT_ONCE = 2; // files that are opened at a time
const STRONGEST = 3;
const ANY = "linear-gradient(90deg, #c68f72, #d2b45f, #5f8a3c, #6f9fd8)"; // of a swatch that stands for no colour
const $ = (id) => document.getElementById(id);
const store = new Store(), engine = createEngine(), cards = new Map();
let about = null; // what the engine says of itself
let chosen = null; // the colour of the next point; null for the one that was made there
let picking = false; // whether the next click takes a colour
let opening = 0; // files
let other = null; // the picture of the other photograph

const wishes = ({ points, strength, restore }) => ({ points, strength: strength ?? about.strength, restore: Boolean(restore) });
const picture = () => store.current.after ?? store.current.photo.preview;
const pixel = (share, length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1);
const moved = (point, x, y, { width, height } = store.current.photo) => ({ ...point, x: pixel(x, width), y: pixel(y, height) });
const say = (text) => void ($("status").textContent = text);
const make = (name, properties, ...inner) => {
  const { background, ...others } = properties, made = Object.assign(document.createElement(name), others);
  if (background) made.style.background = background;
  made.append(...inner);
  return made;
};

const view = new View($("canvas"), {
  place(x, y) {
    if (!about.points || !(chosen || store.current.after)) return; // before the first preview every place is grey
    if (picking) take(colorAt(picture(), x, y));
    else edit([...store.current.points, moved({ color: chosen ?? colorAt(picture(), x, y) }, x, y)], store.current.points.length);
  },
  move: (index, x, y, gesture) => edit(store.current.points.with(index, moved(store.current.points[index], x, y)), index, gesture),
  remove: (index) => edit(store.current.points.toSpliced(index, 1)),
  choose: (index) => store.select(store.current, index),
  line: (share) => void ($("line").value = 100 * share),
});
const second = new View($("second"), { place: (x, y) => take(colorAt(other, x, y)), choose() {}, remove() {} });

function edit(points, index = null, gesture = null) {
  store.point = index;
  store.edit(store.current, { points }, gesture);
}

// Gives the chosen point a colour, and points to come; `next` is null for what is made at their places.
function take(color, next = color) {
  const { current, point } = store, given = current.points[point];
  [chosen, picking] = [next, false];
  if (given) edit(current.points.with(point, { ...given, color }), point);
  else show();
}

// Again and again, while the engine says that this may help.
async function stubborn(item, work) {
  for (let seconds = 1; ; seconds = Math.min(2 * seconds, 8)) {
    try {
      const made = await work();
      if (item.wait) store.set(item, { wait: null });
      return made;
    } catch (error) {
      if (!error.again) throw error;
      store.set(item, { wait: error.message });
      await new Promise((done) => setTimeout(done, 1000 * seconds));
    }
  }
}

function openAll() {
  for (const item of store.items.filter(({ control }) => !control).slice(0, AT_ONCE - opening)) {
    opening += 1;
    item.control = new AbortController();
    open(item).catch(({ message }) => store.set(item, { error: message })).finally(() => openAll((opening -= 1)));
  }
}

async function open(item) {
  const { file, control } = item, most = about.limits.bytes;
  if (file.size > most) throw new Error(`${file.name} is larger than ${Math.floor(most / 1e6)} MB, which is the most here`);
  await file.slice(0, 1).arrayBuffer().catch(() => { throw new Error(`${file.name} cannot be read: is it a folder?`); });
  store.set(item, { photo: await stubborn(item, () => engine.open(file, control.signal)) });
  await refresh(item);
}

// Makes the preview that is wanted now: one at a time, and of changes on the way, the last counts.
async function refresh(item) {
  const wanted = () => JSON.stringify(wishes(item)), lacking = () => item === store.current && !item.after && !item.error;
  if (item.making || !item.photo) return;
  for (item.making = true; (item.made !== wanted() || lacking()) && store.items.includes(item); store.onchange()) {
    const asked = wanted();
    try {
      item.after = await stubborn(item, () => engine.preview(item.photo, JSON.parse(asked), item.control.signal));
      item.error = null;
    } catch ({ message }) {
      item.error = message;
    }
    item.made = asked;
  }
  item.making = false;
}

// Long work, one at a time, which may be cancelled.
async function during(text, work) {
  const control = new AbortController(), bar = $("progress");
  $("cancel").onclick = () => control.abort();
  show(($("work").hidden = false), say(text));
  try {
    await work(control.signal, (share) => (share === null ? bar.removeAttribute("value") : (bar.value = share)));
    say("Done.");
  } catch (error) {
    say(error.name === "AbortError" ? "Cancelled." : error.message);
  }
  show(($("work").hidden = true));
}

async function resultOf(item, signal, progress) {
  const made = await stubborn(item, () => engine.result(item.photo, wishes(item), signal, progress));
  store.set(item, { notes: made.notes });
  return made;
}

async function saveAll(signal, progress) {
  const made = [], ready = store.items.filter(({ photo }) => photo);
  for (const item of ready) made.push(await resultOf(item, signal, (share) => progress((made.length + (share ?? 0.9)) / ready.length)));
  save(await zipOf(made), "photographs.zip");
}

function save(blob, name) {
  const href = URL.createObjectURL(blob);
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

function savePoints() {
  const given = store.items.filter(({ points }) => points.length).map(({ file, points }) => [file.name, points]);
  save(new Blob([JSON.stringify({ version: 1, photographs: Object.fromEntries(given) }, null, 1)]), "points.json");
}

async function loadPoints(file) {
  try {
    // 1.0 is a share and 1 a pixel, which JavaScript does not tell apart.
    const read = JSON.parse((await file.text()).replace(/("(?:x|y|radius)"\s*:\s*)1\.0*(?=\s*[,}])/g, "$10.9999"));
    if (read.version !== 1) throw new Error("it is not of version 1");
    for (const [name, points] of Object.entries(read.photographs)) {
      const item = store.items.find((each) => each.photo && each.file.name === name.split("/").at(-1));
      if (!item) throw new Error(`it has points for ${name}, which is not here`);
      const { width, height } = item.photo, inPixels = (value, length) => (value % 1 ? pixel(value, length) : value);
      store.edit(item, { points: points.map((point) => ({ ...point, x: inPixels(point.x, width), y: inPixels(point.y, height),
        ...(point.radius !== undefined && { radius: inPixels(point.radius, Math.min(width, height)) }) })) });
    }
    say(`The points of ${file.name} are loaded.`);
  } catch ({ message }) {
    say(`${file.name} cannot be taken as points: ${message}`);
  }
}

// What is given before the page is ready waits for it.
async function add(given) {
  const files = [...given], isPoints = ({ name }) => /\.json$/i.test(name);
  await ready;
  files.filter(isPoints).forEach(loadPoints);
  store.add(files.filter((file) => !isPoints(file)));
}

function remove(...items) {
  items.forEach(({ id, control }) => cards.delete(id, control?.abort()));
  store.remove(...items);
}

async function showOther() {
  try {
    other = store.reference && (await engine.open(store.reference)).preview;
  } catch ({ message }) {
    [other, store.reference] = [null, say(message)];
  }
  $("second").hidden = $("forget").hidden = !other;
  if (other) second.show({ before: other });
}

// Replaces what is in a list, but not where the keyboard is.
function fill(list, parts) {
  if (list.children.length === parts.length && parts.every((part, index) => part === list.children[index])) return;
  const at = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...parts);
  if (at >= 0) (list.querySelectorAll("button")[at] ?? $("canvas")).focus();
}

function cardOf(item) {
  if (!cards.has(item.id)) {
    const parts = [make("canvas", { width: 240, height: 150 }), make("b", {}), make("i", {})];
    cards.set(item.id, make("li", {}, make("button", { className: "card", onclick: () => store.select(item) }, ...parts)));
  }
  const card = cards.get(item.id), [canvas, name, wrong] = card.firstChild.children, shown = item.after ?? (canvas.shown ? null : item.photo?.preview);
  [name.textContent, wrong.textContent] = [item.file.name, item.error ?? item.wait ?? ""];
  card.firstChild.classList.toggle("bad", Boolean(item.error && !item.photo));
  card.firstChild.ariaCurrent = item === store.current;
  if (shown && canvas.shown !== shown) {
    const scale = Math.max(240 / shown.width, 150 / shown.height), size = [shown.width * scale, shown.height * scale];
    canvas.getContext("2d").drawImage(shown, (240 - size[0]) / 2, (150 - size[1]) / 2, ...size);
    canvas.shown = shown;
  }
  return card;
}

function showPoints({ points, photo, bare }) {
  const given = points[store.point], place = given && [(given.x + 0.5) / photo.width, (given.y + 0.5) / photo.height];
  const colors = given ? likely(bare ?? picture(), ...place) : [{ name: "as made", color: null }, ...common];
  $("palette-title").textContent = given ? `Colours for point ${store.point + 1}` : "Colour of the next point";
  $("picker").value = given?.color ?? chosen ?? $("picker").value;
  $("dropper").ariaPressed = picking;
  const swatch = (background) => make("span", { className: "swatch", background });
  fill($("palette"), colors.map(({ name, color }) => make("button", { ariaPressed: color === (given ? given.color : chosen),
    onclick: () => take(color, name === "as made" ? null : color) }, swatch(color ?? ANY), name)));
  fill($("points"), points.map(({ x, y, color }, index) => make("li", {}, make("button", { ariaPressed: index === store.point,
    ariaLabel: `Point ${index + 1}, ${color} at ${x}, ${y}`, onclick: () => store.select(store.current, index) }, swatch(color), ` ${index + 1}`))));
}

function show() {
  const { current: item, items } = store, idle = $("work").hidden;
  fill($("strip"), items.map(cardOf));
  $("stage").hidden = $("tools").hidden = !item;
  if (!item) return;
  const { photo, after, points, error, wait, file } = item, { strength } = wishes(item);
  if (!points.length) item.bare = after; // what is made without points
  for (const id of ["stage", "tools"]) $(id).classList.toggle("empty", !photo);
  $("wrong").textContent = error ?? wait ?? "";
  $("wrong").hidden = !(error ?? wait);
  $("canvas").ariaLabel = `${file.name}, ${points.length} points`;
  view.show(photo && { before: photo.preview, after, width: photo.width, height: photo.height, points, point: store.point });
  [$("undo").disabled, $("redo").disabled] = [!item.past.length, !item.future.length];
  [$("strength").value, $("restore").checked] = [strength, item.restore];
  if (document.activeElement !== $("number")) $("number").value = strength;
  $("download").textContent = `Download ${photo?.writes ?? ""}`;
  [$("download").disabled, $("all").disabled] = [!idle || !photo, !idle || !items.some((each) => each.photo)];
  $("all").hidden = $("clear").hidden = items.length < 2;
  fill($("notes"), [...about.drops, ...(item.notes ?? [])].map((textContent) => make("li", { textContent })));
  if (photo && about.points) showPoints(item);
}

function strengthIs(text) {
  const strength = Math.min(Math.max(parseFloat(text), 0), STRONGEST);
  if (Number.isFinite(strength)) store.edit(store.current, { strength }, "strength");
}

function onKey(event) {
  const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
  if (event.target.type === "number") return;
  if (control && (key === "y" || (key === "z" && event.shiftKey))) store.redo();
  else if (control && key === "z") store.undo();
  else if ((key === "delete" || key === "backspace") && store.point !== null) edit(store.current.points.toSpliced(store.point, 1));
  else return;
  event.preventDefault();
}

function wire() {
  const clicked = {
    choose: () => $("files").click(), reference: () => $("other").click(), "load-points": () => $("json").click(),
    out: () => view.zoom(1 / 1.5), in: () => view.zoom(1.5), fit: () => view.zoom(0), undo: () => store.undo(), redo: () => store.redo(),
    "save-points": savePoints, dropper: () => show((picking = !picking)), forget: () => showOther(store.setReference(null)),
    reset: () => store.edit(store.current, { strength: null }), remove: () => remove(store.current),
    clear: () => confirm("Remove all photographs and points from this page?") && remove(...store.items),
    download: () => during("Making it at full size…", async (...how) => {
      const { blob, name } = await resultOf(store.current, ...how);
      save(blob, name);
    }),
    all: () => during("Making all at full size…", saveAll),
  };
  const given = { files: add, other: ([file]) => showOther(store.setReference(file)), json: ([file]) => loadPoints(file) };
  for (const id in clicked) $(id).onclick = clicked[id];
  for (const id in given) $(id).onchange = ({ target }) => given[id]([...target.files], (target.value = ""));
  $("line").value = 100 * view.line;
  $("line").oninput = ({ target }) => view.setLine(target.value / 100);
  $("picker").oninput = ({ target }) => take(target.value);
  $("strength").oninput = $("number").oninput = ({ target }) => strengthIs(target.value);
  $("restore").onchange = ({ target }) => store.edit(store.current, { restore: target.checked });
  $("number").onchange = ({ target }) => void (target.value = wishes(store.current).strength);
  document.ondragover = document.ondragleave = document.ondrop = (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") add(event.dataTransfer.files);
  };
  document.onpaste = ({ clipboardData }) => add(clipboardData.files);
  document.onkeydown = onKey;
}

function showDrawing() {
  const pen = () => ({ width: ($("brush").value * about.side) / 256, color: $("eraser").checked ? "#fff" : "#000" });
  const paper = new Paper($("paper"), about.side, pen);
  $("drawing").hidden = false;
  document.querySelector("main").classList.add("draws");
  [$("undraw").onclick, $("wipe").onclick] = [() => paper.undo(), () => paper.clear()];
  $("translate").onclick = async () => add([await paper.file()]);
}

async function start() {
  about = await engine.describe();
  const colors = about.task === "colorize", hidden = [!about.points && ".points", !colors && ".colors", !about.restores && "#restores", "#none"].filter(Boolean).join();
  document.title = $("title").textContent = colors ? "Colour photographs" : "Translate images";
  $("privacy").textContent = about.privacy;
  document.querySelectorAll(hidden).forEach((part) => (part.hidden = true));
  $("examples").append(...(about.examples ?? []).map(({ name, url }) => make("button", { onclick: async () => {
    add([new File([await (await fetch(url)).blob()], name)]);
  } }, make("img", { src: url, alt: "" }), `Try ${name}`)));
  if (about.draw) showDrawing();
  store.onchange = (edited) => {
    if (edited) refresh(edited);
    if (!store.kept) $("hint").textContent = "or drop or paste them here; this browser would lose them at a reload";
    if (store.current) refresh(store.current);
    show();
    for (const item of store.items) if (item !== store.current) item.after = item.bare = null; // it is small in the strip
    openAll();
  };
  await store.load();
  showOther();
}

wire();
const ready = start();
ready.catch(({ message }) => say(message));
