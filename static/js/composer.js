// The hint "this reply will not stop the clock" stays while there is no next step with a date.
let started = false;

function look(form) {
  const hint = form.querySelector("[data-clock-hint]");
  const given = (name) => [...form.querySelectorAll(`[data-${name}]`)].some((field) => field.value.trim());
  if (hint) hint.hidden = given("step") && given("date");
}

/** Listen once; the server has already shown or hidden the hint for what is in the form. */
export function start() {
  document.querySelectorAll("form[data-composer]").forEach(look);
  if (started) return;
  started = true;
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = event.target.closest?.("form[data-composer]");
      if (form) look(form);
    });
  }
}
