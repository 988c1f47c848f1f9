// Moves the line between the two pictures to where a slider stands.
window.pix2pixSlide = (slider) => {
  slider.parentElement.style.setProperty("--at", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", `${slider.value} %`);
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
