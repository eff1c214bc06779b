// Who else writes, and what was sent meanwhile: asked for every 20 s while the page is in view, never with a held connection.
// <div data-around="address" data-seen="57"> inside of the composer; typing there says "somebody writes" at most every 20 s.
const EVERY = 20000;
const LONGEST = 300000;

function watch(box) {
  const form = box.closest("form");
  let tag = box.dataset.tag || "";
  let pause = EVERY;
  let timer = 0;
  let said = 0;

  async function look() {
    clearTimeout(timer);
    if (!box.isConnected || document.hidden) return;
    try {
      const headers = { "HX-Request": "true", ...(tag && { "If-None-Match": `"${tag}"` }) };
      const answer = await fetch(`${box.dataset.around}?seen=${box.dataset.seen}`, { headers, cache: "no-store" });
      if ([401, 403, 404].includes(answer.status)) return;
      if (answer.status === 200) {
        tag = (answer.headers.get("ETag") ?? "").replaceAll(/^W\/|"/g, "");
        box.innerHTML = await answer.text();
      } else if (answer.status !== 304) {
        throw new Error(String(answer.status));
      }
      pause = EVERY;
    } catch {
      pause = Math.min(pause * 2, LONGEST);
    }
    timer = setTimeout(look, pause);
  }

  function say(event) {
    if (!event.target.matches?.("textarea") || Date.now() - said < EVERY) return;
    said = Date.now();
    const body = new URLSearchParams({ what: new FormData(form).get("what") ?? "reply" });
    const headers = { "X-CSRFToken": form.elements.csrf_token.value, "HX-Request": "true" };
    fetch(box.dataset.around, { method: "POST", body, headers }).catch(() => {});
  }

  form.addEventListener("input", say);
  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, EVERY);
}

/** Watch every composer of the page, each once. */
export function start() {
  for (const box of document.querySelectorAll("[data-around]")) {
    if (box.dataset.watched) continue;
    box.dataset.watched = "yes";
    watch(box);
  }
}
