// A white sheet to draw on in black; its file is what was drawn.

export class Paper {
  #strokes = []; // {width, color, places}

  constructor(canvas, side, pen) {
    [this.canvas, canvas.width, canvas.height] = [canvas, side, side];
    const at = ({ offsetX, offsetY }) => [(offsetX * side) / canvas.clientWidth, (offsetY * side) / canvas.clientHeight];
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#draw(this.#strokes.push({ ...pen(), places: [at(event)] }));
    };
    canvas.onpointermove = (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.#draw(this.#strokes.at(-1).places.push(at(event)));
    };
    this.#draw();
  }

  undo() { this.#draw(this.#strokes.pop()); }
  clear() { this.#draw((this.#strokes = [])); }

  async file() {
    const blob = await new Promise((done) => this.canvas.toBlob(done, "image/png"));
    return new File([blob], "drawing.png", { type: "image/png" });
  }

  #draw() {
    const context = this.canvas.getContext("2d", { alpha: false });
    [context.fillStyle, context.lineCap, context.lineJoin] = ["#fff", "round", "round"];
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const { width, color, places } of this.#strokes) {
      [context.lineWidth, context.strokeStyle] = [width, color];
      context.stroke(new Path2D(`M${places.join("L")}L${places.at(-1)}`));
    }
  }
}
