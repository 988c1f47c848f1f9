// What the page's parts do: they change the store, and show what is in it. Names and messages are text, never HTML.

import { createEngine } from "./engine.js";
import { colorAt, common, likely, pixelsOf } from "./palette.js";
import { createPaper } from "./paper.js";
import { Store } from "./state.js";
import { createView, fill, showLayers } from "./view.js";
import { zipOf } from "./zip.js";

const STRONGEST = 3;
const $ = (id) => document.getElementById(id);
const store = new Store();
let engine = null, about = null; // what colours, and what it says of itself
let chosen = null; // the colour of the next point; null for the one that was made there
let picking = false; // whether the next click takes a colour
let making = false, waiting = ""; // whether a preview is on its way, and what the engine waits for
let other = null; // the pixels of the photograph that colours are taken from

const edited = ({ edits }) => edits.steps[edits.at];
const wishes = (item) => ({ ...edited(item), strength: edited(item).strength ?? about.strength });
const inside = (share) => Math.round(1e5 * Math.min(Math.max(share, 1e-5), 0.99999)) / 1e5; // 1 would be a pixel
const say = (text) => void ($("status").textContent = text);
const make = (name, properties, ...inner) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inner);
  return made;
};

const view = createView({
  place(x, y) {
    const { points } = edited(store.current), { pixels } = store.current;
    if (!about.points || !(pixels || (chosen && !picking))) return; // before the first preview every place is grey
    if (picking) return take(colorAt(pixels, x, y));
    edit([...points, { x: inside(x), y: inside(y), color: chosen ?? colorAt(pixels, x, y) }], points.length);
    view.focus(points.length);
  },
  move(index, x, y, gesture) {
    const { points } = edited(store.current);
    edit(points.with(index, { ...points[index], x: inside(x), y: inside(y) }), index, gesture);
  },
  remove: (index) => edit(edited(store.current).points.toSpliced(index, 1)),
  choose: (index) => store.select(store.current, index),
});

function edit(points, index = null, gesture = null) {
  store.point = index;
  store.edit(store.current, { points }, gesture);
}

// Gives the chosen point a colour, and points to come; `next` is null for what is made at their places.
function take(color, next = color) {
  const { points } = edited(store.current), { point } = store;
  [chosen, picking] = [next, false];
  if (points[point]) edit(points.with(point, { ...points[point], color }), point, "colour");
  else show();
}

// Makes what is lacking, a step at a time: of the photograph that is seen first. Of changes on the way the last counts.
async function work() {
  const lacks = (item) => item && item.made !== JSON.stringify(wishes(item));
  if (making) return;
  for (let item; (item = [store.current, ...store.items].find(lacks)); show()) {
    const asked = wishes(item), text = JSON.stringify(asked);
    making = true;
    try {
      if (item.photo) await preview(item, asked);
      else item.photo = await open(item.file);
      [item.error, item.made] = [null, item.after && text];
    } catch ({ message }) {
      [item.error, item.made] = [message, text];
    }
    making = false;
  }
}

async function open(file) {
  if (file.size > about.bytes) throw new Error(`${file.name} is larger than ${Math.floor(about.bytes / 1e6)} MB`);
  const unreadable = new Error(`${file.name} cannot be read: is it a folder?`);
  await file.slice(0, 1).arrayBuffer().catch(() => Promise.reject(unreadable));
  const photo = await engine.open(file);
  return { ...photo, url: URL.createObjectURL(photo.picture) };
}

async function preview(item, asked) {
  const made = await engine.preview(item.photo, asked), tints = !about.translates && !asked.restore;
  const pixels = await (tints ? pixelsOf(item.photo.picture, made) : pixelsOf(made));
  URL.revokeObjectURL(item.after);
  Object.assign(item, { pixels, tints, after: URL.createObjectURL(made) });
  if (!asked.points.length) item.bare = pixels;
}

// Makes photographs at full size: one is given as it is, several in a zip file.
async function download(...items) {
  const made = [], control = new AbortController(), bar = $("progress");
  $("cancel").onclick = () => control.abort();
  show(($("work").hidden = false), say("Making it at full size…"), bar.removeAttribute("value"));
  try {
    for (const item of items) {
      const progress = (share) => void (bar.value = (made.length + share) / items.length);
      if (made.length) progress(0);
      made.push(await engine.result(item.photo, wishes(item), control.signal, progress));
      item.notes = made.at(-1).notes;
    }
    save(...(made.length > 1 ? [await zipOf(made), "photographs.zip"] : [made[0].blob, made[0].name]));
    say("Done.");
  } catch ({ message }) {
    say(control.signal.aborted ? "Cancelled." : message);
  }
  show(($("work").hidden = true));
}

function save(blob, name) {
  const href = URL.createObjectURL(blob);
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

function savePoints() {
  const given = store.items.filter((item) => edited(item).points.length);
  const photographs = Object.fromEntries(given.map((item) => [item.file.name, edited(item).points]));
  save(new Blob([JSON.stringify({ version: 1, photographs }, null, 1)]), "points.json");
}

async function loadPoints(file) {
  try {
    // 1.0 is a share and 1 a pixel, which JavaScript does not tell apart.
    const read = JSON.parse((await file.text()).replace(/("(?:x|y|radius)"\s*:\s*)1\.0*(?=\s*[,}])/g, "$10.99999"));
    if (read.version !== 1) throw new Error("it is not of version 1");
    for (const [name, given] of Object.entries(read.photographs)) {
      const item = store.items.find((each) => each.photo && each.file.name === name.split("/").at(-1));
      if (!item) throw new Error(`it has points for ${name}, which is not here`);
      const { width, height } = item.photo, lengths = { x: width, y: height, radius: Math.min(width, height) };
      const share = (key, value) => (key in lengths && value % 1 === 0 ? inside(value / lengths[key]) : value);
      store.edit(item, { points: given.map((point) => JSON.parse(JSON.stringify(point, share))) });
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

async function showOther(file) {
  if (file) store.setOther(file);
  other = store.other && (await pixelsOf(store.other).catch(() => say("That photograph cannot be shown here.")));
  $("second").hidden = !other;
  if (other) $("second").src = URL.createObjectURL(store.other);
}

function show() {
  const { current: item, items } = store, opened = items.filter(({ photo }) => photo), idle = $("work").hidden;
  fill($("strip"), items, newCard, showCard);
  $("stage").hidden = $("tools").hidden = !item;
  if (!item) return;
  const { points, strength, restore } = wishes(item), { edits, file, photo, notes = [] } = item;
  const wrong = waiting || item.error;
  for (const id of ["stage", "tools"]) $(id).classList.toggle("empty", !photo);
  [$("wrong").textContent, $("wrong").hidden] = [wrong, !wrong];
  $("view").ariaLabel = `${file.name}, ${points.length} points`;
  [$("undo").disabled, $("redo").disabled] = [!edits.at, edits.at === edits.steps.length - 1];
  [$("strength").value, $("restore").checked] = [strength, restore];
  if (document.activeElement !== $("number")) $("number").value = strength;
  [$("download").disabled, $("all").disabled] = [!idle || !photo, !idle || !opened.length];
  $("all").hidden = $("clear").hidden = items.length < 2;
  fill($("notes"), notes, () => make("li"), (note, text) => (note.textContent = text));
  if (photo) view.show({ ...item, points }, store.point);
  if (photo && about.points) showPalette(points[store.point], item.bare ?? item.pixels);
}

function newCard() {
  const layers = make("span", { className: "layers" }, make("img", { alt: "" }), make("img", { alt: "" }));
  return make("li", {}, make("button", { className: "card" }, layers, make("b"), make("i")));
}

function showCard({ firstChild: card }, item) {
  const [layers, name, wrong] = card.children, { photo, file, error } = item;
  [name.textContent, wrong.textContent, card.ariaCurrent] = [file.name, error ?? "", item === store.current];
  card.classList.toggle("bad", Boolean(error && !photo));
  card.onclick = () => store.select(item);
  showLayers(layers, item);
}

function showPalette(point, pixels) {
  const colors = point && pixels ? likely(pixels, point.x, point.y) : [{ name: "as made", color: null }, ...common];
  $("palette-title").textContent = point ? `Colours for point ${store.point + 1}` : "Colour of the next point";
  $("picker").value = point?.color ?? chosen ?? $("picker").value;
  $("dropper").ariaPressed = picking;
  const create = () => make("button", {}, make("span", { className: "swatch" }), "");
  fill($("palette"), colors, create, (button, { name, color }) => {
    button.firstChild.style.background = color ?? "";
    button.lastChild.textContent = name;
    button.ariaPressed = color === (point ? point.color : chosen);
    button.onclick = () => take(color, name === "as made" ? null : color);
  });
}

function strengthIs(text) {
  const strength = Math.min(Math.max(parseFloat(text), 0), STRONGEST);
  if (Number.isFinite(strength)) store.edit(store.current, { strength }, "strength");
}

function onKey(event) {
  const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey, { current, point } = store;
  if (event.target.type === "number") return;
  if (control && (key === "y" || (key === "z" && event.shiftKey))) store.go(1);
  else if (control && key === "z") store.go(-1);
  else if (key === "escape" && current) view.focus(store.select(current));
  else if (["delete", "backspace"].includes(key) && point !== null) edit(edited(current).points.toSpliced(point, 1));
  else return;
  event.preventDefault();
}

function wire() {
  const clicked = {
    out: () => view.zoom(1 / 1.5), in: () => view.zoom(1.5), fit: () => view.zoom(0), undo: () => store.go(-1),
    redo: () => store.go(1), "save-points": savePoints, dropper: () => show((picking = !picking)),
    second: ({ target, offsetX, offsetY, detail }) => // of a key, in the middle
      take(colorAt(other, ...(detail ? [offsetX / target.clientWidth, offsetY / target.clientHeight] : [0.5, 0.5]))),
    reset: () => store.edit(store.current, { strength: null }), remove: () => store.remove(store.current),
    clear: () => confirm("Remove all photographs and points from this page?") && store.remove(...store.items),
    download: () => download(store.current), all: () => download(...store.items.filter(({ photo }) => photo)),
  };
  const given = { files: add, other: ([file]) => showOther(file), json: ([file]) => loadPoints(file) };
  for (const id in clicked) $(id).onclick = clicked[id];
  for (const id in given) $(id).onchange = ({ target }) => given[id]([...target.files], (target.value = ""));
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
  const paper = createPaper($("paper"), about.paper, () => (
    { lineWidth: ($("brush").value * about.paper) / 256, strokeStyle: $("eraser").checked ? "#fff" : "#000" }));
  $("drawing").hidden = false;
  document.body.classList.add("draws");
  [$("undraw").onclick, $("wipe").onclick] = [paper.undo, paper.clear];
  $("translate").onclick = async () => add([await paper.file()]);
}

async function start() {
  engine = await createEngine((text) => (waiting === text ? null : show((waiting = text))));
  ({ about } = engine);
  const hidden = { ".points": !about.points, ".colors": about.translates, "#restores": !about.restores };
  for (const parts in hidden) document.querySelectorAll(parts).forEach((part) => (part.hidden = hidden[parts]));
  document.title = $("title").textContent = about.translates ? "Translate images" : "Colour photographs";
  if (about.privacy) $("privacy").textContent = about.privacy;
  $("examples").append(...about.examples.map(({ name, url }) => make("button", { onclick: async () => {
    add([new File([await (await fetch(url)).blob()], name)]);
  } }, make("img", { src: url, alt: "" }), `Try ${name}`)));
  if (about.paper) showDrawing();
  store.onchange = () => {
    if (!store.kept) $("hint").textContent = "or drop or paste them here; this browser would lose them at a reload";
    show();
    work();
  };
  await store.load();
  showOther();
}

wire();
const ready = start();
ready.catch(({ message }) => say(message));
