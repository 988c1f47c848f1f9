// A photograph on a canvas: zoom, pan, pinch, points of colour, and the line between before and after.

const NEAR = { mouse: 11, pen: 14, touch: 22 }, HANDLE = 18, STILL = 4; // px
const MOST = 24; // times the size at which all of it is seen
const RADIUS = 8; // px, of a point as drawn

export class View {
  line = 0.4; // share of the visible picture that is shown as before
  #shown = null; // {before, after, width, height, points, point: the chosen one's index}
  #middle = [0.5, 0.5]; // of the picture, at the canvas's middle
  #zoom = 1;
  #pointers = new Map();
  #gesture = null;
  #cursor = null; // of the keyboard: [x, y] as shares
  #waiting = false;

  // `on`: place(x, y), move(index, x, y, gesture), remove(index), choose(index or null), moved line(share);
  // x and y are shares of the picture's width and height.
  constructor(canvas, on) {
    [this.canvas, this.on] = [canvas, on];
    new ResizeObserver(() => this.draw()).observe(canvas);
    const handlers = { pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up,
      wheel: this.#wheel, keydown: this.#key, contextmenu: this.#menu, blur: this.#leave };
    for (const name in handlers) canvas.addEventListener(name, handlers[name].bind(this), { passive: false });
  }

  show(shown) {
    if (shown?.before !== this.#shown?.before) [this.#zoom, this.#middle, this.#cursor] = [1, [0.5, 0.5], null];
    this.#shown = shown;
    this.draw();
  }

  draw() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#paint();
    });
  }

  zoom(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const [x, y] = this.#toShares(...at);
    this.#zoom = Math.min(Math.max(this.#zoom * factor, 1), MOST);
    const { left, top, width, height } = this.#box();
    this.#middle[0] += x - (at[0] - left) / width;
    this.#middle[1] += y - (at[1] - top) / height;
    this.draw();
  }

  fit() { this.zoom(0); }

  setLine(share) {
    this.line = Math.min(Math.max(share, 0), 1);
    this.draw();
  }

  // Where the picture lies on the canvas, px; it leaves no room at the side where it is larger.
  #box() {
    const { clientWidth: columns, clientHeight: rows } = this.canvas, { before } = this.#shown ?? { before: this.canvas };
    const scale = this.#zoom * Math.min(columns / before.width, rows / before.height);
    const [width, height] = [before.width * scale, before.height * scale];
    this.#middle = [[width, columns], [height, rows]].map(([size, room], axis) => {
      const margin = Math.min(0.5, room / size / 2);
      return Math.min(Math.max(this.#middle[axis], margin), 1 - margin);
    });
    return { left: columns / 2 - this.#middle[0] * width, top: rows / 2 - this.#middle[1] * height, width, height };
  }

  #toShares(x, y) {
    const { left, top, width, height } = this.#box();
    return [(x - left) / width, (y - top) / height];
  }

  #places() {
    const { left, top, width, height } = this.#box(), { points = [], width: columns, height: rows } = this.#shown;
    return points.map(({ x, y }) => [left + (width * (x + 0.5)) / columns, top + (height * (y + 0.5)) / rows]);
  }

  #handle() {
    const { left, top, width, height } = this.#box(), { clientWidth, clientHeight } = this.canvas;
    const [from, to] = [Math.max(left, 0), Math.min(left + width, clientWidth)];
    return [from + this.line * (to - from), Math.min(top + height, clientHeight) - HANDLE - 10, from, to];
  }

  #paint() {
    const { canvas } = this, context = canvas.getContext("2d"), ratio = devicePixelRatio;
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (!this.#shown || !canvas.width || !canvas.height) return;
    context.scale(ratio, ratio);
    const { before, after, point } = this.#shown, { left, top, width, height } = this.#box();
    context.drawImage(after ?? before, left, top, width, height);
    if (after) {
      const [x, y] = this.#handle();
      context.save();
      context.beginPath();
      context.rect(0, 0, x, canvas.clientHeight);
      context.clip();
      context.drawImage(before, left, top, width, height);
      context.restore();
      context.fillStyle = "#fff";
      [context.shadowColor, context.shadowBlur] = ["#000c", 4];
      context.fillRect(x - 1, Math.max(top, 0), 2, Math.min(height, canvas.clientHeight));
      this.#circle(context, x, y, HANDLE, "#fff");
      context.shadowBlur = 0;
      context.fillStyle = "#222";
      [context.textAlign, context.textBaseline, context.font] = ["center", "middle", "13px system-ui, sans-serif"];
      context.fillText("◂  ▸", x, y);
    }
    this.#places().forEach(([x, y], index) => {
      this.#circle(context, x, y, RADIUS + (index === point ? 5 : 3), "#111");
      this.#circle(context, x, y, RADIUS + (index === point ? 4 : 2), "#fff");
      this.#circle(context, x, y, RADIUS, this.#shown.points[index].color);
    });
    if (this.#cursor) {
      const [x, y] = [left + this.#cursor[0] * width, top + this.#cursor[1] * height];
      for (const [color, thick] of [["#000", 5], ["#fff", 2]]) {
        [context.strokeStyle, context.lineWidth] = [color, thick];
        context.stroke(new Path2D(`M${x - 14} ${y}h28M${x} ${y - 14}v28`));
      }
    }
  }

  #circle(context, x, y, radius, color) {
    context.fillStyle = "#808080"; // where the color is one that canvases do not know
    context.fillStyle = color;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  #found({ offsetX, offsetY, pointerType }) {
    const near = this.#places().map(([x, y], index) => [Math.hypot(x - offsetX, y - offsetY), index]).sort((a, b) => a[0] - b[0])[0];
    return near && near[0] <= (NEAR[pointerType] ?? NEAR.mouse) ? near[1] : null;
  }

  #down(event) {
    if (!this.#shown || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#cursor = null;
    const at = [event.offsetX, event.offsetY], index = this.#found(event), [x, y] = this.#handle();
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size > 1) this.#gesture = { kind: "pinch" };
    else if (index !== null) {
      this.#gesture = { kind: "point", index, at };
      this.on.choose(index);
    } else if (this.#shown.after && Math.hypot(at[0] - x, at[1] - y) <= HANDLE + 4) this.#gesture = { kind: "line" };
    else this.#gesture = { kind: "pan", at };
  }

  #move(event) {
    const old = this.#pointers.get(event.pointerId), at = [event.offsetX, event.offsetY];
    if (!old) return;
    const gesture = this.#gesture, others = [...this.#pointers.entries()].filter(([id]) => id !== event.pointerId);
    this.#pointers.set(event.pointerId, at);
    gesture.moved ||= !gesture.at || Math.hypot(at[0] - gesture.at[0], at[1] - gesture.at[1]) > STILL;
    if (!gesture.moved) return;
    if (gesture.kind === "point") this.on.move(gesture.index, ...this.#toShares(...at), gesture);
    if (gesture.kind === "line") {
      const [, , from, to] = this.#handle();
      this.setLine((at[0] - from) / (to - from));
      this.on.line(this.line);
    }
    if (gesture.kind === "pinch" && others.length === 1) {
      const [[, other]] = others, apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]);
      this.#pan((at[0] - old[0]) / 2, (at[1] - old[1]) / 2);
      this.zoom(apart(at) / Math.max(apart(old), 1), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
    }
    if (gesture.kind === "pan") this.#pan(at[0] - old[0], at[1] - old[1]);
  }

  #up(event) {
    const gesture = this.#gesture;
    if (!this.#pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && gesture.kind === "pan" && !gesture.moved) this.#place(this.#toShares(...gesture.at));
    this.#gesture = this.#pointers.size ? { kind: "pan", moved: true } : null;
  }

  #place(shares) {
    if (shares.every((share) => share >= 0 && share < 1)) this.on.place(...shares);
    else this.on.choose(null);
  }

  #pan(right, down) {
    const { width, height } = this.#box();
    this.#middle = [this.#middle[0] - right / width, this.#middle[1] - down / height];
    this.draw();
  }

  #wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), [event.offsetX, event.offsetY]);
  }

  #menu(event) {
    event.preventDefault(); // a long press, too
    const index = this.#shown && this.#found(event);
    if (typeof index === "number") this.on.remove(index);
  }

  #leave() {
    this.#cursor = null;
    this.draw();
  }

  // Arrows move the chosen point, or a cross where Enter sets one.
  #key(event) {
    if (!this.#shown || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event, { point, points } = this.#shown, step = (event.shiftKey ? 0.05 : 0.005) / this.#zoom ** 0.5;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (arrow && points?.[point]) {
      const { width, height } = this.#shown, { x, y } = points[point];
      const by = Math.max(1 / Math.min(width, height), step);
      this.on.move(point, (x + 0.5) / width + by * arrow[0], (y + 0.5) / height + by * arrow[1], "keys");
    } else if (arrow) {
      const from = this.#cursor ?? [...this.#middle];
      this.#cursor = from.map((share, axis) => Math.min(Math.max(share + 2 * step * arrow[axis], 0), 0.9999));
    } else if (key === "Enter" || key === " ") this.#place(this.#cursor ?? this.#middle);
    else if (key === "Escape") this.on.choose(null);
    else if (key === "+" || key === "=") this.zoom(1.5);
    else if (key === "-") this.zoom(1 / 1.5);
    else if (key === "0") this.fit();
    else return;
    event.preventDefault();
    this.draw();
  }
}
