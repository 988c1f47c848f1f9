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
