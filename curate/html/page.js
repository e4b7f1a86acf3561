// The charts of the page: what a bar says when pointed at, and the choices of source, split and evidence.
// Everything that comes from the corpus is set as text, never as HTML.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const THIN = 0.006; // as in charts.py
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

  // -- pointing at a bar ------------------------------------------------------------------------------------------
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const quiet = (rect, words) => { rect.dataset.tip = words; }; // in place of the slow tip of the browser
  for (const title of all("rect > title")) { quiet(title.parentNode, title.textContent); title.remove(); }
  const point = (event) => {
    const rect = event.target.closest && event.target.closest("rect[data-tip]");
    if (!rect) { tip.hidden = tip.hidden || !tip.contains(event.target); return; }
    tip.textContent = rect.dataset.tip;
    tip.hidden = false;
    const bar = rect.getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const middle = event.clientX || bar.left + bar.width / 2;
    tip.style.left = `${Math.max(8, Math.min(room, middle - tip.offsetWidth / 2)) + scrollX}px`;
    // On the bar's own edge, so that the pointer can reach it.
    const above = bar.top - tip.offsetHeight;
    tip.style.top = `${(above < 0 ? bar.bottom : above) + scrollY}px`;
  };
  document.addEventListener("pointerover", point);
  document.addEventListener("click", point);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  // -- choosing some of the copies --------------------------------------------------------------------------------
  for (const select of all("select[data-choose=evidence]")) {
    select.closest(".choices").hidden = false;
    select.addEventListener("change", () => {
      for (const figure of all("figure[data-evidence]")) {
        figure.hidden = select.value !== "" && !figure.dataset.evidence.split("; ").includes(select.value);
      }
    });
  }

  // -- choosing source and split ----------------------------------------------------------------------------------
  const held = document.getElementById("numbers");
  if (!held) return;
  const numbers = JSON.parse(held.textContent);
  const bar = document.querySelector(".filters");
  const source = bar.querySelector("[data-choose=source]");
  const split = bar.querySelector("[data-choose=split]");
  const chosen = document.getElementById("chosen");
  const names = { source: numbers.sources, split: numbers.splits.map((s) => s[0]), category: numbers.categories.map((c) => c[0]) };

  const number = (value) => value.toLocaleString("en-US");
  const percent = (share) => { // as in markup.py
    if (!Number.isFinite(share)) return "–";
    if (share > 0 && share < 0.001) return "<0.1 %";
    if (share > 0.999 && share < 1) return ">99.9 %";
    const hundred = 100 * share;
    const isTie = (4 * hundred) % 1 === 0 && (10 * hundred) % 1 === 0.5; // Python rounds a tie to the even digit
    const rounded = isTie ? (2 * Math.round(5 * hundred)) / 10 : hundred;
    return `${rounded.toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
  };

  const count = (cells) => { // the chosen of [source, split, category, pictures]
    const sums = { all: 0, source: {}, split: {}, category: {} };
    for (const [s, t, c, pictures] of cells) {
      const at = { source: names.source[s], split: names.split[t], category: names.category[c] };
      if ((source.value && at.source !== source.value) || (split.value && at.split !== split.value)) continue;
      sums.all += pictures;
      for (const kind of ["source", "split", "category"]) sums[kind][at[kind]] = (sums[kind][at[kind]] || 0) + pictures;
    }
    return sums;
  };

  const draw = (svg, parts) => {
    const words = [];
    let start = 0;
    for (const rect of all("rect:not(.track)", svg)) rect.remove();
    for (const [share, colour, said] of parts) {
      if (!(share > 0)) continue;
      const rect = document.createElementNS(SVG, "rect");
      const attributes = { x: `${100 * start}%`, y: 0, width: `${100 * share}%`, height: svg.getAttribute("height") };
      for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, value);
      rect.setAttribute("class", share < THIN ? `${colour} thin` : colour);
      quiet(rect, said);
      svg.append(rect);
      words.push(said);
      start += share;
    }
    svg.setAttribute("aria-label", words.join("; ") || "nothing");
  };
  const stack = (svg, sums, kind, colours) => draw(svg, colours.map(([name, colour]) => {
    const pictures = sums[kind][name] || 0;
    return [pictures / sums.all, colour, `${name}: ${number(pictures)} (${percent(pictures / sums.all)})`];
  }));

  const fill = (cell, show, sums, most) => {
    const [what, ...rest] = show.split(" ");
    const name = rest.join(" ");
    const svg = cell.querySelector("svg");
    if (what === "categories") stack(svg, sums, "category", numbers.categories);
    else if (what === "splits") stack(svg, sums, "split", numbers.splits);
    else if (what === "length") {
      svg.dataset.colour = svg.dataset.colour || svg.querySelector("rect:not(.track)").classList[0];
      const length = Math.max(sums.all / most, sums.all ? THIN / 2 : 0); // what is there is seen
      draw(svg, [[length, svg.dataset.colour, `${cell.parentNode.cells[0].textContent}: ${number(sums.all)} pictures`]]);
    }
    else if (what === "pictures") cell.textContent = number(sums.all);
    else if (what === "whole") {
      cell.dataset.whole = cell.dataset.whole || cell.textContent;
      cell.textContent = source.value || split.value ? "–" : cell.dataset.whole;
    } else {
      const [kind, form] = what.split(":");
      const pictures = sums[kind][name] || 0;
      const forms = { count: number(pictures), share: percent(pictures / sums.all) };
      cell.textContent = form === "both" ? `${forms.count} (${forms.share})` : forms[form];
    }
  };

  const mark = (table, words) => {
    const caption = table.caption;
    const said = caption.querySelector("strong") || caption.appendChild(document.createElement("strong"));
    said.textContent = words;
    said.hidden = words === "";
  };

  const show = () => {
    for (const table of all("table[data-trait]")) {
      const cells = numbers.traits[table.dataset.trait] || {};
      const shows = all("thead th", table).map((head) => head.dataset.show);
      const rows = all("tbody tr, tfoot tr", table);
      const sums = rows.map((row) => count("value" in row.dataset ? cells[row.dataset.value] || [] : Object.values(cells).flat()));
      const most = Math.max(1, ...sums.map((sum) => sum.all));
      rows.forEach((row, place) => {
        row.hidden = sums[place].all === 0;
        Array.from(row.cells).forEach((cell, at) => { if (shows[at]) fill(cell, shows[at], sums[place], most); });
      });
      table.parentNode.classList.toggle("empty", rows.every((row) => row.hidden));
    }
    for (const table of all("main table:not([data-trait])")) {
      const rows = all("tr[data-source]", table);
      // What cannot be counted again says so as long as something is chosen, so that nobody takes it for the choice.
      if (source.value && !rows.length) mark(table, split.value ? "Not filtered: the whole corpus." : "Not filtered: all sources.");
      else mark(table, split.value ? "Not filtered by split: all splits." : "");
      if (!rows.length) continue;
      for (const row of rows) row.hidden = source.value !== "" && row.dataset.source !== source.value;
      for (const row of all("tfoot tr", table)) row.hidden = source.value !== "";
      table.parentNode.classList.toggle("empty", rows.every((row) => row.hidden));
    }
    const pictures = count(Object.values(numbers.traits.split || {}).flat()).all;
    const of = [source.value, split.value].filter(Boolean).join(", ");
    chosen.textContent = of ? `${of}: ${number(pictures)} pictures. Sentences, and tables that say so, speak of the whole corpus.` : `${number(pictures)} pictures`;
    bar.classList.toggle("on", of !== "");
  };

  source.addEventListener("change", show);
  split.addEventListener("change", show);
  document.getElementById("show-all").addEventListener("click", () => { source.value = ""; split.value = ""; show(); });
  bar.hidden = false;
  show();
})();
