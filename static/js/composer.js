// The box in which a message is written: grows with the text, sends on Enter, counts near the limit, and
// keeps the draft of this tab until it is sent.

import { countCharacters } from "./log.js";

const SHOW_COUNTER_FROM = 0.9;

/** Return what this tab has kept under a key, or null. */
export function stored(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keep a value for this tab; a browser that keeps nothing is no reason to fail. */
export function store(key, value) {
  try {
    if (value) sessionStorage.setItem(key, value);
    else sessionStorage.removeItem(key);
  } catch {
    // Nothing is kept; the text is still in the box.
  }
}

/** Return a random UUID, also where the page is not served securely. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Composer {
  #form;
  #box;
  #counter;
  #refusal;
  #longest;
  #key;
  #onSend;
  #onInput;

  /** `onSend(text)` is called with what was written; the box is then empty. */
  constructor(form, { longest, key, onSend, onInput = () => {} }) {
    this.#form = form;
    this.#box = form.querySelector("textarea");
    this.#counter = form.querySelector("#counter");
    this.#refusal = form.querySelector("#refusal");
    this.#longest = longest;
    this.#key = `draft:${key}`;
    this.#onSend = onSend;
    this.#onInput = onInput;
    if (!this.#box.value) this.#box.value = stored(this.#key) ?? "";
    form.addEventListener("submit", (event) => this.#submitted(event));
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    this.#box.addEventListener("input", () => this.#changed());
    this.#fit();
  }

  get text() {
    return this.#box.value;
  }

  /** Say in the empty box whom its text will reach. */
  address(name) {
    this.#box.placeholder = `Write to ${name}`;
  }

  focus() {
    this.#box.focus();
  }

  /** Put a text back that could not be sent, before whatever is there now. */
  giveBack(text) {
    const now = this.#box.value;
    if (now.includes(text)) return;
    this.#box.value = now ? `${text}\n\n${now}` : text;
    this.#changed();
  }

  /** Put other words in place of a part of the text; the cursor goes behind the whole. */
  replace(part, words) {
    this.#box.value = this.#box.value.includes(part) ? this.#box.value.replace(part, () => words) : words;
    this.#changed();
  }

  /** Take the text out of the box, as sending does, and return it. */
  take() {
    const text = this.#box.value;
    this.#box.value = "";
    this.#changed();
    return text;
  }

  /** Say why a message was not taken; empty words take that away. */
  refuse(words) {
    this.#refusal.textContent = words;
    this.#refusal.hidden = !words;
  }

  /** Show the button as resting, or as ready; a press still sends. */
  rest(isResting) {
    this.#form.querySelector("[type=submit]").setAttribute("aria-disabled", String(isResting));
  }

  #submitted(event) {
    event.preventDefault();
    const text = this.#box.value;
    if (!text.trim()) return;
    const over = countCharacters(text.trim()) - this.#longest;
    if (over > 0) {
      const limit = this.#longest.toLocaleString("en-GB");
      this.refuse(`This message is ${over.toLocaleString("en-GB")} characters too long; ${limit} is the limit. Shorten it or send it in parts.`);
      return;
    }
    this.refuse("");
    this.#box.value = "";
    this.#changed();
    this.#onSend(text);
  }

  #pressed(event) {
    const isPlainEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    // On a touch keyboard Enter begins a new line; the button sends.
    if (!isPlainEnter || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #changed() {
    store(this.#key, this.#box.value);
    this.#fit();
    this.#onInput(this.#box.value);
  }

  #fit() {
    const length = countCharacters(this.#box.value);
    this.#counter.hidden = length < this.#longest * SHOW_COUNTER_FROM;
    if (!this.#counter.hidden) {
      this.#counter.textContent = `${length.toLocaleString("en-GB")} of ${this.#longest.toLocaleString("en-GB")}`;
      this.#counter.classList.toggle("composer__over", length > this.#longest);
    }
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}

/** Messages of this tab that the server has not acknowledged; they outlive a reload. */
export class Outbox {
  #key;
  #waiting;

  constructor(key) {
    this.#key = `outbox:${key}`;
    try {
      this.#waiting = new Map(JSON.parse(stored(this.#key) ?? "[]"));
    } catch {
      this.#waiting = new Map();
    }
  }

  /** What the educator has decided about student data in a waiting message. */
  studentDataOf(clientId) {
    return stored(`decision:${clientId}`) ?? "";
  }

  /** The AI's draft that a coach's waiting message came from. */
  draftOf(clientId) {
    return stored(`from-draft:${clientId}`) ?? "";
  }

  /** Pairs of idempotency key and text, the oldest first. */
  get waiting() {
    return [...this.#waiting];
  }

  get size() {
    return this.#waiting.size;
  }

  add(clientId, text, { studentData = "", draft = "" } = {}) {
    this.#waiting.set(clientId, text);
    store(`decision:${clientId}`, studentData);
    store(`from-draft:${clientId}`, draft);
    this.#keep();
  }

  /** Forget a message; returns its text. */
  take(clientId) {
    const text = this.#waiting.get(clientId);
    this.#waiting.delete(clientId);
    store(`decision:${clientId}`, "");
    store(`from-draft:${clientId}`, "");
    this.#keep();
    return text;
  }

  #keep() {
    store(this.#key, this.#waiting.size ? JSON.stringify(this.waiting) : "");
  }
}
