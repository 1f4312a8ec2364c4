// A coach's console: what the page shows for what the socket says. Everything here is a convenience; without
// it the forms of the page still take over, send, draft and hand back.

import { announcer } from "./announcer.js";
import { keepTicking, tick } from "./clocks.js";
import { Composer, newId, Outbox, store, stored } from "./composer.js";
import "./interface.js";
import { askAfterQuietReplies, Live } from "./live.js";
import { MessageLog } from "./log.js";
import { People, Typing } from "./presence.js";
import { openSourcesBeside } from "./sources.js";
import { StatusLine } from "./status.js";

const LOOK_AFTER_MS = 120;
const LONG_TEXT = 48;
const WIDE = matchMedia("(min-width: 64rem)");

const byId = (id) => document.getElementById(id);
const page = byId("console");
const { conversation, client, persona, me } = page.dataset;
const box = byId("text");
const draftInput = byId("draft-text");
const log = new MessageLog({
  scroller: byId("log"),
  list: byId("messages"),
  jump: byId("jump"),
  pendingTemplate: byId("pending"),
});
const announce = announcer(byId("announcer"));
const outbox = new Outbox(`console-${conversation}`);
const KEPT_DRAFT = `ai-draft:${conversation}`;
const people = new People(() => {
  showPresence();
  status.show();
});

let isDrafting = false;
let shown = { owner_state: byId("standing").dataset.ownerState, epoch: Number(byId("standing").dataset.epoch) };

const live = new Live(page.dataset.socket, {
  position: () => log.position(),
  onEvent: (event, about) => HEARD[event.type]?.(event, about),
  onConnection: connectionChanged,
});
const typing = new Typing((frame) => live.send(frame));
const composer = new Composer(byId("composer"), {
  longest: Number(page.dataset.longest),
  key: `console-${conversation}`,
  onSend: say,
  onInput: (text) => {
    typing.changed(text, people.of("client").length > 0);
    fitComposer(text);
    // An emptied box has nothing of the draft left; sending empties it too, and reads the draft first.
    if (!text.trim()) queueMicrotask(forgetDraft);
  },
});

const status = new StatusLine({
  announce,
  goingOn,
  onRetry: () => live.retryNow(),
  signIn: page.dataset.signIn,
  gone: {
    text: "This conversation is no longer open to you.",
    link: { text: "Back to the queue", href: page.dataset.queue },
  },
});

// --- What the server says ---

const HEARD = {
  ready(event) {
    if (event.visible_from !== Number(page.dataset.visibleFrom)) return location.reload();
    if (event.sequence !== log.newest || log.isWriting) live.greet();
    noteStanding(event);
    for (const [clientId, text] of outbox.waiting) send(clientId, text);
    return undefined;
  },
  ack(event) {
    outbox.take(event.client_id);
    log.acknowledge(event.client_id, event.message, event.sequence);
    if (event.repeated) live.greet();
  },
  refused(event) {
    if (!event.client_id) return;
    giveBack(event.client_id);
    composer.refuse(event.text);
    if (event.code === "already_taken") lookAnew();
  },
  message(event) {
    const { isNew, ended, hasGap, element } = log.show(event);
    byId("nothing-said")?.remove();
    if (hasGap) live.greet();
    tellMessage(event, { isNew, ended, element });
    status.show();
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
  if (event.sender_type === "ai") {
    if (event.state === "streaming" && isNew) announce(`${persona} is writing.`);
    else if (ended) announce(`${persona} has answered.`);
  } else if (isNew && event.sender_type === "system") {
    announce(element.querySelector(".message__body, .crisis__words")?.textContent.replace(/\s+/g, " ").trim() ?? "");
  } else if (isNew) {
    announce(`New message from ${element.querySelector(".message__sender")?.textContent.trim() ?? client}.`);
  }
}

function noteStanding({ owner_state, epoch }, { isNews = false } = {}) {
  const isChanged = owner_state !== shown.owner_state || epoch !== shown.epoch;
  shown = { owner_state, epoch };
  if (isChanged || isNews) lookAnew();
}

let lookTimer = 0;

/** Fetch how things stand, as the server words it. */
function lookAnew() {
  clearTimeout(lookTimer);
  lookTimer = setTimeout(
    () => window.htmx?.ajax("GET", location.pathname, { target: "#standing", swap: "outerHTML" }),
    LOOK_AFTER_MS,
  );
}

/** The server's words about how things stand are on the page now. */
function standingShown() {
  const { ownerState, epoch, heldBy } = byId("standing").dataset;
  shown = { owner_state: ownerState, epoch: Number(epoch) };
  page.dataset.ownerState = ownerState;
  byId("send").disabled = Boolean(heldBy);
  fitBrief();
  tick();
  showPresence();
  status.show();
}

// --- What the coach does ---

/** Give a longer text the whole width. */
function fitComposer(text) {
  byId("composer").classList.toggle("composer--long", text.length > LONG_TEXT || text.includes("\n"));
}

function say(text) {
  const clientId = newId();
  outbox.add(clientId, text, { draft: draftInput.value });
  log.addPending(clientId, text);
  typing.stop();
  forgetDraft();
  send(clientId, text);
}

function send(clientId, text) {
  const sent = live.send({ type: "say", client_id: clientId, text, draft: outbox.draftOf(clientId) });
  log.notePending(clientId, sent ? "Sending…" : "Will be sent when the connection is back");
}

/** Put a message that was not taken back into the box, with the draft that it came from. */
function giveBack(clientId) {
  const draft = outbox.draftOf(clientId);
  const text = outbox.take(clientId);
  log.dropPending(clientId);
  if (text === undefined) return;
  composer.giveBack(text);
  keepDraft(draft);
}

/** Remember which draft of the AI the text in the box came from, also over a reload. */
function keepDraft(text) {
  draftInput.value = text;
  store(KEPT_DRAFT, text);
}

function forgetDraft() {
  if (composer.text.trim()) return;
  keepDraft("");
  sayOfDraft("");
}

byId("ask-draft").addEventListener("click", (event) => {
  event.preventDefault();
  if (!isDrafting) askForDraft(event.currentTarget.formAction);
});

async function askForDraft(address) {
  isDrafting = true;
  byId("ask-draft").setAttribute("aria-disabled", "true");
  sayOfDraft("");
  status.show();
  try {
    const answer = await fetch(address, {
      method: "POST",
      body: new FormData(byId("composer")),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) throw new Error(`draft: ${answer.status}`);
    takeDraft(await answer.json());
  } catch {
    sayOfDraft("The draft did not arrive. Your own words are enough.");
  } finally {
    isDrafting = false;
    byId("ask-draft").removeAttribute("aria-disabled");
    status.show();
  }
}

function takeDraft({ problem, text, sources = [] }) {
  if (problem) {
    sayOfDraft(problem);
    announce(problem);
    return;
  }
  box.value = box.value.trim() ? `${box.value.trimEnd()}\n\n${text}` : text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  keepDraft(text);
  sayOfDraft("A draft of the AI: edit it, it goes out in your name.", sources);
  announce("The draft is in the box.");
  box.focus();
  box.setSelectionRange(0, 0);
  box.scrollTop = 0;
}

/** Say what there is to know about the draft; empty words take that away. */
function sayOfDraft(words, sources = []) {
  const place = byId("draft-about");
  place.replaceChildren(words);
  for (const [index, { title, place: where, url }] of sources.entries()) {
    const link = Object.assign(document.createElement("a"), { href: url });
    link.textContent = where ? `${title}, ${where}` : title;
    link.dataset.citation = "";
    place.append(index ? " · " : " It draws on ", link);
  }
  place.hidden = !words;
}

openSourcesBeside(page, byId("viewer"));

// --- What is shown of how it stands ---

function connectionChanged(now) {
  if (now.state === "reconnecting") {
    for (const [clientId] of outbox.waiting) log.notePending(clientId, "Will be sent when the connection is back");
  }
  if (now.reason === "too-large") {
    for (const [clientId] of outbox.waiting) giveBack(clientId);
    composer.refuse("This message is too large to be sent. Shorten it or send it in parts.");
  }
  status.connectionChanged(now);
  showPresence();
}

/** Return what goes on while the connection needs no words. */
function goingOn() {
  if (isDrafting) return { text: "The AI drafts a reply for you…", isBusy: true };
  const writer = others().find((person) => person.typing);
  if (writer) return { text: `${writer.name} is typing…`, isBusy: true, tone: "waiting" };
  if (log.isWriting) return { text: `${persona} is writing…`, isBusy: true };
  return { text: "" };
}

function others() {
  return [...people.of("client"), ...people.of("coach")].filter((person) => person.user !== me);
}

/** Say whether the client is here, and which other coach reads along. */
function showPresence() {
  const isHere = people.of("client").length > 0;
  const coaches = people.of("coach").filter((person) => person.user !== me).map((person) => person.name);
  const also = coaches.length ? ` · ${coaches.join(" and ")} ${coaches.length > 1 ? "are" : "is"} here too` : "";
  const place = byId("presence");
  place.hidden = status.connection !== "open";
  place.classList.toggle("presence--here", isHere);
  place.textContent = `${isHere ? "here now" : "away"}${also}`;
}

// The brief is beside the conversation where there is room, and one press away where there is none.

let isBriefOpen = WIDE.matches;

function fitBrief() {
  byId("brief").open = isBriefOpen;
}

page.addEventListener("click", (event) => {
  if (event.target.closest(".brief__summary")) isBriefOpen = !byId("brief").open;
  if (event.target.closest(".brief__quote") && !WIDE.matches) isBriefOpen = byId("brief").open = false;
});
WIDE.addEventListener("change", () => {
  isBriefOpen = WIDE.matches;
  fitBrief();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest?.("#console")) standingShown();
});

askAfterQuietReplies(live, log);
for (const [clientId, text] of outbox.waiting) log.addPending(clientId, text);
if (composer.text.trim() && !draftInput.value) draftInput.value = stored(KEPT_DRAFT) ?? "";
standingShown();
fitComposer(composer.text);
keepTicking();
log.toEnd();
if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
live.open();
