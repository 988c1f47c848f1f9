// What the page's parts do: they change the store, and show what is in it. Names and messages are text, never HTML.

import { createEngine } from "./engine.js";
import { colorAt, fixed, likely } from "./palette.js";
import { Paper } from "./paper.js";
import { Store } from "./state.js";
import { View } from "./view.js";
import { zipOf } from "./zip.js";

const AT_ONCE = 2; // files that are opened at a time
const $ = (id) => document.getElementById(id);
const store = new Store(), engine = createEngine(), cards = new Map();
let about = null; // what the engine says of itself
let chosen = null; // the colour of the next point; null for the one that was made there
let picking = false; // whether the next click takes a colour
let opening = 0;
let second = null; // the other photograph

const wishes = (item) => ({ points: item.points, strength: item.strength ?? about.strength });
const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const element = (name, properties, ...inner) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inner);
  return made;
};
const say = (text) => ($("status").textContent = text);
const picture = () => store.current?.after ?? store.current?.photo?.preview;
const asShares = (item, { x, y }) => [(x + 0.5) / item.photo.width, (y + 0.5) / item.photo.height];

const view = new View($("canvas"), {
  place(x, y) {
    if (!about.points) return;
    if (picking) take(colorAt(picture(), x, y));
    else edit([...store.current.points, { ...inPixels(x, y), color: chosen ?? colorAt(picture(), x, y) }], null, -1);
  },
  move(index, x, y, gesture) {
    edit(store.current.points.map((point, each) => (each === index ? { ...point, ...inPixels(x, y) } : point)), gesture, index);
  },
  remove: removePoint,
  choose: (index) => store.select(store.current, index),
  line: (share) => ($("line").value = 100 * share),
});
const reference = new View($("second"), { place: (x, y) => take(colorAt(second, x, y)), choose() {}, line() {} });

function inPixels(x, y) {
  const { width, height } = store.current.photo;
  const within = (share, length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1);
  return { x: within(x, width), y: within(y, height) };
}

function edit(points, gesture, index) {
  store.current.error = null;
  store.point = index === -1 ? points.length - 1 : index;
  store.edit(store.current, { points }, gesture);
}

function removePoint(index = store.point) {
  if (index !== null) edit(store.current.points.filter((_, each) => each !== index), null, null);
}

// Gives the chosen point a colour, or the next one.
function take(color) {
  [chosen, picking] = [color, false];
  const { current, point } = store;
  if (current && point !== null) edit(current.points.map((each, index) => (index === point ? { ...each, color } : each)), null, point);
  else show();
}

// Again and again, while the engine says that this may help.
async function stubborn(item, work) {
  for (let pause = 1; ; pause = Math.min(2 * pause, 8)) {
    try {
      const made = await work();
      if (item.wait) store.set(item, { wait: null });
      return made;
    } catch (error) {
      if (!error.again) throw error;
      store.set(item, { wait: error.message });
      await wait(pause);
    }
  }
}

async function open(item) {
  item.control = new AbortController();
  const { signal } = item.control, most = about.limits.bytes;
  try {
    if (item.file.size > most) throw new Error(`is larger than ${Math.floor(most / 1e6)} MB, which is the most here`);
    store.set(item, { photo: await stubborn(item, () => engine.open(item.file, signal)) });
    await refresh(item);
  } catch (error) {
    store.set(item, { error: error.message });
  }
}

function openAll() {
  for (const item of store.items.filter(({ control }) => !control).slice(0, AT_ONCE - opening)) {
    opening += 1;
    open(item).finally(() => openAll((opening -= 1)));
  }
}

// Makes the preview that is wanted now, one at a time: of changes on the way, the last counts.
async function refresh(item) {
  if (item.making || !item.photo) return;
  item.making = true;
  while (item.made !== JSON.stringify(wishes(item)) && store.items.includes(item)) {
    const asked = wishes(item);
    try {
      const after = await stubborn(item, () => engine.preview(item.photo, asked, item.control.signal));
      Object.assign(item, { after, error: null });
    } catch (error) {
      item.error = error.message;
    }
    item.made = JSON.stringify(asked);
    store.onchange();
  }
  item.making = false;
}

// Long work, of which one is done at a time.
async function during(text, work) {
  const control = new AbortController();
  $("cancel").onclick = () => control.abort();
  $("work").hidden = false;
  show(say(text));
  try {
    await work(control.signal, (share) => (share === null ? $("progress").removeAttribute("value") : ($("progress").value = share)));
    say("Done.");
  } catch (error) {
    say(error.name === "AbortError" ? "Cancelled." : error.message);
  }
  $("work").hidden = true;
  show();
}

async function resultOf(item, signal, progress) {
  const made = await stubborn(item, () => engine.result(item.photo, wishes(item), signal, progress)).catch((error) => {
    throw error.name === "AbortError" ? error : Object.assign(error, { message: `${item.file.name}: ${error.message}` });
  });
  store.set(item, { notes: made.notes });
  return made;
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function savePoints() {
  const photographs = Object.fromEntries(store.items.filter(({ points }) => points.length).map(({ file, points }) => [file.name, points]));
  save(new Blob([JSON.stringify({ version: 1, photographs }, null, 1)], { type: "application/json" }), "points.json");
}

async function loadPoints(file) {
  try {
    // 1.0 is a share, and 1 a pixel, which JavaScript does not tell apart.
    const read = JSON.parse((await file.text()).replace(/("(?:x|y|radius)"\s*:\s*)1\.0*(?=\s*[,}])/g, "$10.9999"));
    if (read.version !== 1) throw new Error("it is not of version 1");
    const share = (value, length) => (Number.isInteger(value) || value > 1 ? value : Math.floor(value * length));
    for (const [name, points] of Object.entries(read.photographs)) {
      const item = store.items.find((each) => each.file.name === name.split("/").at(-1) && each.photo);
      if (!item) throw new Error(`it has points for ${name}, which is not among the photographs`);
      const { width, height } = item.photo;
      store.edit(item, { points: points.map((point) => ({ ...point, x: share(point.x, width), y: share(point.y, height),
        ...(point.radius !== undefined && { radius: share(point.radius, Math.min(width, height)) }) })) });
    }
    say(`Points of ${file.name} loaded.`);
  } catch (error) {
    say(`${file.name} is no file of points: ${error.message}`);
  }
}

function add(files) {
  const [points, others] = [true, false].map((json) => [...files].filter(({ name }) => /\.json$/i.test(name) === json));
  points.forEach(loadPoints);
  store.add(others);
}

async function addExample({ name, url }) {
  const blob = await (await fetch(url)).blob();
  add([new File([blob], name, { type: blob.type })]);
}

async function showSecond() {
  try {
    second = store.reference && (await engine.open(store.reference)).preview;
  } catch (error) {
    say(`${store.reference.name} ${error.message}`);
    store.setReference(null);
  }
  $("second").hidden = $("forget").hidden = !second;
  if (second) reference.show({ before: second, width: second.width, height: second.height });
}

function cardOf(item) {
  if (!cards.has(item.id)) {
    const button = element("button", { className: "card", onclick: () => store.select(item) },
      element("canvas", { width: 240, height: 150 }), element("b"), element("i"));
    cards.set(item.id, element("li", {}, button));
  }
  const card = cards.get(item.id), button = card.firstChild, [canvas, name, wrong] = button.children;
  name.textContent = item.file.name;
  wrong.textContent = item.error ?? item.wait ?? "";
  button.classList.toggle("bad", Boolean(item.error && !item.photo));
  button.setAttribute("aria-current", String(item === store.current));
  const shown = item.after ?? item.photo?.preview;
  if (shown && canvas.shown !== shown) {
    const scale = Math.max(240 / shown.width, 150 / shown.height), [width, height] = [shown.width * scale, shown.height * scale];
    canvas.getContext("2d").drawImage(shown, (240 - width) / 2, (150 - height) / 2, width, height);
    canvas.shown = shown;
  }
  return card;
}

function swatch(color) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.style.background = color;
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

function showPalette() {
  const { current: item, point } = store, given = item?.points[point];
  $("palette-title").textContent = given ? "Colours that are likely there" : "Colour of the next point";
  const base = item?.first ?? picture(); // what was made there before there were points
  const colors = given && base ? likely(base, ...asShares(item, given)) : [{ name: "as made", color: null }, ...fixed];
  $("palette").replaceChildren(...colors.map(({ name, color }) => {
    const made = element("button", { onclick: () => take(color) }, swatch(color ?? "transparent"), name);
    made.setAttribute("aria-pressed", String((given ? given.color : chosen) === color));
    return made;
  }));
  if (given?.color ?? chosen) $("picker").value = given?.color ?? chosen;
}

function showPoints() {
  $("points").replaceChildren(...store.current.points.map(({ x, y, color }, index) => {
    const button = element("button", { onclick: () => store.select(store.current, index) }, swatch(color), `${index + 1}`);
    button.setAttribute("aria-label", `Point ${index + 1}, ${color} at ${x}, ${y}`);
    button.setAttribute("aria-pressed", String(index === store.point));
    const remove = element("button", { textContent: "×", onclick: () => removePoint(index) });
    remove.setAttribute("aria-label", `Remove point ${index + 1}`);
    return element("li", {}, button, ...(index === store.point ? [remove] : []));
  }));
}

function show() {
  const { current: item, items } = store, idle = $("work").hidden, focused = document.activeElement?.ariaLabel;
  $("strip").replaceChildren(...items.map(cardOf));
  $("stage").hidden = $("tools").hidden = !item;
  if (!item) return view.show(null);
  const { photo, points, past, future } = item;
  if (item.after && !points.length) item.first = item.after;
  $("wrong").textContent = item.error ? `${item.file.name} ${item.error}` : (item.wait ?? "");
  $("wrong").hidden = !$("wrong").textContent;
  $("canvas").setAttribute("aria-label", `${item.file.name}, ${points.length} points`);
  view.show(photo && { before: photo.preview, after: item.after, width: photo.width, height: photo.height, points, point: store.point });
  [$("undo").disabled, $("redo").disabled] = [!past.length, !future.length];
  if (document.activeElement !== $("number")) $("number").value = wishes(item).strength;
  $("strength").value = wishes(item).strength;
  $("download").textContent = photo ? `Download ${photo.writes ?? photo.name}` : "Download";
  $("download").disabled = $("all").disabled = !idle || !photo;
  $("all").disabled = !idle || !items.some((each) => each.photo);
  $("all").hidden = $("clear").hidden = items.length < 2;
  $("notes").replaceChildren(...[...about.drops, ...(item.notes ?? [])].map((note) => element("li", { textContent: note })));
  $("dropper").setAttribute("aria-pressed", String(picking));
  showPalette();
  showPoints();
  if (focused) [...document.querySelectorAll("#points button")].find(({ ariaLabel }) => ariaLabel === focused)?.focus();
}

function strengthIs(text) {
  const value = Math.min(Math.max(parseFloat(text), 0), 3);
  if (Number.isFinite(value)) store.edit(store.current, { strength: value }, "strength");
  show();
}

function wire() {
  const click = {
    choose: () => $("files").click(), reference: () => $("other").click(), "load-points": () => $("json").click(),
    out: () => view.zoom(1 / 1.5), in: () => view.zoom(1.5), fit: () => view.fit(),
    undo: () => store.undo(), redo: () => store.redo(), "save-points": savePoints,
    dropper: () => show((picking = !picking)), forget: () => showSecond(store.setReference(null)),
    reset: () => store.edit(store.current, { strength: null }), remove: () => removeItems(store.current),
    clear: () => confirm("Remove all photographs and points from this page?") && removeItems(...store.items),
    download: () => during("Making it at full size…", async (signal, progress) => {
      const { blob, name } = await resultOf(store.current, signal, progress);
      save(blob, name);
    }),
    all: () => during("Making all at full size…", async (signal, progress) => {
      const made = [], ready = store.items.filter(({ photo }) => photo);
      for (const item of ready) made.push(await resultOf(item, signal, (share) => progress((made.length + (share ?? 0.9)) / ready.length)));
      save(await zipOf(made), "photographs.zip");
    }),
  };
  for (const id in click) $(id).onclick = click[id];
  const chosenFiles = { files: add, other: ([file]) => showSecond(store.setReference(file)), json: ([file]) => loadPoints(file) };
  for (const id in chosenFiles) $(id).onchange = ({ target }) => target.files.length && chosenFiles[id]([...target.files], (target.value = ""));
  $("line").oninput = ({ target }) => view.setLine(target.value / 100);
  $("line").value = 100 * view.line;
  $("picker").oninput = ({ target }) => take(target.value);
  $("strength").oninput = $("number").oninput = ({ target }) => strengthIs(target.value);
  $("number").onchange = ({ target }) => (target.value = wishes(store.current).strength);
  document.ondragover = (event) => document.body.classList.add("over", event.preventDefault());
  document.ondragleave = ({ relatedTarget }) => relatedTarget ?? document.body.classList.remove("over");
  document.ondrop = (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    add(event.dataTransfer.files);
  };
  document.onpaste = ({ clipboardData }) => add(clipboardData.files);
  document.onkeydown = (event) => {
    if (event.target.type === "number") return;
    const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
    if (control && (key === "y" || (key === "z" && event.shiftKey))) store.redo();
    else if (control && key === "z") store.undo();
    else if ((key === "delete" || key === "backspace") && store.point !== null) removePoint();
    else return;
    event.preventDefault();
  };
}

function removeItems(...items) {
  items.forEach(({ id, control }) => cards.delete(id, control?.abort()));
  store.remove(...items);
}

async function start() {
  wire();
  about = await stubborn(store, engine.describe);
  const colors = about.task === "colorize";
  document.title = $("title").textContent = colors ? "Colour photographs" : "Translate images";
  $("privacy").textContent = about.privacy;
  document.querySelectorAll(".colorize").forEach((part) => (part.hidden = !colors || (part.matches(".points") && !about.points)));
  for (const example of about.examples ?? []) {
    $("examples").append(element("button", { onclick: () => addExample(example) }, element("img", { src: example.url, alt: "" }), `Try ${example.name}`));
  }
  if (about.draw) {
    const pen = () => ({ width: $("brush").value * about.side / 256, color: $("eraser").checked ? "#fff" : "#000" });
    const paper = new Paper($("paper"), about.side, pen);
    $("drawing").hidden = false;
    [$("undraw").onclick, $("wipe").onclick] = [() => paper.undo(), () => paper.clear()];
    $("translate").onclick = async () => add([await paper.file()]);
  }
  store.onchange = (edited) => {
    if (edited) refresh(edited);
    if (!store.kept) $("hint").textContent = "or drop or paste them here. This browser keeps nothing over a reload.";
    openAll();
    show();
  };
  await store.load();
  showSecond();
}

start();
