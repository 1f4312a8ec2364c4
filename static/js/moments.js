// Puts moments that the server wrote in its own zone on the reader's clock, also those that htmx brings later.

const DAY = { day: "numeric", month: "long", year: "numeric" };
const MINUTE = { hour: "2-digit", minute: "2-digit" };

function onOwnClock() {
  for (const time of document.querySelectorAll("time[data-moment]")) {
    const at = new Date(time.dateTime);
    time.textContent = `${at.toLocaleDateString("en-GB", DAY)}, ${at.toLocaleTimeString("en-GB", MINUTE)}`;
    delete time.dataset.moment;
  }
}

document.addEventListener("htmx:afterSwap", onOwnClock);
onOwnClock();
