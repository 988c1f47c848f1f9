// A picture on a canvas: zoom, pan, pinch, points of colour, and the line between before and after.

const NEAR = { touch: 22 }, NEAR_MOUSE = 12, HANDLE = 18, STILL = 4, RADIUS = 8; // px
const MOST = 24; // times the size at which all of it is seen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const within = (value, low, high) => Math.min(Math.max(value, low), high);
const apart = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

export class View {
  line = 0.4; // share of the visible picture that is shown as before
  #shown = null; // {before, after, width, height, points, point: the chosen one's index}
  #middle = [0.5, 0.5]; // the place of the picture that is at the canvas's middle, as shares
  #zoom = 1;
  #pointers = new Map(); // where they are, by their ids
  #gesture = null;
  #cursor = null; // of the keyboard, as shares

  // `on`: place(x, y), move(index, x, y, gesture), remove(index), choose(index or null), line(share); x and y are shares.
  constructor(canvas, on) {
    [this.canvas, this.on] = [canvas, on];
    new ResizeObserver(() => this.draw()).observe(canvas);
    const handlers = { pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up,
      wheel: this.#wheel, keydown: this.#key, contextmenu: this.#menu, blur: () => this.draw((this.#cursor = null)) };
    for (const name in handlers) canvas.addEventListener(name, handlers[name].bind(this), { passive: false });
  }

  show(shown) {
    if (shown?.before !== this.#shown?.before) [this.#zoom, this.#middle, this.#cursor] = [1, [0.5, 0.5], null];
    this.#shown = shown;
    this.draw();
  }

  zoom(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    if (!this.#shown) return;
    const place = this.#sharesOf(at);
    this.#zoom = within(this.#zoom * factor, 1, MOST);
    const moved = this.#sharesOf(at);
    this.#middle = this.#middle.map((share, axis) => share + place[axis] - moved[axis]);
    this.draw();
  }

  setLine(share) { this.draw((this.line = within(share, 0, 1))); }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#paint());
  }

  // Left, top, width and height of the picture on the canvas, px; it leaves no room at a side where it is larger.
  #box() {
    const room = [this.canvas.clientWidth, this.canvas.clientHeight], { before } = this.#shown;
    const scale = this.#zoom * Math.min(room[0] / before.width, room[1] / before.height);
    const size = [before.width * scale, before.height * scale];
    this.#middle = this.#middle.map((share, axis) => {
      const margin = Math.min(0.5, room[axis] / size[axis] / 2);
      return within(share, margin, 1 - margin);
    });
    return [...size.map((side, axis) => room[axis] / 2 - this.#middle[axis] * side), ...size];
  }

  #sharesOf([x, y]) {
    const [left, top, width, height] = this.#box();
    return [(x - left) / width, (y - top) / height];
  }

  #places() {
    const [left, top, width, height] = this.#box(), { points = [], width: columns, height: rows } = this.#shown;
    return points.map(({ x, y }) => [left + (width * (x + 0.5)) / columns, top + (height * (y + 0.5)) / rows]);
  }

  // The middle of the line's handle, and from where to where it goes.
  #handle() {
    const [left, top, width, height] = this.#box(), { clientWidth, clientHeight } = this.canvas;
    const [from, to] = [Math.max(left, 0), Math.min(left + width, clientWidth)];
    return [from + this.line * (to - from), Math.min(top + height, clientHeight) - HANDLE - 10, from, to];
  }

  #paint() {
    const { canvas } = this, context = canvas.getContext("2d"), { clientWidth, clientHeight } = canvas;
    [canvas.width, canvas.height] = [clientWidth, clientHeight].map((side) => Math.round(side * devicePixelRatio));
    if (!this.#shown || !clientWidth) return;
    context.scale(devicePixelRatio, devicePixelRatio);
    const { before, after, point, points } = this.#shown, box = this.#box();
    const disc = (x, y, radius, color) => {
      context.fillStyle = "#808080"; // where the color is one that canvases do not know
      context.fillStyle = color;
      context.fill(new Path2D(`M${x - radius} ${y}a${radius} ${radius} 0 1 1 0 .01z`));
    };
    context.drawImage(after ?? before, ...box);
    if (after) {
      const [x, y] = this.#handle(), split = new Path2D();
      split.rect(0, 0, x, clientHeight);
      context.save();
      context.clip(split);
      context.drawImage(before, ...box);
      context.restore();
      [context.shadowColor, context.shadowBlur, context.fillStyle] = ["#000c", 4, "#fff"];
      context.fillRect(x - 1, Math.max(box[1], 0), 2, Math.min(box[3], clientHeight));
      disc(x, y, HANDLE, "#fff");
      [context.shadowBlur, context.fillStyle, context.font] = [0, "#222", "13px system-ui, sans-serif"];
      [context.textAlign, context.textBaseline] = ["center", "middle"];
      context.fillText("◂  ▸", x, y);
    }
    this.#places().forEach(([x, y], index) => {
      const rim = index === point ? 5 : 2;
      [[rim + 1.5, "#111"], [rim, "#fff"], [0, points[index].color]].forEach(([more, color]) => disc(x, y, RADIUS + more, color));
    });
    if (this.#cursor) {
      const [x, y] = this.#cursor.map((share, axis) => box[axis] + share * box[axis + 2]);
      for (const [color, thick] of [["#000", 5], ["#fff", 2]]) {
        [context.strokeStyle, context.lineWidth] = [color, thick];
        context.stroke(new Path2D(`M${x - 14} ${y}h28M${x} ${y - 14}v28`));
      }
    }
  }

  #found({ offsetX, offsetY, pointerType }) {
    const away = this.#places().map((place) => apart(place, [offsetX, offsetY])), nearest = Math.min(...away);
    return nearest <= (NEAR[pointerType] ?? NEAR_MOUSE) ? away.indexOf(nearest) : null;
  }

  #down(event) {
    if (!this.#shown || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = [event.offsetX, event.offsetY], index = this.#found(event);
    this.#cursor = null;
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size > 1) this.#gesture = { kind: "pinch" };
    else if (index !== null) this.#gesture = { kind: "point", index, at };
    else if (this.#shown.after && apart(at, this.#handle()) <= HANDLE + 4) this.#gesture = { kind: "line" };
    else this.#gesture = { kind: "pan", at };
    if (index !== null) this.on.choose(index);
  }

  #move(event) {
    const old = this.#pointers.get(event.pointerId), at = [event.offsetX, event.offsetY], gesture = this.#gesture;
    if (!old) return;
    this.#pointers.set(event.pointerId, at);
    gesture.moved ||= !gesture.at || apart(at, gesture.at) > STILL;
    if (!gesture.moved) return;
    if (gesture.kind === "point") this.on.move(gesture.index, ...this.#sharesOf(at), gesture);
    else if (gesture.kind === "line") {
      const [, , from, to] = this.#handle();
      this.setLine((at[0] - from) / (to - from));
      this.on.line(this.line);
    } else {
      const [, , ...size] = this.#box(), [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      this.#middle = this.#middle.map((share, axis) => share - (at[axis] - old[axis]) / size[axis] / (other ? 2 : 1));
      this.zoom(other ? apart(at, other) / Math.max(apart(old, other), 1) : 1, other && at.map((value, axis) => (value + other[axis]) / 2));
    }
  }

  #up(event) {
    const { kind, moved, at } = this.#gesture ?? {};
    if (!this.#pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && kind === "pan" && !moved) this.#place(this.#sharesOf(at));
    this.#gesture = this.#pointers.size ? { kind: "pan", moved: true } : null;
  }

  #place(shares) {
    if (shares.every((share) => share >= 0 && share < 1)) this.on.place(...shares);
    else this.on.choose(null);
  }

  #wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), [event.offsetX, event.offsetY]);
  }

  #menu(event) {
    event.preventDefault(); // of a long press, too
    const index = this.#shown && this.#found(event);
    if (index !== null) this.on.remove(index);
  }

  // Arrows move the chosen point, or a cross where Enter sets one.
  #key(event) {
    if (!this.#shown || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event, { point, points, width, height } = this.#shown, given = points?.[point], arrow = ARROWS[key];
    const step = (event.shiftKey ? 0.1 : 0.01) / Math.sqrt(this.#zoom), from = this.#cursor ?? this.#middle;
    if (arrow && given) {
      const by = Math.max(step / 2, 1 / Math.min(width, height));
      this.on.move(point, (given.x + 0.5) / width + by * arrow[0], (given.y + 0.5) / height + by * arrow[1], "keys");
    } else if (arrow) this.#cursor = from.map((share, axis) => within(share + step * arrow[axis], 0, 0.9999));
    else if (key === "Enter" || key === " ") this.#place(from);
    else if (key === "Escape") this.on.choose(null);
    else if ("+=-0".includes(key)) this.zoom({ "-": 1 / 1.5, 0: 0 }[key] ?? 1.5);
    else return;
    event.preventDefault();
    this.draw();
  }
}
