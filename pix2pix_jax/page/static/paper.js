// A white sheet to draw on in black; its file is what was drawn.

export function createPaper(canvas, side, pen) {
  const context = Object.assign(canvas, { width: side, height: side }).getContext("2d", { alpha: false });
  let sheets = []; // as they were before each stroke
  const clear = () => {
    [context.fillStyle, sheets] = ["#fff", []];
    context.fillRect(0, 0, side, side);
  };
  const draw = ({ offsetX, offsetY }) => {
    context.lineTo((offsetX * side) / canvas.clientWidth, (offsetY * side) / canvas.clientHeight);
    context.stroke();
  };
  canvas.onpointerdown = (event) => {
    sheets.push(context.getImageData(0, 0, side, side));
    canvas.setPointerCapture(event.pointerId);
    Object.assign(context, { ...pen(), lineCap: "round", lineJoin: "round" }).beginPath();
    draw(event);
  };
  canvas.onpointermove = (event) => canvas.hasPointerCapture(event.pointerId) && draw(event);
  clear();
  return {
    clear,
    undo: () => sheets.length && context.putImageData(sheets.pop(), 0, 0),
    file: async () => new File([await new Promise((done) => canvas.toBlob(done))], "drawing.png"),
  };
}
