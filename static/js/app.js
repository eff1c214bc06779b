// The entry. What every page needs is here; the rest is fetched when a page or a key asks for it.
// Every action is a link or a form first: without this file the portal works the same, a little slower.
const NEEDED = {
  "[data-toast]": "./toast.js",
  "form[data-draft]": "./drafts.js",
  "[data-queue]": "./queue.js",
  "form[data-composer]": "./composer.js",
  "[data-around]": "./presence.js",
  "[data-names-in]": "./naming.js",
  "input[data-names]": "./uploads.js",
};

function fetchWhatIsUsed() {
  for (const [selector, file] of Object.entries(NEEDED)) {
    if (document.querySelector(selector)) import(file).then((part) => part.start());
  }
}

// Keys and search overlay come with the first key press outside of a field, or the first click on the search box.
let keys = null;

document.addEventListener("keydown", (event) => {
  if (keys) return keys.press(event);
  const field = event.target.closest?.("input, textarea, select");
  if ((event.key === "/" && !field && document.body.dataset.keys !== "off") || (event.key === "k" && (event.ctrlKey || event.metaKey))) event.preventDefault();
  if (!field || event.ctrlKey || event.metaKey || event.key === "Escape") {
    import("./keys.js").then((part) => {
      keys = part;
      part.press(event);
    });
  }
});

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const from = (selector) => event.target.closest(selector);
  if (from("a[data-search]") && document.querySelector("[data-palette]")) {
    event.preventDefault();
    import("./palette.js").then((part) => part.open());
  } else if (from("[data-show-keys]")) {
    import("./keys.js").then((part) => part.help());
  } else if (from("a[data-dialog]")) {
    const dialog = document.getElementById(from("a[data-dialog]").dataset.dialog);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
  } else if (from("dialog") && (from("[data-close-dialog]") || event.target.tagName === "DIALOG")) {
    event.preventDefault();
    from("dialog").close();
  }
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopImmediatePropagation();
}, true);

// Parts that fail: signed out leads to the sign-in, a fault on our side leaves what was typed where it is.
document.addEventListener("htmx:before:response", (event) => {
  const status = event.detail.ctx.response.status;
  if (status === 401) location.reload();
  if (status === 401 || status >= 500) event.preventDefault();
  document.querySelector("[data-trouble]").hidden = status < 500;
});
document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (!sourceElement.matches("[data-as-q]")) return;
  request.body = new FormData();
  request.body.set("q", sourceElement.value);
});
document.addEventListener("htmx:after:swap", fetchWhatIsUsed);

const line = document.querySelector("[data-offline]");
const showLine = () => { line.hidden = navigator.onLine; };
addEventListener("offline", showLine);
addEventListener("online", showLine);

fetchWhatIsUsed();
document.querySelector("[data-focus]")?.focus();
for (const button of document.querySelectorAll("[data-show-keys]")) button.hidden = false; // useless without script

// A form under way says so and is not sent twice; it is never locked for good, because a second sending is harmless (each form carries a one-time key).
const LONGEST = 8000;

function rest(form) {
  for (const element of [form, ...form.querySelectorAll("[aria-busy]")]) element.removeAttribute("aria-busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.setAttribute("aria-busy", "true");
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(rest, LONGEST, form);
}, true);

addEventListener("pageshow", () => document.querySelectorAll("form[aria-busy]").forEach(rest));
document.addEventListener("htmx:finally:request", (event) => {
  const form = event.target.closest?.("form");
  if (form) rest(form);
});
