// Files dropped on the library, or chosen there, are sent one by one, each with its own progress.
// Without this script the form sends them all in one request.

const form = document.querySelector("[data-upload]");

if (form) {
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-drop]");
  const list = form.querySelector("[data-uploads]");
  const waiting = [];
  let sending = false;

  const line = (file) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    const note = document.createElement("span");
    name.textContent = file.name;
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    item.append(name, bar, note);
    list.append(item);
    return {
      progress: (percent) => {
        bar.value = percent;
      },
      end: (text, failed) => {
        bar.remove();
        note.textContent = text;
        item.classList.toggle("field__error", failed);
        if (!failed && !text) item.remove();
      },
    };
  };

  const send = (body, shown) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("HX-Request", "true");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) shown.progress((100 * event.loaded) / event.total);
      });
      request.addEventListener("load", () => {
        const failed = request.status !== 200;
        const words = { 413: "This file is too large to send." };
        const told = request.status === 200 || request.status === 422 ? request.responseText : words[request.status];
        shown.end(told ?? "The file could not be sent. Reload the page and try again.", failed);
        document.body.dispatchEvent(new Event("library:changed"));
        resolve();
      });
      request.addEventListener("error", () => {
        shown.end("The connection broke. Try again.", true);
        resolve();
      });
      request.send(body);
    });

  const work = async () => {
    if (sending) return;
    sending = true;
    while (waiting.length) {
      const { body, shown } = waiting.shift();
      await send(body, shown);
    }
    sending = false;
  };

  const take = (files) => {
    for (const file of files) {
      // Who may look things up in a file is what was chosen when it was given, whatever is chosen for later ones.
      const body = new FormData(form);
      body.set("documents", file);
      waiting.push({ body, shown: line(file) });
    }
    input.value = "";
    work();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(input.files);
  });

  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("library-drop--over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    zone.addEventListener(kind, () => zone.classList.remove("library-drop--over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });

  window.addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
}
