// The list of conversations: renaming in place, and times on the reader's own clock.

import { localTimes } from "./log.js";

function setRenaming(row, isRenaming) {
  row.querySelector(".row__rename").hidden = !isRenaming;
  row.querySelector(".row__link").hidden = isRenaming;
  row.querySelector(".row__menu").hidden = isRenaming;
  row.querySelector(".row__menu").open = false;
  if (isRenaming) row.querySelector(".row__rename input").select();
  else row.querySelector(".row__menu summary").focus();
}

document.addEventListener("click", (event) => {
  const begins = event.target.closest("[data-rename]");
  if (begins) setRenaming(document.getElementById(begins.dataset.rename), true);
  const cancels = event.target.closest("[data-rename-cancel]");
  if (cancels) setRenaming(cancels.closest(".row"), false);
});

document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && event.target.closest?.(".row__rename");
  if (form) setRenaming(form.closest(".row"), false);
});

document.addEventListener("htmx:afterSwap", (event) => {
  localTimes(document);
  if (event.detail.requestConfig?.verb !== "post") return;
  document.querySelector(`#${CSS.escape(event.detail.target.id)} .row__link`)?.focus();
});

localTimes(document);
