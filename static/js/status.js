// The one line under the messages: how the connection is, and else what goes on. Used by the chat and by a
// coach's console; each says in its own words what is gone when the socket closes, and what else there is to say.

const SHOW_CONNECTING_AFTER_MS = 800;

const byId = (id) => document.getElementById(id);

export class StatusLine {
  #connection = { state: "connecting", reason: "" };
  #isConnectingShown = false;
  #announce;
  #closed;
  #goingOn;

  /**
   * `signIn` is where to sign in again, `gone` the words and a link for a conversation that is closed for good;
   * `goingOn()` returns what else happens, as `{text, isBusy, tone}`, while the connection needs no words.
   */
  constructor({ announce, signIn, gone, goingOn, onRetry }) {
    this.#announce = announce;
    this.#closed = {
      "signed-out": {
        text: "You are signed out. What you have written here is kept in this tab.",
        link: { text: "Sign in again", href: signIn },
      },
      gone,
    };
    this.#goingOn = goingOn;
    byId("reconnect").addEventListener("click", onRetry);
  }

  /** connecting, open, reconnecting or closed. */
  get connection() {
    return this.#connection.state;
  }

  /** Take what the socket says of itself, and tell who cannot see the line. */
  connectionChanged(now) {
    const wasOpen = this.#connection.state === "open";
    this.#connection = now;
    if (now.state === "connecting") setTimeout(() => this.#takesLong(), SHOW_CONNECTING_AFTER_MS);
    if (now.state === "open" && this.#isConnectingShown) this.#announce("Connected.");
    if (now.state === "open") this.#isConnectingShown = false;
    if (now.state === "reconnecting") {
      this.#isConnectingShown = true;
      if (wasOpen) this.#announce("The connection is lost. Reconnecting.");
    }
    if (now.state === "closed") this.#announce(this.#closed[now.reason].text);
    this.show();
  }

  /** Write the line anew. */
  show() {
    const { text, link, tone = "", canRetry = false, isBusy = false } = this.#connectionWords() ?? this.#goingOn();
    const line = byId("status");
    line.hidden = !text && !("keepsRoom" in line.dataset);
    for (const each of ["lost", "waiting"]) line.classList.toggle(`status--${each}`, each === tone);
    byId("status-dots").hidden = !isBusy;
    const words = byId("status-text");
    if (words.dataset.shown !== text) {
      words.dataset.shown = text;
      words.textContent = text;
      if (link) words.append(" ", Object.assign(document.createElement("a"), { href: link.href, textContent: link.text }));
    }
    byId("reconnect").hidden = !canRetry;
  }

  #takesLong() {
    this.#isConnectingShown = this.#connection.state === "connecting";
    this.show();
  }

  #connectionWords() {
    const { state, reason } = this.#connection;
    if (state === "closed") return { ...this.#closed[reason], tone: "lost" };
    if (state === "reconnecting") {
      const isOffline = navigator.onLine === false;
      return { text: isOffline ? "You are offline." : "Connection lost. Reconnecting…", tone: "lost", canRetry: !isOffline };
    }
    if (state === "connecting" && this.#isConnectingShown) return { text: "Connecting…", isBusy: true };
    return null;
  }
}
