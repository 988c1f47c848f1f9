// The one place of state: what was given, and how it was edited, step by step. IndexedDB keeps it over a reload.

const STEPS = 200; // that can be undone, of each photograph
const FIRST = { points: [], strength: null, restore: false }; // null is the engine's own strength
const OTHER = 0; // the id of the photograph that colours are taken from

const settled = (request) => new Promise((resolve, reject) => {
  [request.onsuccess, request.onerror] = [() => resolve(request.result), () => reject(request.error)];
});

export class Store {
  items = []; // {id, file, edits: {steps: of such as FIRST, at: the index of what counts}, and what the page finds out}
  current = null; // of the items
  point = null; // the index of the chosen one of the current item's
  other = null; // a file to take colours from
  kept = true; // whether the browser keeps all that
  onchange = () => {};
  #database = null;
  #gesture = null;

  async load() {
    try {
      const request = indexedDB.open(`pix2pix page ${new URL(".", location.href).pathname}`);
      request.onupgradeneeded = () => request.result.createObjectStore("kept"); // by [id, "file" or "edits"]
      this.#database = await settled(request);
      const kept = this.#database.transaction("kept").objectStore("kept"), found = new Map();
      const [keys, values] = await Promise.all([kept.getAllKeys(), kept.getAll()].map(settled));
      keys.forEach(([id, name], index) => found.set(id, { ...found.get(id), id, [name]: values[index] }));
      this.other = found.get(OTHER)?.file;
      this.items = [...found.values()].filter(({ file, edits }) => file && edits);
    } catch {
      this.kept = false;
    }
    this.select(this.items[0] ?? null);
  }

  add(files) {
    const added = files.map((file, index) => {
      const item = { id: Date.now() + (index + Math.random()) / 1e4, file, edits: { steps: [FIRST], at: 0 } };
      return this.#write(item.id, "file", file), this.#write(item.id, "edits", item.edits), item;
    });
    this.items.push(...added);
    if (added.length) this.select(added[0]);
  }

  remove(...items) {
    const index = this.items.indexOf(this.current);
    this.items = this.items.filter((item) => !items.includes(item));
    for (const { id } of items) ["file", "edits"].forEach((name) => this.#write(id, name));
    this.select(items.includes(this.current) ? (this.items[index] ?? this.items.at(-1) ?? null) : this.current);
  }

  select(item, point = null) {
    [this.current, this.point, this.#gesture] = [item, point, null];
    this.onchange();
  }

  setOther(file) {
    this.other = file;
    this.#write(OTHER, "file", file);
  }

  // Changes points, strength or restoring. The steps of one gesture, such as a drag, are undone as one.
  edit(item, change, gesture = null) {
    const { steps, at } = item.edits, same = gesture !== null && gesture === this.#gesture;
    const next = [...steps.slice(0, same ? at : at + 1), { ...steps[at], ...change }].slice(-STEPS);
    this.#gesture = gesture;
    this.#edited(item, { steps: next, at: next.length - 1 });
  }

  // Undoes a step (-1), or redoes it (1).
  go(by) {
    const { steps, at } = this.current?.edits ?? { steps: [] };
    this.#gesture = null;
    if (steps[at + by]) this.#edited(this.current, { steps, at: at + by });
  }

  #edited(item, edits) {
    item.edits = edits;
    if (item === this.current && this.point >= edits.steps[edits.at].points.length) this.point = null;
    this.#write(item.id, "edits", edits);
    this.onchange();
  }

  async #write(id, name, value) {
    try {
      const kept = this.#database.transaction("kept", "readwrite").objectStore("kept");
      await settled(value ? kept.put(value, [id, name]) : kept.delete([id, name]));
    } catch {
      if (this.kept) this.onchange((this.kept = false)); // there is no room, or no database
    }
  }
}
