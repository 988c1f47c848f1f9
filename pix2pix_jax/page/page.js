// Where the visitor has left the lines between two pictures, by the names of their sliders.
const lines = new Map();

// Moves the line between the two pictures to where a slider stands.
window.pix2pixSlide = (slider) => {
  lines.set(slider.ariaLabel, slider.value);
  slider.parentElement.style.setProperty("--at", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", `${slider.value} %`);
};

// Puts the line of new pictures where that of the old ones was.
window.pix2pixRestore = (picture) => {
  const slider = picture.parentElement.querySelector("input");
  if (!lines.has(slider.ariaLabel)) return;
  slider.value = lines.get(slider.ariaLabel);
  window.pix2pixSlide(slider);
};

// Pasted pictures go where chosen ones do.
document.addEventListener("paste", (event) => {
  const input = document.querySelector("#given input[type=file]");
  const files = event.clipboardData?.files;
  if (!input || !files?.length) return;
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
});

// Screen readers are told how far the work is. The part of the page is there a moment after the page.
const watched = setInterval(() => {
  const status = document.querySelector("#status .html-container");
  status?.setAttribute("aria-live", "polite");
  if (status) clearInterval(watched);
}, 200);
