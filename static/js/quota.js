// What may still be asked of the AI: a line once that is little, and a countdown when it is used up.
//
// While it counts, the button rests but still hears: a press sends, and the server decides. Words that call a
// person are taken whatever is used up, and this page must not keep them.

const SECOND_MS = 1_000;
const DAY_S = 24 * 3600;

/** Return seconds as m:ss or h:mm:ss, and more than a day in days. */
export function clock(seconds) {
  if (seconds > DAY_S) return `${Math.ceil(seconds / DAY_S)} days`;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, place) => (place ? String(part).padStart(2, "0") : String(part))).join(":");
}

export class Quota {
  #left;
  #wait;
  #composer;
  #announce;
  #until = 0;
  #timer = 0;

  /** `left` and `wait` are the elements of the two lines; `announce` speaks to screen readers. */
  constructor({ left, wait, composer, announce }) {
    this.#left = left;
    this.#wait = wait;
    this.#composer = composer;
    this.#announce = announce;
    const seconds = Number(wait.dataset.seconds);
    if (seconds > 0) this.hold(seconds);
  }

  /** Say what is left; no words take that away. */
  show(words) {
    this.#left.textContent = words;
    this.#left.hidden = !words;
  }

  /** Let the button rest for some seconds; it comes back by itself. */
  hold(seconds) {
    this.release();
    this.#until = Date.now() + seconds * SECOND_MS;
    this.#composer.rest(true);
    this.#wait.hidden = false;
    this.#tick();
    this.#timer = setInterval(() => this.#tick(), SECOND_MS);
  }

  /** Let the button work again now. */
  release() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#composer.rest(false);
    this.#wait.hidden = true;
  }

  #tick() {
    const seconds = Math.ceil((this.#until - Date.now()) / SECOND_MS);
    if (seconds > 0) {
      this.#wait.textContent = `The AI can be asked again in ${clock(seconds)}.`;
      return;
    }
    this.release();
    this.show("");
    this.#composer.refuse("");
    this.#announce("You can ask the AI again.");
  }
}
