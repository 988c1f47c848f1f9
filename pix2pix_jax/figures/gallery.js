const list = document.querySelector("ol"), items = [...list.children];
const bar = document.querySelector(".sort"), buttons = [...bar.querySelectorAll("button")];
const keys = new Map(items.map(item => [item, item.dataset.keys.split(" ").map(Number)]));
let falling = false;
function sort(button) {
  const place = buttons.indexOf(button), again = button.getAttribute("aria-pressed") === "true";
  falling = again ? !falling : button.dataset.first === "falling";
  for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
  items.sort((a, b) => (keys.get(a)[place] - keys.get(b)[place]) * (falling ? -1 : 1));
  list.append(...items);
  const order = place ? (falling ? "highest first" : "lowest first") : (falling ? "Z to A" : "A to Z");
  bar.querySelector("[role=status]").textContent = order;
}
for (const button of buttons) button.addEventListener("click", () => sort(button));
bar.hidden = false;
sort(buttons[1]);
