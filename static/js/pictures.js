// Pictures of pages are drawn when somebody looks. When many are being drawn, one that was refused is asked for again.

const AGAIN_MS = 5000;
const TRIES = 4;
const DRAWN = "img[data-drawn]";

function askAgain(image) {
  const tries = Number(image.dataset.tries ?? 0);
  if (tries >= TRIES) return;
  image.dataset.tries = String(tries + 1);
  setTimeout(() => {
    // The same address again: only setting it anew makes the browser ask.
    const { src, srcset } = image;
    image.removeAttribute("srcset");
    image.src = src;
    if (srcset) image.srcset = srcset;
  }, AGAIN_MS);
}

document.addEventListener(
  "error",
  (event) => {
    if (event.target.matches?.(DRAWN)) askAgain(event.target);
  },
  true,
);

document.addEventListener(
  "load",
  (event) => {
    if (event.target.matches?.(DRAWN) && event.target.dataset.tries)
      event.target.dispatchEvent(new CustomEvent("sideline:picture", { bubbles: true }));
  },
  true,
);

// Those that were refused before this script was there.
for (const image of document.querySelectorAll(DRAWN)) {
  if (image.complete && image.getAttribute("src") && !image.naturalWidth) askAgain(image);
}
