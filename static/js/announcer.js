// One polite voice for screen readers: what happened, never each word of it.

const SILENCE_MS = 60; // Emptied first, so that the same words twice are said twice.
const TURN_MS = 600; // How long words stay before others are said.
const MOST_WAITING = 3; // Older ones are left out: what is said long after it happened misleads.

/** Return a function that has `region` (a role=status element) say something; what comes meanwhile is said after it. */
export function announcer(region) {
  const waiting = [];
  let timer = 0;

  function fallSilent() {
    region.textContent = "";
    timer = setTimeout(say, SILENCE_MS);
  }

  function say() {
    region.textContent = waiting.shift();
    timer = setTimeout(goOn, TURN_MS);
  }

  function goOn() {
    timer = 0;
    if (waiting.length) fallSilent();
  }

  return (words) => {
    waiting.push(words);
    if (waiting.length > MOST_WAITING) waiting.shift();
    if (!timer) fallSilent();
  };
}
