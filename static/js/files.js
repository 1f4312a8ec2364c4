// Choosing a file must change no other field: Unfold writes its name into the first text field near it, which in our
// forms is the title of a document.

document.addEventListener(
  "change",
  (event) => {
    if (event.target.type === "file" && event.target.closest(".desk")) event.stopPropagation();
  },
  true,
);
