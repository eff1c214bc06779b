// One short sentence at a time, for six seconds; the clock stands still while it is read with mouse or keyboard.
const STAYS = 6000;
const region = document.querySelector("[data-toasts]");

function cross(line) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "close";
  button.setAttribute("aria-label", region.dataset.close);
  button.textContent = "×";
  button.addEventListener("click", () => line.remove());
  return button;
}

function show(line) {
  let timer = 0;
  const run = () => { timer = setTimeout(() => line.remove(), STAYS); };
  const hold = () => clearTimeout(timer);
  for (const [event, action] of [["mouseenter", hold], ["focusin", hold], ["mouseleave", run], ["focusout", run]]) line.addEventListener(event, action);
  line.append(cross(line));
  region.replaceChildren(line);
  run();
}

/** Say something new, politely. */
export function say(text) {
  const line = document.createElement("div");
  const words = document.createElement("span");
  line.className = "toast-line";
  words.textContent = text;
  line.append(words);
  show(line);
}

/** Take over what the server said: put in again, because a live region is only read out when it changes. */
export function start() {
  const lines = [...region.querySelectorAll("[data-toast]")];
  for (const line of lines) line.removeAttribute("data-toast");
  const last = lines.at(-1);
  if (!last) return;
  if (lines.length > 1) last.firstElementChild.textContent = lines.map((line) => line.firstElementChild.textContent).join(" ");
  region.replaceChildren();
  setTimeout(show, 150, last);
}
