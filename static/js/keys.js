// Keys. What a key does is written on the element it belongs to: data-key="r", "g q", "ctrl+enter".
// Single keys do nothing in fields and can be switched off per person (data-keys="off" on the body).
import { open as openSearch } from "./palette.js";

const FIELDS = "input:not([type=checkbox], [type=radio], [type=submit], [type=reset], [type=button], [type=file]), textarea, select, [contenteditable]";
let first = ""; // the first key of a sequence such as G Q
let forget = 0;

/** The name of a key press as written in data-key. */
function named(event) {
  const key = event.key.toLowerCase();
  const shifted = event.shiftKey && /^[a-z]$|^.{2,}$/.test(key);
  return [(event.ctrlKey || event.metaKey) && "ctrl", event.altKey && "alt", shifted && "shift", key].filter(Boolean).join("+");
}

function act(element) {
  if (element.matches(FIELDS)) {
    element.focus();
    element.scrollIntoView({ block: "nearest" });
  } else {
    element.click();
    // Who chooses what to write wants to write it: the next letters belong into the field, not to the keys of the page.
    if (element.matches("label")) [...(element.closest("form")?.querySelectorAll("textarea") ?? [])].find((area) => area.checkVisibility())?.focus();
  }
}

function find(key, root = document) {
  return [...root.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((element) => element.checkVisibility());
}

/** Handle one key press; called for every keydown of the page. */
export function press(event) {
  if (event.isComposing || event.key === undefined) return;
  const key = named(event);
  const strong = event.ctrlKey || event.metaKey;
  const field = event.target.closest?.(FIELDS);
  if (key === "ctrl+k") return done(event, openSearch);
  if (document.querySelector("dialog[open]")) return;
  if (field && key === "escape") return field.blur();
  if (field ? !strong : !strong && key !== "escape" && document.body.dataset.keys === "off") return;
  if (key === "/") return done(event, openSearch);
  if (key === "?") return done(event, help);
  const sequence = first && `${first} ${key}`;
  first = "";
  const target = (sequence && find(sequence)) || (!offered(key) && find(key, field?.form ?? document));
  if (target) return done(event, () => act(target));
  if (!strong && document.querySelector(`[data-key^="${CSS.escape(key)} "]`)) {
    first = key;
    clearTimeout(forget);
    forget = setTimeout(() => { first = ""; }, 1200);
  }
}

// A list of rows takes its keys first; it answers by preventing the default of this event.
function offered(key) {
  return !document.dispatchEvent(new CustomEvent("hearth:key", { detail: key, cancelable: true }));
}

function done(event, action) {
  event.preventDefault();
  action();
}

function row(keys, label) {
  const line = document.createElement("div");
  const name = document.createElement("dt");
  const caps = document.createElement("dd");
  name.textContent = label;
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.textContent = key.replace("escape", "esc").replace("+", " ").replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
    caps.append(cap, " ");
  }
  line.append(name, caps);
  return line;
}

/** Open the list of the keys of this page, gathered from the page itself. */
export function help() {
  const list = document.querySelector("[data-key-rows]");
  const rows = new Map([["/", list.dataset.search], ["ctrl+k", list.dataset.search], ["?", list.dataset.keys], ["escape", list.dataset.close]]);
  for (const element of document.querySelectorAll("[data-key], [data-keycaps]")) {
    rows.set(element.dataset.key ?? element.dataset.keycaps, element.dataset.keyLabel ?? element.textContent.trim());
  }
  list.replaceChildren(...[...rows].map(([keys, label]) => row(keys, label)));
  document.querySelector("[data-key-help]").showModal();
}
