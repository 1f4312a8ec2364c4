// One polite voice for screen readers: what happened, never each word of it.

/** Return a function that has `region` (a role=status element) say something. */
export function announcer(region) {
  let timer = 0;
  return (words) => {
    clearTimeout(timer);
    region.textContent = "";
    timer = setTimeout(() => {
      region.textContent = words;
    }, 60);
  };
}
