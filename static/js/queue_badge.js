// On every page of the dashboard: a socket that says when to look at the queue again, and the number in the
// tab's title. The pages listen for `queue:changed` on the body; no words and no names travel this way.

import { Live } from "./live.js";

const TOGETHER_MS = 150;
const title = document.title.replace(/^\(\d+\) /, "").trim();
let timer = 0;

/** Have the page look again, once for changes that come together. */
function lookAgain() {
  clearTimeout(timer);
  timer = setTimeout(() => document.body.dispatchEvent(new CustomEvent("queue:changed")), TOGETHER_MS);
}

function showInTitle() {
  const count = Number(document.getElementById("waiting-badge")?.dataset.waitingCount ?? 0);
  document.title = count ? `(${count}) ${title}` : title;
}

const live = new Live("/ws/queue/", {
  position: () => ({ sequence: 0 }),
  onEvent: lookAgain,
  onConnection: (detail) => document.body.dispatchEvent(new CustomEvent("queue:connection", { detail })),
});

document.addEventListener("htmx:afterSettle", showInTitle);
showInTitle();
live.open();
