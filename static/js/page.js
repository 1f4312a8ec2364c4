// The page viewer: arrow keys turn the page, plus and minus change its size, the quote is brought into view.

const SMALLEST = -1;
const LARGEST = 3;

function zoom(reader, by) {
  const now = Number(reader.dataset.zoom);
  const next = by === 0 ? 0 : Math.min(LARGEST, Math.max(SMALLEST, now + by));
  reader.dataset.zoom = String(next);
  const status = reader.querySelector("[data-zoom-status]");
  if (status) status.textContent = next === 0 ? "The page fits." : next > 0 ? `Larger by ${next}.` : "Smaller.";
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
    const [, , , height] = drawing.documentElement.getAttribute("viewBox").split(" ").map(Number);
    const first = drawing.querySelector("rect");
    if (!first) return;
    const spot = document.createElement("span");
    spot.className = "reader__spot";
    spot.style.top = `${(100 * Number(first.getAttribute("y"))) / height}%`;
    marks.after(spot);
    spot.scrollIntoView({ block: "center" });
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

document.addEventListener("htmx:load", showAll);
showAll();
