// Who else is here and who is typing, in words; and telling the others that somebody types here.

const TELL_EVERY_MS = 3_000;
const TYPING_LASTS_MS = 7_000;

/** Knows the people of the last presence event; typing fades away by itself. */
export class People {
  #people = [];
  #timer = 0;
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Take a presence event. */
  take(people) {
    this.#people = people;
    clearTimeout(this.#timer);
    if (people.some((person) => person.typing)) {
      this.#timer = setTimeout(() => this.#fade(), TYPING_LASTS_MS);
    }
    this.#onChange();
  }

  /** The people of a role: "client" or "coach". */
  of(role) {
    return this.#people.filter((person) => person.role === role);
  }

  #fade() {
    this.#people = this.#people.map((person) => ({ ...person, typing: false }));
    this.#onChange();
  }
}

/** Tells the others, not too often, that somebody types here. */
export class Typing {
  #send;
  #toldAt = 0;
  #isTold = false;

  constructor(send) {
    this.#send = send;
  }

  /** The text has changed; nothing is said while nobody is there to see it. */
  changed(text, isWatched) {
    if (!text.trim()) {
      this.stop();
      return;
    }
    if (!isWatched || Date.now() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = Date.now();
    this.#isTold = this.#send({ type: "typing", typing: true });
  }

  stop() {
    if (this.#isTold) this.#send({ type: "typing", typing: false });
    this.#isTold = false;
    this.#toldAt = 0;
  }
}
