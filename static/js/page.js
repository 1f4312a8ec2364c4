// The page viewer: arrow keys turn the page, plus and minus change its size, the quote is brought into view.

const SMALLEST = -1;
const LARGEST = 3;
const READABLE = 2;
const NARROW = matchMedia("(max-width: 30rem)");

function zoom(reader, by) {
  const now = Number(reader.dataset.zoom);
  const next = by === 0 ? 0 : Math.min(LARGEST, Math.max(SMALLEST, now + by));
  setZoom(reader, next);
  const status = reader.querySelector("[data-zoom-status]");
  if (status) status.textContent = next === 0 ? "The page fits." : next > 0 ? `Larger by ${next}.` : "Smaller.";
}

/** Give the page a size, and have a picture fetched that is as sharp as it is large. */
function setZoom(reader, zoomed) {
  reader.dataset.zoom = String(zoomed);
  const image = reader.querySelector(".reader__image");
  if (image && zoomed > 0) image.sizes = `${Math.ceil(image.clientWidth)}px`;
}

function readerInFront() {
  const inDialog = document.querySelector("dialog[open] [data-reader]");
  return inDialog ?? (document.querySelector("dialog[open]") ? null : document.querySelector("[data-reader]"));
}

function showQuote(reader) {
  if (reader.dataset.ready) return;
  reader.dataset.ready = "true";
  const buttons = reader.querySelector("[data-zoom-buttons]");
  if (buttons) buttons.hidden = false;
  const quote = reader.querySelector("mark");
  if (reader.querySelector(".reader__image")) showMark(reader);
  else if (quote) quote.scrollIntoView({ block: "center" });
}

async function showMark(reader) {
  const marks = reader.querySelector("[data-marks]");
  const image = reader.querySelector(".reader__image");
  if (!marks || !image) return;
  try {
    const [answer] = await Promise.all([fetch(marks.src), image.decode()]);
    const drawing = new DOMParser().parseFromString(await answer.text(), "image/svg+xml");
    const [, , width, height] = drawing.documentElement.getAttribute("viewBox").split(" ").map(Number);
    const first = drawing.querySelector("rect");
    if (!first) return;
    const spot = document.createElement("span");
    spot.className = "reader__spot";
    spot.style.top = `${(100 * Number(first.getAttribute("y"))) / height}%`;
    spot.style.left = `${(100 * Number(first.getAttribute("x"))) / width}%`;
    marks.after(spot);
    // A whole page on a phone shows where the quote is, and not what it says.
    if (NARROW.matches) setZoom(reader, READABLE);
    spot.scrollIntoView({ block: "center", inline: "start" });
  } catch {
    // Without the drawing the page stays at its top; the words below carry the mark as well.
  }
}

function showAll() {
  for (const reader of document.querySelectorAll("[data-reader]")) showQuote(reader);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom-by]");
  if (button) zoom(button.closest("[data-reader]"), Number(button.dataset.zoomBy));
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const reader = readerInFront();
  if (!reader) return;
  const desk = event.target.closest?.(".reader__desk, .reader__table");
  const canScroll = desk && desk.scrollWidth > desk.clientWidth;
  if (event.key === "ArrowLeft" && !canScroll) reader.querySelector('[data-turn="previous"]')?.click();
  else if (event.key === "ArrowRight" && !canScroll) reader.querySelector('[data-turn="next"]')?.click();
  else if (event.key === "+" || event.key === "=") zoom(reader, 1);
  else if (event.key === "-") zoom(reader, -1);
  else if (event.key === "0") zoom(reader, 0);
});

// Pictures that came late, because many pages were being drawn: `pictures.js` asked for them again.
document.addEventListener("sideline:picture", (event) => {
  const reader = event.target.closest("[data-reader]");
  if (reader && !reader.querySelector(".reader__spot")) showMark(reader);
});

document.addEventListener("htmx:load", showAll);
showAll();
