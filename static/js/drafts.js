// Drafts: kept 1.5 s after the last key and on leaving a field. <form data-draft="address">
const PAUSE = 1500;
const AGAIN = 15000;
const timers = new WeakMap();
const changed = new WeakSet();
let started = false;

function content(form) {
  const data = new FormData(form);
  data.delete("_key");
  for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
  return data;
}

function tell(form, ok) {
  const state = form.querySelector("[data-draft-state]") ?? document.querySelector("[data-draft-state]");
  if (!state) return;
  const now = new Date();
  const time = `${now.getHours()}:${String(now.getMinutes()).padStart(2, "0")}`;
  state.hidden = false;
  state.querySelector("span").textContent = ok ? state.dataset.saved.replace("{time}", time) : state.dataset.failed;
}

async function save(form) {
  if (!changed.has(form) || !form.isConnected || form.getAttribute("aria-busy") === "true") return;
  changed.delete(form);
  try {
    const headers = { "X-CSRFToken": form.elements.csrf_token?.value ?? "", "HX-Request": "true" };
    const answer = await fetch(form.dataset.draft, { method: "POST", body: content(form), headers, keepalive: true });
    if (!answer.ok) throw new Error(String(answer.status));
    tell(form, true);
  } catch {
    changed.add(form);
    tell(form, false);
    plan(form, AGAIN);
  }
}

function plan(form, delay) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(save, delay, form));
}

function draftOf(event) {
  return event.target.closest?.("form[data-draft]");
}

/** Listen once for the whole page. */
export function start() {
  if (started) return;
  started = true;
  document.addEventListener("input", (event) => {
    const form = draftOf(event);
    if (!form) return;
    changed.add(form);
    plan(form, PAUSE);
  });
  document.addEventListener("focusout", (event) => draftOf(event) && save(draftOf(event)));
  document.addEventListener("visibilitychange", () => document.hidden && document.querySelectorAll("form[data-draft]").forEach(save));
}
