// The educator's chat: what the page shows for what the socket says. Everything here is a convenience;
// without it the forms of the page still send, stop and ask.

import { announcer } from "./announcer.js";
import { Composer, newId, Outbox } from "./composer.js";
import { askAfterQuietReplies, Live } from "./live.js";
import { MessageLog } from "./log.js";
import { People, Typing } from "./presence.js";
import { Quota } from "./quota.js";
import { openSourcesBeside } from "./sources.js";
import { StatusLine } from "./status.js";
import { StudentDataQuestion } from "./student_data.js";

const byId = (id) => document.getElementById(id);
const page = byId("chat");
const conversation = page.dataset.conversation;
const persona = page.dataset.persona;
const log = new MessageLog({
  scroller: byId("log"),
  list: byId("messages"),
  jump: byId("jump"),
  pendingTemplate: byId("pending"),
});
const announce = announcer(byId("announcer"));
const outbox = new Outbox(conversation);
const people = new People(() => {
  showPresence();
  showStatus();
});

let isStopping = false;
let standing = {
  owner_state: page.dataset.ownerState,
  epoch: Number(page.dataset.epoch),
  holder: page.dataset.holder,
};

const live = new Live(page.dataset.socket, {
  position: () => log.position(),
  onEvent: (event, about) => HEARD[event.type]?.(event, about),
  onConnection: connectionChanged,
});
const typing = new Typing((frame) => live.send(frame));
const composer = byId("composer")
  ? new Composer(byId("composer"), {
      longest: Number(page.dataset.longest),
      key: conversation,
      onSend: say,
      onInput: (text) => typing.changed(text, people.of("coach").length > 0),
    })
  : null;

const status = new StatusLine({
  announce,
  goingOn,
  onRetry: () => live.retryNow(),
  signIn: page.dataset.signIn,
  gone: {
    text: "This conversation is no longer available.",
    link: { text: "All conversations", href: "/" },
  },
});

const quota = composer ? new Quota({ left: byId("left"), wait: byId("wait"), composer, announce }) : null;
const question = composer
  ? new StudentDataQuestion(byId("student-data"), composer, { announce, onSend: say })
  : null;

// --- What the server says ---

const HEARD = {
  ready(event) {
    const isBehind = event.sequence !== log.newest || log.isWriting;
    if (isBehind) live.greet();
    noteStanding(event);
    sendWaiting();
  },
  ack(event) {
    outbox.take(event.client_id);
    log.acknowledge(event.client_id, event.message, event.sequence);
    quota?.show(event.left);
    if (event.repeated) live.greet();
  },
  refused(event) {
    const text = event.client_id ? outbox.take(event.client_id) : undefined;
    if (event.client_id) log.dropPending(event.client_id);
    if (text !== undefined) composer?.giveBack(text);
    if (event.code === "student_data") question?.ask(event);
    else composer?.refuse(event.text);
    if (event.seconds) quota?.hold(event.seconds);
  },
  message(event) {
    const { isNew, ended, hasGap, element } = log.show(event);
    byId("welcome")?.remove();
    if (hasGap) live.greet();
    if (event.state !== "streaming") isStopping = isStopping && log.isWriting;
    tellMessage(event, { isNew, ended, element });
    const isTitled = Boolean(byId("situation").dataset.title);
    if ((isNew && event.sender_type === "system") || !isTitled) lookAnew();
    showStatus();
  },
  delta(event) {
    if (!log.append(event)) live.greet();
  },
  state(event, { answersGreeting }) {
    if (answersGreeting) log.settle();
    noteStanding(event, { isNews: !answersGreeting });
  },
  presence(event) {
    people.take(event.people);
  },
  reload() {
    location.reload();
  },
};

function tellMessage(event, { isNew, ended, element }) {
  const sender = element?.querySelector(".message__sender")?.textContent.trim() || "Sideline";
  if (event.sender_type === "ai") {
    if (event.state === "streaming" && isNew) announce(`${sender} is writing.`);
    else if (ended) announce(event.state === "complete" ? "The answer is complete." : problemOf(element));
  } else if (isNew && event.sender_type === "human_coach") {
    announce(`New message from ${sender}.`);
  } else if (isNew && event.sender_type === "system") {
    announce(element.querySelector(".message__body, .crisis")?.textContent.replace(/\s+/g, " ").trim() ?? "");
  }
}

function problemOf(element) {
  return element?.querySelector(".message__problem span")?.textContent ?? "The answer has ended.";
}

function noteStanding({ owner_state, epoch, holder }, { isNews = false } = {}) {
  const isChanged = owner_state !== standing.owner_state || epoch !== standing.epoch;
  standing = { owner_state, epoch, holder };
  page.dataset.ownerState = owner_state;
  composer?.address(holder || persona);
  if (owner_state === "coach") quota?.release();
  if (isChanged || isNews) lookAnew();
  showStatus();
}

let lookTimer = 0;

/** Fetch how things stand, as the server words it. */
function lookAnew() {
  clearTimeout(lookTimer);
  lookTimer = setTimeout(async () => {
    await window.htmx?.ajax("GET", location.pathname, { target: "#situation", swap: "outerHTML" });
    showPresence();
    showTitle();
  }, 120);
}

/** A conversation gets its title from its first message. */
function showTitle() {
  const title = byId("situation").dataset.title;
  if (!title || byId("title").textContent === title) return;
  byId("title").textContent = title;
  document.title = document.title.replace(/^.* · /, () => `${title} · `);
  const listed = document.querySelector("#side [aria-current] .item__title");
  if (listed) {
    listed.textContent = title;
    listed.parentElement.querySelector(".item__detail").textContent = "Just now";
  }
  byId("rename").value = title;
}

// --- What the person does ---

function say(text, studentData = question?.decisionFor(text) ?? "") {
  const clientId = newId();
  outbox.add(clientId, text, { studentData });
  byId("welcome")?.remove();
  log.addPending(clientId, text);
  typing.stop();
  sendOne(clientId, text, studentData);
}

function sendOne(clientId, text, studentData) {
  if (!live.send({ type: "say", client_id: clientId, text, student_data: studentData })) {
    log.notePending(clientId, "Will be sent when the connection is back");
    showStatus();
  }
}

/** Send again what was not acknowledged; the server knows each by its key. */
function sendWaiting() {
  for (const [clientId, text] of outbox.waiting) {
    log.notePending(clientId, "Sending…");
    sendOne(clientId, text, outbox.studentDataOf(clientId));
  }
}

function stop() {
  if (!log.isWriting || isStopping) return false;
  if (!live.send({ type: "stop" })) return false;
  isStopping = true;
  showStatus();
  return true;
}

byId("stop").addEventListener("submit", (event) => {
  if (stop() || isStopping) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const isElsewhere = event.target.closest?.("dialog, details[open], [popover]:popover-open");
  if (event.key === "Escape" && !isElsewhere && !event.isComposing) stop();
});

page.addEventListener("click", (event) => {
  const retry = event.target.closest("[data-retry]");
  if (!retry) return;
  if (live.send({ type: "retry", message: retry.dataset.retry })) {
    composer?.refuse("");
    composer?.focus();
  } else {
    composer?.refuse("There is no connection yet. Try again when it is back.");
  }
});

for (const form of document.querySelectorAll("#welcome [data-suggestions]")) {
  form.addEventListener("submit", (event) => {
    if (!composer) return;
    event.preventDefault();
    say(event.submitter.value);
    composer.focus();
  });
}

// A drawer that is open when the window grows is beside the conversation from then on.
matchMedia("(min-width: 56rem)").addEventListener("change", ({ matches }) => {
  if (matches) byId("side").hidePopover();
});

openSourcesBeside(page, byId("viewer"));

// --- What is shown of how it stands ---

function connectionChanged(now) {
  if (now.state === "reconnecting") {
    isStopping = false;
    for (const [clientId] of outbox.waiting) log.notePending(clientId, "Will be sent when the connection is back");
  }
  if (now.reason === "too-large") returnTooLarge();
  status.connectionChanged(now);
  showStatus();
}

/** A message that the server would not even read goes back into the box instead of round and round. */
function returnTooLarge() {
  for (const [clientId] of outbox.waiting) {
    const text = outbox.take(clientId);
    log.dropPending(clientId);
    composer?.giveBack(text);
  }
  composer?.refuse("This message is too large to be sent. Shorten it or send it in parts.");
}

/** Return what goes on while the connection needs no words. */
function goingOn() {
  const writer = people.of("coach").find((person) => person.typing);
  if (writer) return { text: `${writer.name} is typing…`, isBusy: true, tone: "waiting" };
  if (log.isWriting) return { text: isStopping ? "Stopping…" : `${persona} is writing…`, isBusy: true };
  return { text: "" };
}

function showStatus() {
  status.show();
  byId("stop").hidden = !log.isWriting || status.connection === "closed";
}

function showPresence() {
  const place = byId("presence");
  if (!place) return;
  const names = people.of("coach").map((person) => person.name);
  const isReading = names.length > 0 && standing.owner_state !== "coach";
  place.hidden = !isReading;
  place.textContent = isReading ? `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} reading along` : "";
}

askAfterQuietReplies(live, log);
for (const [clientId, text] of outbox.waiting) log.addPending(clientId, text);
log.toEnd();
if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
showStatus();
live.open();
