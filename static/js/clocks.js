// How long somebody waits, counted on while the page is open, in the words of conversations/waiting.py.

const EVERY_MS = 10_000;
const MINUTE_MS = 60_000;

function duration(milliseconds) {
  const minutes = Math.max(0, Math.floor(milliseconds / MINUTE_MS));
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours < 24) return rest ? `${hours} h ${rest} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "1 day" : `${days} days`;
}

/** Show on every clock of the page how long it has been, and mark what is later than promised. */
export function tick() {
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const passed = Date.now() - new Date(clock.dateTime).getTime();
    const words = duration(passed);
    if (clock.textContent !== words) clock.textContent = words;
    if (!clock.dataset.promised) continue;
    const isLate = passed >= Number(clock.dataset.promised) * MINUTE_MS;
    clock.closest(".wait, .standing")?.classList.toggle("wait--overdue", isLate);
  }
}

/** Keep the clocks going for as long as the page is open; a tab that comes to the front is right at once. */
export function keepTicking() {
  tick();
  setInterval(tick, EVERY_MS);
  document.addEventListener("visibilitychange", tick);
}
