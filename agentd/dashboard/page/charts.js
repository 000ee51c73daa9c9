// The charts, drawn by uPlot, each with the table of its figures below it.

import { h } from "./dom.js";
import { count, dollars, percent, pointName } from "./format.js";

const COLORS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const drawn = new Set();

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draw all charts anew, as after a change of the theme. */
export function redrawCharts() {
  for (const chart of drawn) chart.redraw();
}

export function forgetCharts() {
  for (const chart of drawn) chart.destroy();
  drawn.clear();
}

/** A figure with a heading, a place for the drawing and a table: update(data) draws. */
function figureOf(id, title, optionsOf, dataOf, tableOf, labelOf) {
  const place = h("div", { class: "plot", role: "img" });
  const table = h("div", { class: "scroller", role: "region", tabindex: "0", "aria-label": `${title}: figures` });
  const empty = h("p", { class: "muted", hidden: true }, "No calls yet.");
  const details = h("details", null, h("summary", null, "Figures as a table"), table);
  const element = h("figure", { class: "card chart", id }, h("figcaption", null, h("h3", null, title)), place, empty, details);
  let plot = null;
  let last = null;
  let kind = "";

  function redraw() {
    if (!last) return;
    const data = dataOf(last);
    const isEmpty = !data[0].length;
    empty.hidden = !isEmpty;
    place.hidden = details.hidden = isEmpty;
    if (plot) plot.destroy();
    plot = null;
    if (isEmpty) return;
    plot = new uPlot({ ...shared(place), ...optionsOf(last) }, data, place);
  }

  const chart = {
    element,
    redraw,
    destroy() {
      observer.disconnect();
      if (plot) plot.destroy();
      plot = null;
    },
    update(fresh) {
      last = fresh;
      const is = JSON.stringify([fresh.per, fresh.times.length, fresh.models.map((one) => one.name), fresh.steps.map((one) => one.step)]);
      if (plot && is === kind) plot.setData(dataOf(fresh));
      else redraw();
      kind = is;
      place.setAttribute("aria-label", `${title}. ${labelOf(fresh)}`);
      table.replaceChildren(tableOf(fresh));
    },
  };
  const observer = new ResizeObserver(() => plot && plot.setSize(sizeOf(place)));
  observer.observe(place);
  drawn.add(chart);
  return chart;
}

const sizeOf = (place) => ({ width: Math.max(240, place.clientWidth), height: 220 });

function shared(place) {
  return { ...sizeOf(place), cursor: { drag: { x: false, y: false } }, padding: [12, 8, 0, 0] };
}

function axes(rotate) {
  const look = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  return { x: { ...look, grid: { show: false }, ...rotate }, y: { ...look, size: 64 } };
}

/** The figures of several series on top of each other, the highest sum first. */
function stacked(lists) {
  const sums = [];
  lists.forEach((list, place) => sums.push(list.map((value, at) => value + (place ? sums[place - 1][at] : 0))));
  return sums.reverse();
}

/** From half a point before the first to half a point behind the last. */
function wholePoints({ times }) {
  const half = times.length > 1 ? (times.at(-1) - times[0]) / (times.length - 1) / 2 : 1800;
  return { range: (_, first, last) => [first - half, last + half] };
}

const amounts = (of) => of.cost_usd.map(Number);

export function costChart(title) {
  const options = (data) => {
    const { x, y } = axes({});
    const lists = data.models.map(amounts);
    const series = data.models.map((one, place) => ({
      label: one.name,
      fill: color(COLORS[place % COLORS.length]),
      stroke: color(COLORS[place % COLORS.length]),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.82, 48] }),
      points: { show: false },
      value: (_, __, ___, at) => (at === null || at === undefined ? "–" : dollars(lists[place][at])),
    }));
    const name = { label: "Time", value: (_, at) => (at === null ? "–" : pointName(at, data.per)) };
    return { axes: [x, { ...y, values: (_, ticks) => ticks.map(dollars) }], series: [name, ...series.reverse()], scales: { x: wholePoints(data), y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } } };
  };
  const dataOf = (data) => [data.times, ...stacked(data.models.map(amounts))];
  const tableOf = (data) => plainTable(title, ["Time", ...data.models.map((one) => one.name)], data.times.map((at, place) => [pointName(at, data.per), ...data.models.map((one) => dollars(Number(one.cost_usd[place])))]).filter((_, place) => data.models.some((one) => Number(one.cost_usd[place]) > 0)));
  const labelOf = (data) => data.models.map((one) => `${one.name}: ${dollars(amounts(one).reduce((sum, each) => sum + each, 0))}`).join(", ");
  return figureOf("chart-cost", title, options, dataOf, tableOf, labelOf);
}

export function stepChart(title) {
  const options = (data) => {
    const { x, y } = axes({ rotate: 32, size: 74, splits: () => data.steps.map((_, place) => place), values: () => data.steps.map((one) => one.step) });
    const bars = { label: "Cost", fill: color("--c1"), stroke: color("--c1"), width: 0, paths: uPlot.paths.bars({ size: [0.6, 56] }), points: { show: false }, value: (_, cost) => (cost === null ? "–" : dollars(cost)) };
    const name = { label: "Step", value: (_, at) => (at === null ? "–" : data.steps[at].step) };
    return { axes: [x, { ...y, values: (_, ticks) => ticks.map(dollars) }], series: [name, bars], scales: { x: { time: false, range: () => [-0.6, data.steps.length - 0.4] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } } };
  };
  const dataOf = (data) => [data.steps.map((_, place) => place), data.steps.map((one) => Number(one.cost_usd))];
  const tableOf = (data) => plainTable(title, ["Step", "Calls", "Cost", "Input tokens", "Output tokens", "From cache"], data.steps.map((one) => [one.step, count(one.calls), one.cost, count(one.tokens_in), count(one.tokens_out), percent(one.cache_share)]));
  const labelOf = (data) => data.steps.map((one) => `${one.step}: ${one.cost}`).join(", ");
  return figureOf("chart-steps", title, options, dataOf, tableOf, labelOf);
}

export function cacheChart(title) {
  const options = (data) => {
    const { x, y } = axes({});
    const line = { label: "From cache", stroke: color("--c2"), fill: color("--c2-soft"), width: 2, spanGaps: true, points: { show: data.times.length < 40, size: 6, fill: color("--c2") }, value: (_, share) => percent(share) };
    const name = { label: "Time", value: (_, at) => (at === null ? "–" : pointName(at, data.per)) };
    return { axes: [x, { ...y, values: (_, ticks) => ticks.map((share) => percent(share)) }], series: [name, line], scales: { y: { range: () => [0, 1] } } };
  };
  const dataOf = (data) => [data.times, data.cache_share];
  const tableOf = (data) => plainTable(title, ["Time", "Input from cache"], data.times.map((at, place) => [pointName(at, data.per), percent(data.cache_share[place])]).filter((_, place) => data.cache_share[place] !== null));
  const labelOf = (data) => `${data.times.length} points; the latest is ${percent(data.cache_share.filter((share) => share !== null).at(-1))}`;
  return figureOf("chart-cache", title, options, dataOf, tableOf, labelOf);
}

function plainTable(caption, heads, rows) {
  const line = (cells) => h("tr", null, h("th", { scope: "row" }, cells[0]), ...cells.slice(1).map((cell) => h("td", { class: "num" }, cell)));
  return h("table", null, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, ...heads.map((one, place) => h("th", { scope: "col", class: place ? "num" : null }, one)))), h("tbody", null, ...rows.map(line)));
}

/** The three charts of a project or a change. */
export function chartSet() {
  const charts = [costChart("Cost over time, by model"), stepChart("Cost by step"), cacheChart("Input that came from a cache")];
  return {
    element: h("div", { class: "charts" }, ...charts.map((chart) => chart.element)),
    update: (data) => charts.forEach((chart) => chart.update(data)),
  };
}
