// The search overlay. The field asks by itself (htmx attributes); here it is opened, and arrows walk through what was found.
const dialog = document.querySelector("[data-palette]");
const field = dialog?.querySelector("input[name=q]");

/** Show the overlay, or go to the search page where there is none. */
export function open() {
  if (!dialog) {
    document.querySelector("a[data-search]")?.click();
  } else if (!dialog.open) {
    dialog.showModal();
    field.select();
  }
}

dialog?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const stops = [field, ...dialog.querySelectorAll(".results a")];
  const at = Math.max(stops.indexOf(document.activeElement), 0);
  stops[(at + step + stops.length) % stops.length].focus();
});
