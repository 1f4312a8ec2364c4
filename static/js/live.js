// The socket of one conversation: connects, comes back after a cut, and passes on what the server says.
// It knows the protocol of docs/socket-protocol.md and nothing of the page.
//
//   const live = new Live("/ws/conversations/…/", {
//     position: () => ({ sequence, message, offset }),   // what the page has, for the greeting
//     onEvent: (event) => …,                             // every frame of the server, as it came, but its beats
//     onConnection: ({ state, reason }) => …,            // connecting, open, reconnecting, closed
//   });
//   live.open();  live.send({ type: "say", … });  live.greet();

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15_000;
const ANSWER_MS = 10_000;
const STALE_MS = 30_000;
// The server says something every 25 seconds, a beat if nothing else; with the answer's ten this is under a minute.
const SILENCE_MS = 45_000;
const QUIET_MS = 5_000;

/** Close codes after which the socket stays closed, and why. */
const FINAL = new Map([
  [4401, "signed-out"],
  [4404, "gone"],
]);

/** Codes that ask for patience, with the shortest wait before the next attempt. */
const PATIENT = new Map([
  [1008, 5_000],
  [1013, 2_000],
]);

export class Live {
  #url;
  #position;
  #onEvent;
  #onConnection;
  #socket = null;
  #attempts = 0;
  #retryTimer = 0;
  #answerTimer = 0;
  #silenceTimer = 0;
  #heardAt = 0;
  #ready = false;
  #closed = false;
  #greetings = 0;

  constructor(path, { position, onEvent, onConnection }) {
    const url = new URL(path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    this.#position = position;
    this.#onEvent = onEvent;
    this.#onConnection = onConnection;
    window.addEventListener("online", () => this.#lookAgain());
    // A dead network closes no socket: whoever only waits would otherwise never learn of it.
    window.addEventListener("offline", () => this.#closed || this.#lost({ code: 1006 }));
    window.addEventListener("pageshow", (event) => event.persisted && this.retryNow());
    document.addEventListener("visibilitychange", () => this.#lookAfterSleep());
  }

  /** Whether frames reach the server now. */
  get isOpen() {
    return this.#ready && this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connect; after a cut this happens by itself. */
  open() {
    this.#closed = false;
    clearTimeout(this.#retryTimer);
    this.#tell(this.#attempts ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expectAnswer();
    socket.addEventListener("message", (event) => this.#socket === socket && this.#hear(event.data));
    socket.addEventListener("close", (event) => this.#socket === socket && this.#lost(event));
  }

  /** Send a frame; false when there is no connection and nothing was sent. */
  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    if (frame.type !== "typing") this.#expectAnswer();
    return true;
  }

  /** Ask for whatever this page has missed. */
  greet() {
    if (this.send({ type: "hello", ...this.#position() })) this.#greetings += 1;
  }

  /** Try again at once instead of waiting. */
  retryNow() {
    if (this.#closed || this.isOpen) return;
    this.#drop();
    this.open();
  }

  /** Leave for good. */
  close() {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#drop();
  }

  #hear(text) {
    this.#heardAt = Date.now();
    clearTimeout(this.#answerTimer);
    this.#expectMore();
    const event = JSON.parse(text);
    if (event.type === "beat") return;
    if (event.type === "ready") {
      this.#ready = true;
      this.#attempts = 0;
      this.#greetings = 0;
      this.#tell("open");
    }
    // The answer to a greeting ends with a state event; a page need not look anew for that one.
    const answersGreeting = event.type === "state" && this.#greetings > 0;
    if (answersGreeting) this.#greetings -= 1;
    this.#onEvent(event, { answersGreeting });
  }

  #lost(event) {
    this.#drop();
    const reason = FINAL.get(event.code);
    if (reason) {
      this.#closed = true;
      this.#tell("closed", reason);
      return;
    }
    this.#attempts += 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts);
    const wait = Math.max(PATIENT.get(event.code) ?? 0, longest / 2 + Math.random() * (longest / 2));
    this.#tell("reconnecting", event.code === 1009 ? "too-large" : "");
    this.#retryTimer = setTimeout(() => this.open(), wait);
  }

  /** Forget the socket without waiting for a network that may be gone. */
  #drop() {
    clearTimeout(this.#answerTimer);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    socket?.close();
  }

  /** A server that stays silent after a question is taken for gone. */
  #expectAnswer() {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(() => this.#lost({ code: 1006 }), ANSWER_MS);
  }

  /** A server that has been silent for longer than it ever is must answer. */
  #expectMore() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lookAtSilence(), SILENCE_MS);
  }

  /** In the background timers mean little: there the page asks when it is looked at again. */
  #lookAtSilence() {
    if (document.visibilityState === "visible") this.greet();
  }

  /** Connect again, or ask whether the other end of an open socket is still there. */
  #lookAgain() {
    if (this.isOpen) this.greet();
    else this.retryNow();
  }

  #lookAfterSleep() {
    if (document.visibilityState !== "visible" || this.#closed) return;
    if (!this.isOpen) this.retryNow();
    else if (Date.now() - this.#heardAt > STALE_MS) this.greet();
  }

  #tell(state, reason = "") {
    this.#onConnection({ state, reason, attempts: this.#attempts });
  }
}

/** Ask after a reply that has gone quiet: any event may be lost, the last one too. */
export function askAfterQuietReplies(live, log) {
  setInterval(() => {
    if (!log.isQuietFor(QUIET_MS) || !live.isOpen) return;
    log.calm();
    live.greet();
  }, 1_000);
}
