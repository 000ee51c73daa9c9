// Puts the page together: what is shown is decided by the address, the figures come from the source.

import { worstAgent } from "./agents.js";
import { tellAlerts, watchDialog } from "./alerts.js";
import { forgetCharts, redrawCharts } from "./charts.js";
import { changeView } from "./change.js";
import { byId, h } from "./dom.js";
import { duration, percent, timeOfDay, timeZone, when } from "./format.js";
import { projectView } from "./project.js";
import { follow, frozen } from "./source.js";
import { changeAddress, readAddress } from "./url.js";

const PAUSE_MS = 700;
let project = null;
let view = null;
let shownAt = "";
let dirty = null;
let refreshing = false;
let heardAt = new Date();
let state = "";

function show() {
  const address = readAddress();
  const place = `${address.change || ""}`;
  if (view && place === shownAt) return;
  shownAt = place;
  forgetCharts();
  view = address.change ? changeView(address.change, address.state) : projectView(address.state);
  byId("main").replaceChildren(view.element);
  view.update(project);
  dirty = null;
  refresh(null);
}

/** What takes longer, such as charts: at most once in PAUSE_MS. `changed` are keys, null for all. */
async function refresh(changed) {
  if (refreshing) {
    dirty = changed === null || dirty === "all" ? "all" : new Set([...(dirty || []), ...changed]);
    return;
  }
  refreshing = true;
  const of = view;
  try {
    await of.refresh(project, changed);
    if (state === "live") told.state(state);
  } catch (error) {
    if (of === view && state === "live") byId("connection").textContent = `Not all could be loaded: ${error.message}`;
  }
  setTimeout(() => {
    refreshing = false;
    const next = dirty;
    dirty = null;
    if (next || of !== view) refresh(next === "all" || of !== view ? null : next);
  }, PAUSE_MS);
}

function draw() {
  heardAt = new Date();
  byId("project").textContent = project.name;
  const [own] = project.budgets;
  const agent = worstAgent(project.agents);
  const budget = agent && agent.level !== "ok" && (!own || own.level === "ok") ? agent : own;
  const lead = budget && budget.level !== "ok" ? `${percent(budget.share)} spent · ` : "";
  document.title = `${lead}${project.name} · agentd`;
  document.body.dataset.level = budget ? budget.level : "none";
  if (view) view.update(project);
  tellAlerts(project.alerts);
}

const told = {
  loading: ({ read, all }) => {
    if (!project) byId("main").replaceChildren(h("p", { class: "loading", role: "status" }, all ? `Reading the ledgers: ${read} of ${all} changes …` : "Reading the project …"));
  },
  snapshot: (fresh) => {
    project = fresh;
    draw();
    if (view) refresh(null);
    else show();
  },
  update: (fresh) => {
    if (!project) return;
    const keys = new Set([...fresh.gone, ...fresh.changed.map((row) => row.key)]);
    const rows = project.changes.filter((row) => !keys.has(row.key));
    project = { ...fresh, changes: [...fresh.changed, ...rows] };
    draw();
    if (keys.size) refresh(keys);
  },
  state: (word) => {
    state = word;
    const words = {
      live: "Live",
      lost: `agentd does not answer. Shown is what was known at ${timeOfDay(heardAt)}.`,
      refused: "agentd refused this page. Open the address that agentd dashboard printed.",
      frozen: project && `As of ${when(project.now)}`,
    };
    const place = byId("connection");
    place.className = `connection ${word}`;
    place.textContent = words[word];
  },
};

function theme() {
  const root = document.documentElement;
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const store = (value) => {
    try {
      return value === undefined ? localStorage.getItem("agentd-theme") : localStorage.setItem("agentd-theme", value);
    } catch {
      return null;
    }
  };
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const set = (name) => {
    if (name) root.dataset.theme = name;
    button.textContent = now() === "dark" ? "Light mode" : "Dark mode";
    redrawCharts();
  };
  set(store());
  button.addEventListener("click", () => {
    const name = now() === "dark" ? "light" : "dark";
    store(name);
    set(name);
  });
  dark.addEventListener("change", () => set(null));
}

function tick() {
  for (const time of document.querySelectorAll("time.elapsed")) time.textContent = duration(Date.now() - new Date(time.dateTime));
}

byId("zone").textContent = timeZone;
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
theme();
watchDialog();
if (frozen && frozen.opened && !location.hash) location.replace(changeAddress(frozen.opened));
addEventListener("hashchange", () => project && show());
setInterval(tick, 1000);
follow(told);
