// The one place of state: what was given, its points and strengths, undo and redo. IndexedDB keeps it over a reload.

const STEPS = 200; // of undo, of each photograph
const FILES = "files", EDITS = "edits"; // apart, so that a point does not write the photograph once more

const settled = (request) => new Promise((resolve, reject) => {
  [request.onsuccess, request.onerror] = [() => resolve(request.result), () => reject(request.error)];
});
const editable = ({ points, strength, restore }) => ({ points, strength, restore });

export class Store {
  items = []; // {id, at, file, points, strength: null for the engine's, past, future, and what the page finds out}
  current = null; // of the items
  point = null; // the index of the chosen one of the current item's
  reference = null; // a file to take colours from
  kept = true; // whether the browser keeps all that
  onchange = () => {}; // is told the item whose points or strength have changed, if any
  #database = null;
  #gesture = null;

  async load() {
    try {
      const request = indexedDB.open(`pix2pix ${new URL(".", location.href).pathname}`, 1);
      request.onupgradeneeded = () => [FILES, EDITS].forEach((name) => request.result.createObjectStore(name));
      this.#database = await settled(request);
      const [files, edits] = [FILES, EDITS].map((name) => this.#database.transaction(name).objectStore(name));
      const [ids, all, edited] = await Promise.all([files.getAllKeys(), files.getAll(), edits.getAll()].map(settled));
      const found = new Map(ids.map((id, index) => [id, all[index]]));
      this.reference = found.get("reference") ?? null;
      this.items = edited.filter(({ id }) => found.has(id)).map((edit) => ({ ...edit, file: found.get(edit.id) }));
      this.items.sort((a, b) => a.at - b.at);
    } catch {
      this.kept = false;
    }
    this.select(this.items[0] ?? null);
  }

  add(files) {
    const added = files.map((file, index) => {
      const at = Date.now() + index / 1000;
      return { id: `${at} ${Math.random()}`, at, file, points: [], strength: null, restore: false, past: [], future: [] };
    });
    this.items.push(...added);
    for (const item of added) this.#keep(item, this.#write(FILES, item.id, item.file));
    if (added.length) this.select(added[0]);
  }

  remove(...items) {
    const index = this.items.indexOf(this.current);
    this.items = this.items.filter((item) => !items.includes(item));
    for (const { id } of items) [FILES, EDITS].forEach((name) => this.#write(name, id));
    this.select(items.includes(this.current) ? (this.items[index] ?? this.items.at(-1) ?? null) : this.current);
  }

  select(item, point = null) {
    [this.current, this.point, this.#gesture] = [item, point, null];
    this.onchange();
  }

  // What the page finds out of an item, which is not kept.
  set(item, found) { this.onchange(void Object.assign(item, found)); }

  setReference(file) { this.onchange(void this.#write(FILES, "reference", (this.reference = file))); }

  // Changes points or strength. The steps of one gesture, such as a drag, are undone as one.
  edit(item, change, gesture = null) {
    if (gesture === null || gesture !== this.#gesture) item.past = [...item.past, editable(item)].slice(-STEPS);
    this.#gesture = gesture;
    this.#changed(Object.assign(item, change, { future: [] }));
  }

  undo() { this.#step("past", "future"); }
  redo() { this.#step("future", "past"); }

  #step(from, to) {
    const item = this.current, steps = item?.[from] ?? [];
    if (!steps.length) return;
    this.#gesture = null;
    this.#changed(Object.assign(item, { [to]: [...item[to], editable(item)], [from]: steps.slice(0, -1) }, steps.at(-1)));
  }

  #changed(item) {
    if (item === this.current && this.point >= item.points.length) this.point = null;
    this.onchange(item, this.#keep(item));
  }

  #keep({ id, at, points, strength, restore, past, future }) {
    this.#write(EDITS, id, { id, at, points, strength, restore, past, future });
  }

  async #write(name, key, value) {
    try {
      const place = this.#database.transaction(name, "readwrite").objectStore(name);
      await settled(value ? place.put(value, key) : place.delete(key));
    } catch {
      if (this.kept) this.set(this, { kept: false }); // there is no room, or no database
    }
  }
}
