// "@" in a team note offers colleagues: <textarea data-names-in> and, beside it, <select data-names-list> with everybody who can be named.
// Arrows choose, Enter or Tab writes the name, Escape closes. The text keeps the focus; the list is announced by aria-activedescendant.
const MOST = 6;
const plain = (text) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
const started = new WeakSet();

function typedName(area) {
  const before = area.value.slice(0, area.selectionStart);
  const found = /(?:^|[^\p{L}\p{N}@./+-])@([\p{L}\p{N}][\p{L}\p{N}.'’ -]{0,40}|)$/u.exec(before);
  return found && area.selectionStart === area.selectionEnd ? { text: found[1], at: before.length - found[1].length - 1 } : null;
}

function offer(area, select) {
  const list = document.createElement("ul");
  const count = document.createElement("p");
  let names = [];
  let here = -1;
  let from = 0;
  Object.assign(list, { id: `${area.id}-names`, className: "names", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", select.labels[0]?.textContent ?? "");
  count.className = "visually-hidden";
  count.setAttribute("role", "status");
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
  area.after(list, count);

  function close() {
    list.hidden = true;
    names = [];
    area.removeAttribute("aria-activedescendant");
    count.textContent = "";
  }

  function mark(place) {
    here = (place + names.length) % names.length;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === here)));
    area.setAttribute("aria-activedescendant", list.children[here].id);
    list.children[here].scrollIntoView({ block: "nearest" });
  }

  function look() {
    const typed = typedName(area);
    if (!typed) return close();
    const words = plain(typed.text).split(/[ .]+/);
    const fits = (name) => words.every((word, place) => (place ? ` ${plain(name)}`.includes(` ${word}`) : new RegExp(`(^|[ -])${word.replaceAll(/[^\p{L}\p{N}]/gu, "")}`, "u").test(plain(name))));
    const found = [...select.options].map((option) => option.value).filter((value) => value && fits(value.slice(1)));
    if (!found.length || found.includes(`@${typed.text}`.trimEnd())) return close();
    names = found.slice(0, MOST);
    from = typed.at;
    list.replaceChildren(...names.map((name, number) => {
      const item = document.createElement("li");
      Object.assign(item, { id: `${list.id}-${number}`, textContent: name.slice(1) });
      item.setAttribute("role", "option");
      return item;
    }));
    list.hidden = false;
    count.textContent = (area.dataset.namesCount ?? "").replace("{n}", String(names.length));
    mark(0);
  }

  function take(place) {
    const after = area.value.slice(area.selectionStart);
    const text = `${names[place]}${/^[\s.,;:!?)]/.test(after) ? "" : " "}`;
    area.setRangeText(text, from, area.selectionStart, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  select.addEventListener("change", () => {
    if (!select.value) return;
    const before = area.value.slice(0, area.selectionStart);
    area.setRangeText(`${before && !/\s$/.test(before) ? " " : ""}${select.value} `, before.length, area.selectionEnd, "end");
    select.value = "";
    close();
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  area.addEventListener("input", look);
  area.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const place = [...list.children].indexOf(event.target.closest("li"));
    if (place >= 0) take(place);
  });
  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const moves = { ArrowDown: () => mark(here + 1), ArrowUp: () => mark(here - 1), Enter: () => take(here), Tab: () => take(here), Escape: close };
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    moves[event.key]();
  });
}

/** Offer names in every note of the page, each once. */
export function start() {
  for (const area of document.querySelectorAll("textarea[data-names-in]")) {
    const select = area.form.querySelector("[data-names-list]");
    if (!select || started.has(area)) continue;
    started.add(area);
    offer(area, select);
  }
}
