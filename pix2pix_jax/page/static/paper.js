// A white sheet to draw on in black; its file is what was drawn.

export function createPaper(canvas, side, pen) {
  let strokes = []; // {width, color, places}
  const context = canvas.getContext("2d", { alpha: false });
  const draw = () => {
    [context.fillStyle, context.lineCap, context.lineJoin] = ["#fff", "round", "round"];
    context.fillRect(0, 0, side, side);
    for (const { width, color, places } of strokes) {
      [context.lineWidth, context.strokeStyle] = [width, color];
      context.stroke(new Path2D(`M${places.join("L")}L${places.at(-1)}`));
    }
  };
  const at = ({ offsetX, offsetY }) => [(offsetX * side) / canvas.clientWidth, (offsetY * side) / canvas.clientHeight];
  [canvas.width, canvas.height] = [side, side];
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    draw(strokes.push({ ...pen(), places: [at(event)] }));
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) draw(strokes.at(-1).places.push(at(event)));
  };
  draw();
  return {
    undo: () => draw(strokes.pop()),
    clear: () => draw((strokes = [])),
    file: async () => new File([await new Promise((done) => canvas.toBlob(done))], "drawing.png", { type: "image/png" }),
  };
}
