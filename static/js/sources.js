// Opens a citation beside the conversation instead of leaving it. Without this file the link leads to the page.

/** Open citations of `root` in `dialog`, whose content is fetched as a fragment by htmx. */
export function openSourcesBeside(root, dialog) {
  const body = dialog.querySelector("#viewer-body");
  const asPage = dialog.querySelector("#viewer-open");
  root.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-citation]");
    const wantsOwnTab = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0;
    if (!link || wantsOwnTab || !window.htmx) return;
    event.preventDefault();
    asPage.href = link.href;
    body.replaceChildren(waiting());
    if (!dialog.open) dialog.showModal();
    link.setAttribute("aria-expanded", "true");
    dialog.addEventListener("close", () => link.removeAttribute("aria-expanded"), { once: true });
    await window.htmx.ajax("GET", link.getAttribute("href"), { target: body, swap: "innerHTML", source: body });
  });
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    body.addEventListener(failure, () => body.replaceChildren(words("This page could not be opened here.")));
  }
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => body.replaceChildren());
}

function waiting() {
  const skeleton = document.createElement("div");
  skeleton.className = "skeleton viewer-waiting";
  skeleton.setAttribute("role", "status");
  skeleton.setAttribute("aria-label", "Opening the page");
  return skeleton;
}

function words(text) {
  const paragraph = document.createElement("p");
  paragraph.className = "notice notice--warning";
  paragraph.setAttribute("role", "alert");
  paragraph.textContent = text;
  return paragraph;
}
