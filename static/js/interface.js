// The little that every page needs: the theme button, notices that can be closed, dialogs.

import "./moments.js";

const root = document.documentElement;
const YEAR = 365 * 24 * 3600;

function shownTheme() {
  const chosen = root.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function labelThemeButtons() {
  const next = shownTheme() === "dark" ? "light" : "dark";
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.setAttribute("aria-label", `Switch to ${next} appearance`);
    for (const icon of button.querySelectorAll("[data-for-theme]")) {
      icon.toggleAttribute("hidden", icon.dataset.forTheme !== next);
    }
  }
}

function toggleTheme() {
  const next = shownTheme() === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${next}; path=/; max-age=${YEAR}; SameSite=Lax${secure}`;
  labelThemeButtons();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-theme-toggle], [data-dismiss], [data-open-dialog], [data-close-dialog]");
  if (!target) return;
  if ("themeToggle" in target.dataset) toggleTheme();
  if ("dismiss" in target.dataset) target.closest(target.dataset.dismiss || "[role=status]")?.remove();
  if (target.dataset.openDialog) document.getElementById(target.dataset.openDialog)?.showModal();
  if ("closeDialog" in target.dataset) target.closest("dialog")?.close();
});

// A menu made of <details> closes when the focus or a click goes elsewhere, and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});

// A form that was one too many is answered with a notice instead of its fragment.
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (xhr.status === 429) document.getElementById("toasts")?.insertAdjacentHTML("beforeend", xhr.responseText);
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", labelThemeButtons);
labelThemeButtons();
