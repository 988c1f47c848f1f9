// A photograph before and after, as two layers: zoom, the line between them, and points of colour, which are buttons.

const MOST = 24, STILL = 4; // times the size at which all of it is seen; px that a click may move
const STEP = 0.005; // of an arrow key, as a share
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Shows an item's layers in an element that has two images; the second may give its colour alone.
export function showLayers(element, { photo, after, tints }) {
  element.classList.toggle("tints", Boolean(tints));
  [photo?.url, after].forEach((url, index) => {
    const image = element.querySelectorAll("img")[index];
    image.hidden = !url;
    if (url && image.src !== url) image.src = url;
  });
}

// Brings a list to as many children as there are things; those that stay keep the keyboard.
export function fill(list, things, create, update) {
  while (list.children.length > things.length) list.lastChild.remove();
  things.forEach((thing, index) => update(list.children[index] ?? list.appendChild(create(index)), thing, index));
}

// `on`: place(x, y), move(index, x, y, gesture), remove(index), choose(index or null); x and y are shares.
export function createView(on) {
  const [frame, view, picture, points, line] = ["frame", "view", "picture", "points", "line"].map((id) =>
    document.getElementById(id));
  let zoomed = 1, dragged = 0, gesture = null, item = null;

  const sharesOf = ({ clientX, clientY }) => {
    const { x, y, width, height } = picture.getBoundingClientRect();
    return [(clientX - x) / width, (clientY - y) / height];
  };
  const middle = () => {
    const { x, y, width, height } = view.getBoundingClientRect();
    return { clientX: x + width / 2, clientY: y + height / 2 };
  };
  const cut = () => {
    const { x, width } = frame.getBoundingClientRect(), at = (line.value / 100) * width;
    frame.style.setProperty("--line", `${at}px`);
    frame.style.setProperty("--cut", `${x + at - picture.getBoundingClientRect().x}px`);
  };
  const zoom = (factor, place = middle()) => {
    const [x, y] = sharesOf(place);
    zoomed = Math.min(Math.max(zoomed * factor, 1), MOST);
    picture.style.setProperty("--zoom", zoomed);
    const now = picture.getBoundingClientRect();
    view.scrollBy(now.x + x * now.width - place.clientX, now.y + y * now.height - place.clientY);
  };

  view.onscroll = line.oninput = cut;
  new ResizeObserver(cut).observe(picture);
  view.onpointerdown = () => (dragged = 0);
  view.onpointermove = ({ buttons, pointerType, target, movementX, movementY }) => {
    dragged += buttons && Math.hypot(movementX, movementY);
    if (buttons && pointerType === "mouse" && target === picture) view.scrollBy(-movementX, -movementY);
  };
  view.onclick = (event) => {
    if (event.target === picture && dragged <= STILL) on.place(...sharesOf(event));
    else if (event.target === view) on.choose(null);
  };
  view.onwheel = (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event);
  };
  view.onkeydown = ({ key, target, shiftKey }) => {
    const index = [...points.children].indexOf(target), step = (STEP * (shiftKey ? 10 : 1)) / Math.sqrt(zoomed);
    if (key in ARROWS && index >= 0) {
      const { x, y } = item.points[index], [right, down] = ARROWS[key];
      on.move(index, x + step * right, y + step * down, "keys");
    } else if (target === view && (key === "Enter" || key === " ")) on.place(...sharesOf(middle()));
    else if ("+=-0".includes(key)) zoom({ "-": 1 / 1.5, 0: 0 }[key] ?? 1.5);
    else return true;
    return false;
  };

  const newPoint = (index) => {
    const point = Object.assign(document.createElement("button"), { className: "point" });
    point.onfocus = point.onclick = () => on.choose(index);
    point.oncontextmenu = () => Boolean(on.remove(index));
    point.onpointerdown = ({ button, pointerId }) => {
      if (button) return;
      gesture = {};
      point.focus({ preventScroll: true }); // which Safari does not
      point.setPointerCapture(pointerId);
    };
    point.onpointermove = (event) => {
      if (point.hasPointerCapture(event.pointerId) && dragged > STILL) on.move(index, ...sharesOf(event), gesture);
    };
    return point;
  };

  return {
    zoom,
    focus: (index) => (points.children[index] ?? view).focus({ preventScroll: true }),
    show(shown, chosen) {
      if (shown.photo !== item?.photo) zoom(0);
      item = shown;
      picture.style.setProperty("--ratio", item.photo.width / item.photo.height);
      showLayers(picture, item);
      fill(points, item.points, newPoint, (point, { x, y, color }, index) => {
        const place = [x, y].map((share) => `${Math.round(100 * share)} %`).join(", ");
        Object.assign(point, { ariaPressed: index === chosen, ariaLabel: `Point ${index + 1}, ${color} at ${place}` });
        Object.assign(point.style, { left: `${100 * x}%`, top: `${100 * y}%`, background: "" });
        point.style.background = color; // unless it is one that browsers do not know
      });
    },
  };
}
