// Copies the value of the field that a button names, and says so.

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[data-copied]");
  if (!field || !said) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch {
      // Without a secure address browsers keep their clipboard closed; the link is selected all the same.
      said.textContent = "Press Ctrl + C (on a Mac, ⌘ + C) to copy it.";
    }
  });
}
