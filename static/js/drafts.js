// Drafts: kept 1.5 s after the last key and on leaving a field. <form data-draft="address">, and parts of it that are kept by
// themselves: <div data-draft="address">. data-base is the revision this window knows; another window's words are kept beside.
const PAUSE = 1500;
const AGAIN = 15000;
const timers = new WeakMap();
const changed = new WeakSet();
let started = false;

const formOf = (part) => part.closest("form");

function content(part) {
  const form = formOf(part);
  const data = new FormData(form);
  data.delete("_key");
  for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
  for (const field of form.elements) if (field.name && field.name !== "csrf_token" && field.closest("[data-draft]") !== part) data.delete(field.name);
  if (part.dataset.base) data.set("draft_base", part.dataset.base);
  return data;
}

function tell(part, ok) {
  const state = formOf(part).querySelector("[data-draft-state]") ?? document.querySelector("[data-draft-state]");
  if (!state) return;
  const now = new Date();
  const time = `${now.getHours()}:${String(now.getMinutes()).padStart(2, "0")}`;
  state.hidden = false;
  state.querySelector("span").textContent = ok ? state.dataset.saved.replace("{time}", time) : state.dataset.failed;
}

function hear(part, answer) {
  const revision = answer.headers.get("Draft-Revision");
  if (part.dataset.base && revision) part.dataset.base = revision;
  const notice = formOf(part).querySelector("[data-draft-other]");
  if (notice && answer.headers.get("Draft-Other")) notice.hidden = false;
}

async function save(part) {
  if (!changed.has(part) || !part.isConnected || formOf(part).getAttribute("aria-busy") === "true") return;
  changed.delete(part);
  try {
    const headers = { "X-CSRFToken": formOf(part).elements.csrf_token?.value ?? "", "HX-Request": "true" };
    const answer = await fetch(part.dataset.draft, { method: "POST", body: content(part), headers, keepalive: true });
    if (!answer.ok) throw new Error(String(answer.status));
    hear(part, answer);
    tell(part, true);
  } catch {
    changed.add(part);
    tell(part, false);
    plan(part, AGAIN);
  }
}

function plan(part, delay) {
  clearTimeout(timers.get(part));
  timers.set(part, setTimeout(save, delay, part));
}

function draftOf(event) {
  return event.target.name ? event.target.closest("[data-draft]") : null;
}

/** Listen once for the whole page. */
export function start() {
  if (started) return;
  started = true;
  document.addEventListener("input", (event) => {
    const part = draftOf(event);
    if (!part) return;
    changed.add(part);
    plan(part, PAUSE);
  });
  document.addEventListener("focusout", (event) => draftOf(event) && save(draftOf(event)));
  document.addEventListener("visibilitychange", () => document.hidden && document.querySelectorAll("[data-draft]").forEach(save));
}
