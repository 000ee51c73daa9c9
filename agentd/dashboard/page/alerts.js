// A dialog when a budget's mark is reached while the page is open, a graver one when it is exceeded.

import { byId, h } from "./dom.js";

let seen = null;
let lastFocus = null;

/** Show what is new since the last time; what was there when the page was opened is no news. */
export function tellAlerts(alerts) {
  const fresh = seen === null ? [] : alerts.filter((alert) => !seen.has(alert.key));
  seen = new Set(alerts.map((alert) => alert.key));
  if (fresh.length) showAlerts(fresh);
}

function showAlerts(fresh) {
  const dialog = byId("alert");
  const list = byId("alert-list");
  if (!dialog.open) {
    list.replaceChildren();
    dialog.classList.remove("error");
    lastFocus = document.activeElement;
  }
  for (const alert of fresh) {
    list.append(h("li", { class: alert.is_error ? "error" : "warning" }, alert.text.replace(/^⚠️\s*/u, "")));
  }
  const grave = dialog.classList.contains("error") || fresh.some((alert) => alert.is_error);
  dialog.classList.toggle("error", grave);
  dialog.setAttribute("role", "alertdialog");
  byId("alert-title").textContent = grave ? "Budget exceeded" : "Budget warning";
  if (!dialog.open) dialog.showModal();
}

export function watchDialog() {
  byId("alert").addEventListener("close", () => lastFocus && lastFocus.focus && lastFocus.focus());
}
