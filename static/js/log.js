// The messages of a conversation on the page: puts each in its place, streams text into the one that is
// being written, and keeps the reader where they are. Used by the chat and by a coach's console.

const MARKER = /\[(\d{1,3})\]/g;
const NEAR_THE_END_PX = 80;
const ABOVE_PX = 12;

/** Return how many characters (code points) a text has, as the server counts them. */
export function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function skipCharacters(text, count) {
  let at = 0;
  for (; count > 0 && at < text.length; count -= 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return text.slice(at);
}

/** Append plain text; `[n]` becomes a small number. Nothing here is ever read as HTML. */
function appendText(target, text) {
  let from = 0;
  for (const found of text.matchAll(MARKER)) {
    appendPlain(target, text.slice(from, found.index));
    const mark = document.createElement("sup");
    mark.className = "citation-mark";
    mark.textContent = found[1];
    target.append(mark);
    from = found.index + found[0].length;
  }
  appendPlain(target, text.slice(from));
}

function appendPlain(target, text) {
  if (!text) return;
  const last = target.lastChild;
  if (last?.nodeType === Node.TEXT_NODE) last.appendData(text);
  else target.append(text);
}

/** Show times on the reader's own clock. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const today = at.toDateString() === new Date().toDateString();
    const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
    const withDay = time.classList.contains("row__time") && !today;
    time.textContent = at.toLocaleString("en-GB", withDay ? { day: "numeric", month: "short" } : clock);
    time.title = at.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "short" });
    time.dataset.local = "";
  }
}

export class MessageLog {
  #scroller;
  #list;
  #jump;
  #pendingTemplate;
  #streams = new Map();
  #sequences = new Set();
  #contiguous;
  #sticks = true;
  #placed = 0;
  #settled = -1;
  #revealed = null;
  #size = "";

  /** `jump` is the button that leads to the newest message, `pendingTemplate` an unsent message's form. */
  constructor({ scroller, list, jump, pendingTemplate }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#jump = jump;
    this.#pendingTemplate = pendingTemplate;
    for (const element of this.#articles()) this.#adopt(element);
    this.#contiguous = this.#sequences.size ? Math.min(...this.#sequences) - 1 : 0;
    this.#advance();
    localTimes(list);
    this.#days();
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(scroller);
    jump?.addEventListener("click", () => this.toEnd());
  }

  /** What this page has, as the server's greeting wants it. */
  position() {
    let sequence = this.#contiguous + 1;
    let message = null;
    let offset = 0;
    for (const [id, stream] of this.#streams) {
      sequence = Math.min(sequence, stream.sequence);
      if (stream.length >= offset) [message, offset] = [id, stream.length];
    }
    return { sequence, message, offset };
  }

  /** The highest sequence number on the page. */
  get newest() {
    return this.#sequences.size ? Math.max(...this.#sequences) : 0;
  }

  get isWriting() {
    return this.#streams.size > 0;
  }

  get isEmpty() {
    return !this.#articles().length;
  }

  /** Accept that what is missing below the newest message is not for this page. */
  settle() {
    this.#contiguous = Math.max(this.#contiguous, this.newest);
  }

  /** Show a message as the server rendered it. Returns {isNew, ended, hasGap, element}. */
  show({ message, sequence, state, length, html }) {
    const known = this.#find(message);
    const stream = this.#streams.get(message);
    const outcome = { isNew: !known, ended: Boolean(stream) && state !== "streaming", element: known };
    if (!this.#isNews(known, stream, state, length)) return { ...outcome, hasGap: false };
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const element = document.adoptNode(parsed.querySelector("[data-message]"));
    if (known) this.#replace(known, element);
    else this.#insert(element, sequence);
    this.#streams.delete(message);
    this.#adopt(element);
    localTimes(element);
    const hasGap = sequence > this.#contiguous + 1;
    this.#advance();
    this.#days();
    if (state === "streaming") this.#follow(outcome.isNew);
    else this.#reveal(element, outcome.isNew);
    return { ...outcome, hasGap, element };
  }

  /** Add streamed text. False when something before it is missing. */
  append({ message, offset, text }) {
    const stream = this.#streams.get(message);
    if (!stream) return Boolean(this.#find(message));
    if (offset > stream.length) return false;
    const fresh = skipCharacters(text, stream.length - offset);
    appendText(stream.target, fresh);
    stream.length += countCharacters(fresh);
    stream.heardAt = Date.now();
    this.#follow();
    return true;
  }

  /** Whether a reply is being written of which nothing was heard for `milliseconds`. */
  isQuietFor(milliseconds) {
    const now = Date.now();
    return [...this.#streams.values()].some((stream) => now - stream.heardAt > milliseconds);
  }

  /** Note that the server was asked about quiet replies. */
  calm() {
    for (const stream of this.#streams.values()) stream.heardAt = Date.now();
  }

  /** Show a message of this page before the server has it. */
  addPending(clientId, text) {
    const element = this.#pendingTemplate.content.firstElementChild.cloneNode(true);
    element.dataset.clientId = clientId;
    element.querySelector(".plain").textContent = text;
    this.#list.append(element);
    this.toEnd();
  }

  /** Say in words how an unsent message stands. */
  notePending(clientId, words) {
    const note = this.#pending(clientId)?.querySelector("[data-note]");
    if (note) note.textContent = words;
  }

  /** The server has the message: it takes its place under its number until its own form arrives. */
  acknowledge(clientId, message, sequence) {
    const element = this.#pending(clientId);
    if (!element) return;
    if (this.#find(message)) {
      element.remove();
      return;
    }
    delete element.dataset.clientId;
    element.id = `message-${message}`;
    Object.assign(element.dataset, { message, sequence, state: "acknowledged" });
    element.classList.remove("message--sending");
    element.querySelector("[data-note]").textContent = "";
    element.remove();
    this.#insert(element, sequence);
    this.#adopt(element);
    this.#advance();
    this.#follow();
  }

  dropPending(clientId) {
    this.#pending(clientId)?.remove();
  }

  toEnd() {
    this.#sticks = true;
    this.#placed = 0;
    this.#follow();
  }

  #articles() {
    return this.#list.querySelectorAll(":scope > [data-sender]");
  }

  #find(message) {
    return this.#list.querySelector(`#message-${CSS.escape(message)}`);
  }

  #pending(clientId) {
    return this.#list.querySelector(`[data-client-id="${CSS.escape(clientId)}"]`);
  }

  #isNews(known, stream, state, length) {
    if (!known) return true;
    if (stream) return state !== "streaming" || length > stream.length;
    return known.dataset.state !== state || Number(known.dataset.length) !== length;
  }

  #adopt(element) {
    const { message, sequence, state } = element.dataset;
    if (!message) return;
    this.#sequences.add(Number(sequence));
    if (state !== "streaming") return;
    const target = element.querySelector(".plain");
    const text = target.textContent;
    target.textContent = "";
    appendText(target, text);
    const length = countCharacters(text);
    this.#streams.set(message, { target, length, sequence: Number(sequence), heardAt: Date.now() });
  }

  #replace(known, element) {
    // The reader's own thumb is not in what everybody is sent.
    const feedback = known.querySelector(".feedback");
    if (feedback) element.querySelector(".feedback")?.replaceWith(feedback);
    known.replaceWith(element);
    window.htmx?.process(element);
  }

  #insert(element, sequence) {
    const after = [...this.#articles()].find(
      (other) => !other.dataset.sequence || Number(other.dataset.sequence) > sequence,
    );
    this.#list.insertBefore(element, after ?? null);
    window.htmx?.process(element);
  }

  #advance() {
    while (this.#sequences.has(this.#contiguous + 1)) this.#contiguous += 1;
  }

  /** Part the days, where there is more than one. */
  #days() {
    for (const old of this.#list.querySelectorAll(":scope > .day")) old.remove();
    let shown = new Date().toDateString();
    let first = true;
    for (const element of this.#articles()) {
      const time = element.querySelector("time[datetime]");
      if (!time) continue;
      const at = new Date(time.dateTime);
      if (at.toDateString() !== shown && (!first || at < new Date())) {
        const day = document.createElement("p");
        day.className = "day";
        day.textContent = at.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
        element.before(day);
      }
      shown = at.toDateString();
      first = false;
    }
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (this.#resized()) return;
    // Where this class itself has put the page is not where the reader wanted to stay.
    if (scrollTop === this.#settled) return;
    this.#settled = -1;
    this.#sticks = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
    if (this.#sticks && this.#jump) this.#jump.hidden = true;
  }

  /** Bring as much as fits of a finished message into view, never scrolling past where it begins. */
  #reveal(element, isNew) {
    this.#noticeReader();
    if (!this.#sticks) {
      this.#follow(isNew);
      return;
    }
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const beginning = element.offsetTop - ABOVE_PX;
    this.#scroller.scrollTop = Math.max(scrollTop, Math.min(scrollHeight - clientHeight, beginning));
    this.#settled = this.#scroller.scrollTop;
    this.#revealed = element;
  }

  /** A keyboard that opens or a window that turns must not hide what was just shown. True if it did. */
  #resized() {
    const { clientWidth, clientHeight } = this.#scroller;
    const size = `${clientWidth} ${clientHeight}`;
    if (size === this.#size) return false;
    this.#size = size;
    if (this.#settled >= 0 && this.#revealed?.isConnected) this.#reveal(this.#revealed, false);
    else this.#follow();
    return true;
  }

  /** Notice a reader who has scrolled up in this very moment: the event may come later than the words. */
  #noticeReader() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const fromEnd = scrollHeight - scrollTop - clientHeight;
    if (this.#placed - scrollTop > NEAR_THE_END_PX && fromEnd > NEAR_THE_END_PX) this.#sticks = false;
  }

  #follow(isNew = false) {
    if (this.isEmpty) return;
    this.#noticeReader();
    if (this.#sticks) {
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.#placed = this.#scroller.scrollTop;
      if (this.#jump) this.#jump.hidden = true;
    } else if (this.#jump && (isNew || this.isWriting)) {
      this.#jump.hidden = false;
    }
  }
}
