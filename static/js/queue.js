// The queue by keyboard: J K move, X select, Shift X range, T take. Enter opens, because the title of the current row has the focus.
let started = false;
let anchor = null; // where a range begins

const list = () => document.querySelector("[data-queue]");
const rows = () => [...list().querySelectorAll("tr[data-row]")];
const boxes = () => [...list().querySelectorAll("tr[data-row] input[type=checkbox]")];
const current = () => list().querySelector("tr.cur");

function move(step) {
  const all = rows();
  const at = all.indexOf(current());
  const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!next) return;
  current()?.classList.remove("cur");
  next.classList.add("cur");
  next.querySelector("a[data-open]")?.focus();
}

function select(range) {
  const all = rows();
  const here = current() ?? all[0];
  const box = here?.querySelector("input[type=checkbox]");
  if (!box) return;
  if (range && anchor?.isConnected) {
    const [from, to] = [all.indexOf(anchor), all.indexOf(here)].sort((a, b) => a - b);
    for (const row of all.slice(from, to + 1)) row.querySelector("input[type=checkbox]").checked = true;
  } else {
    box.checked = !box.checked;
    anchor = here;
  }
  count();
}

function count() {
  const words = list()?.querySelector("[data-bulk] output");
  const number = boxes().filter((box) => box.checked).length;
  const every = list()?.querySelector("[data-every]");
  if (words && every?.checked) words.textContent = every.dataset.every;
  else if (words) words.textContent = number === 1 ? words.dataset.one : words.dataset.many.replace("{n}", number);
  const all = list()?.querySelector("[data-all]");
  if (all) [all.checked, all.indeterminate] = [number > 0 && number === boxes().length, number > 0 && number < boxes().length];
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => select(false),
  "shift+x": () => select(true),
  t: () => current()?.querySelector("[data-take]")?.click(),
};

/** Listen once; rows may be replaced at any time. */
export function start() {
  count();
  list()?.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  if (started) return;
  started = true;
  document.addEventListener("hearth:key", (event) => {
    if (!list() || !ACTIONS[event.detail]) return;
    event.preventDefault();
    ACTIONS[event.detail]();
  });
  document.addEventListener("change", (event) => {
    if (!list()?.contains(event.target)) return;
    if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
    count();
  });
  document.addEventListener("reset", (event) => {
    if (!list()?.contains(event.target)) return;
    event.preventDefault(); // a reset would bring back the ticks the page came with
    for (const box of [...boxes(), ...list().querySelectorAll("[data-every]")]) box.checked = false;
    count();
  });
  document.addEventListener("toggle", (event) => { // a key opened the menu: Esc and the arrows are for it
    if (event.target.matches?.("[data-queue] details[data-menu][open]")) event.target.querySelector("summary").focus({ preventScroll: true });
  }, true);
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-queue] tr[data-row]");
    if (!row || row === current()) return;
    current()?.classList.remove("cur");
    row.classList.add("cur");
  });
}
