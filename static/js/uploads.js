// Say which files were chosen, since the button alone does not. <input type="file" data-names>
let started = false;

function listFor(input) {
  const place = input.closest(".field") ?? input.form;
  let list = place.querySelector(".upload-names");
  if (!list) {
    list = document.createElement("ul");
    list.className = "upload-names";
    (input.closest("label") ?? input).after(list);
  }
  return list;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Listen once for the whole page. */
export function start() {
  if (started) return;
  started = true;
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("input[data-names]")) return;
    const list = listFor(event.target);
    list.replaceChildren(...[...event.target.files].map((file) => {
      const line = document.createElement("li");
      line.textContent = `${file.name}, ${size(file.size)}`;
      return line;
    }));
    list.hidden = !event.target.files.length;
  });
}
