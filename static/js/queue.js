// The queue: counts on, says who has newly come, and says when it is not live. The list itself is the server's.

import { announcer } from "./announcer.js";
import { keepTicking, tick } from "./clocks.js";
import { localTimes } from "./log.js";

const announce = announcer(document.getElementById("announcer"));
let known = waiting();

/** The people who wait: pairs of an episode with its reason, and what is said of it. */
function waiting() {
  const rows = document.querySelectorAll("[data-wait]");
  const open = [...rows].filter((row) => row.querySelector("[data-promised]"));
  return new Map(
    open.map((row) => [`${row.dataset.wait} ${row.dataset.reason}`, `${row.dataset.client} needs a person: ${row.dataset.reason}.`]),
  );
}

function tellNews() {
  const now = waiting();
  const news = [...now].filter(([key]) => !known.has(key)).map(([, words]) => words);
  if (news.length) announce(news.join(" "));
  else if (known.size && !now.size) announce("Nobody is waiting for you any more.");
  known = now;
}

function showTimes() {
  const shared = document.querySelector(".shared");
  if (shared) localTimes(shared);
  tick();
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "episodes" && !event.target.querySelector?.("#episodes")) return;
  showTimes();
  tellNews();
});

document.body.addEventListener("queue:connection", ({ detail }) => {
  document.getElementById("connection").hidden = detail.state === "open" || detail.state === "connecting";
});

showTimes();
keepTicking();
