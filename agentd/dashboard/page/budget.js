// The budget panel: spent, limit, share, what is left, how fast it goes and when it is gone.

import { facts, h } from "./dom.js";
import { ahead, count, duration, percent } from "./format.js";
import { changeAddress } from "./url.js";

const WORDS = {
  ok: "Within budget",
  warning: "Warning",
  limit: "Limit reached",
  exceeded: "Budget exceeded",
};

const least = (budget) => (budget.bound ? `${budget.bound} ` : "");

export function levelBadge(budget, id) {
  const word = budget.level === "ok" ? WORDS.ok : `${WORDS[budget.level]}: ${percent(budget.share)}`;
  return h("span", { class: `badge ${budget.level}`, id }, word);
}

function bar(budget) {
  const fill = h("span", { class: `fill ${budget.level}` });
  fill.style.width = `${Math.min(100, budget.share * 100)}%`;
  const label = `${least(budget)}${percent(budget.share)} of the budget of ${budget.shown} is spent`;
  return h("div", { class: "bar", role: "img", "aria-label": label }, fill);
}

export function burnTold(of) {
  if (!of.burn) return "nothing in 30 days";
  const isHourly = of.burn.window_s <= 3600;
  const rate = isHourly ? `${of.burn.per_hour} an hour` : `${of.burn.per_day} a day`;
  return `${rate} (last ${duration(of.burn.window_s * 1000)})`;
}

/** The panel of the budget that matters most. */
export function budgetPanel(budget, forecast, now) {
  const spent = least(budget) + (budget.limit ? budget.spent : `${count(budget.spent_tokens)} tokens`);
  const limit = budget.limit || `${count(budget.limit_tokens)} tokens`;
  return h(
    "div",
    { class: `card budget ${budget.level}`, id: "budget" },
    h("div", { class: "budget-head" }, h("p", { class: "of" }, "Budget of ", budget.shown), levelBadge(budget, "badge")),
    h("p", { class: "figure" }, h("strong", { id: "spent" }, spent), ` of ${limit}`),
    bar(budget),
    facts([
      ["Used", least(budget) + percent(budget.share)],
      ["Left", budget.left || (budget.left_tokens !== null && `${count(budget.left_tokens)} tokens`)],
      ["Tokens", budget.limit && budget.limit_tokens !== null ? `${count(budget.spent_tokens)} of ${count(budget.limit_tokens)}` : null],
      ["Burn rate", burnTold(budget)],
      ["Runs out", budget.level === "limit" || budget.level === "exceeded" ? "now" : ahead(budget.runs_out, now) || (budget.ends ? "not in this period" : "not foreseeable")],
      ["By the end of the period", budget.projected],
    ]),
    forecast && forecast.told ? h("p", { class: "muted forecast" }, `Forecast: ${forecast.told}`) : null,
  );
}

/** Without a limit: what was spent, and how fast it goes. */
export function spendingPanel(project, forecast) {
  const { totals } = project;
  return h(
    "div",
    { class: "card budget", id: "budget" },
    h("div", { class: "budget-head" }, h("p", { class: "of" }, "Spent in all changes"), h("span", { class: "badge none", id: "badge" }, "No budget is set")),
    h("p", { class: "figure" }, h("strong", { id: "spent" }, totals.bound ? `${totals.bound} ${totals.cost}` : totals.cost)),
    facts([
      ["Burn rate", burnTold(project.spending || {})],
      ["Set a limit", h("code", null, "agentd config set budget.limit_usd 50")],
    ]),
    forecast && forecast.told ? h("p", { class: "muted forecast" }, `Forecast: ${forecast.told}`) : null,
  );
}

/** The other budgets, a line each. */
export function otherBudgets(budgets) {
  if (!budgets.length) return null;
  const lines = budgets.map((budget) =>
    h(
      "li",
      null,
      h("span", { class: `dot ${budget.level}`, role: "img", "aria-label": WORDS[budget.level] }),
      budget.change ? h("a", { href: changeAddress(budget.change) }, budget.shown) : budget.shown,
      h("span", { class: "muted" }, ` ${least(budget)}${budget.told}`),
    ),
  );
  return h("details", { class: "card others", open: budgets.some((one) => one.level !== "ok") }, h("summary", null, "Other budgets"), h("ul", { class: "plain" }, ...lines));
}
