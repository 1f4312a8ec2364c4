// The question about student data above the composer. The server found it and rendered the question; here its
// buttons work without a page, the focus moves to it, and pseudonyms can be taken out again.

export class StudentDataQuestion {
  #place;
  #composer;
  #announce;
  #onSend;
  #asked = null;
  #isReplaced = false;

  /** `onSend(text, decision)` sends what is in the box. */
  constructor(place, composer, { announce, onSend }) {
    this.#place = place;
    this.#composer = composer;
    this.#announce = announce;
    this.#onSend = onSend;
    place.addEventListener("click", (event) => this.#pressed(event));
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#edit();
    });
    this.#adopt();
  }

  /** Ask about a message that was not taken. */
  ask(event) {
    const parsed = new DOMParser().parseFromString(event.html, "text/html");
    this.#place.replaceChildren(document.adoptNode(parsed.body.firstElementChild));
    this.#adopt();
    this.#place.firstElementChild.focus();
    this.#announce("This message seems to name a student. It has not been sent.");
  }

  /** Return what was decided about a text that is being sent, and take the question away. */
  decisionFor(text) {
    const decision = this.#isReplaced && text.includes(this.#asked.suggestion) ? "pseudonyms" : "";
    this.#clear();
    return decision;
  }

  #pressed(event) {
    const button = event.target.closest("button");
    if (!button || !this.#asked) return;
    event.preventDefault();
    const what = button.dataset.studentData ?? button.value;
    if (what === "replace") this.#replace();
    if (what === "undo") this.#undo();
    if (what === "edit") this.#edit();
    if (what === "send" || what === "pseudonyms") this.#send(what);
  }

  /** Take note of the question that is on the page. */
  #adopt() {
    const notice = this.#place.firstElementChild;
    if (!notice) return;
    this.#asked = { draft: notice.dataset.draft, suggestion: notice.dataset.suggestion, html: notice.outerHTML };
    this.#isReplaced = "replaced" in notice.dataset;
  }

  #replace() {
    const { draft, suggestion } = this.#asked;
    this.#composer.replace(draft, suggestion);
    this.#isReplaced = true;
    const notice = this.#place.firstElementChild;
    const undo = Object.assign(document.createElement("button"), { type: "button", textContent: "Undo" });
    undo.className = "button button--small";
    undo.dataset.studentData = "undo";
    const words = Object.assign(document.createElement("p"), {
      id: "student-data-title",
      textContent: "Pseudonyms stand in for the names. Read it once more, then send it.",
    });
    notice.lastElementChild.replaceChildren(words, undo);
    this.#composer.focus();
    this.#announce("Pseudonyms stand in for the names. Read it once more, then send it.");
  }

  #undo() {
    const asked = this.#asked;
    this.#composer.replace(asked.suggestion, asked.draft);
    // A page that came with the pseudonyms in place has no question to go back to.
    if ("replaced" in this.#place.firstElementChild.dataset) this.#edit();
    else this.ask(asked);
  }

  #edit() {
    this.#clear();
    this.#composer.focus();
  }

  #send(decision) {
    this.#clear();
    const text = this.#composer.take();
    if (text.trim()) this.#onSend(text, decision);
    this.#composer.focus();
  }

  #clear() {
    this.#asked = null;
    this.#isReplaced = false;
    this.#place.replaceChildren();
  }
}
