// The report's page. Texts, ids, sources and meta are hostile: they reach the page as text nodes and plain attributes only.
"use strict";
(() => {
const PAGE = 50, TOP = 20, LONG = 1600, AROUND = 350;
const $ = id => document.getElementById(id);
const read = script => JSON.parse(script.textContent);
const setting = read(document.querySelector("script.setting")), WORDS = read(document.querySelector("script.words")), meta = setting.meta;
let lang = setting.lang || ((navigator.language || "").toLowerCase().startsWith("fi") ? "fi" : "en");
let words = WORDS[lang], figure, percent, whole;

const t = (key, values = {}) => words.ui[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

// ---- Nodes -------------------------------------------------------------------------------------------------------

// Control and direction characters, which could reorder, hide or overwrite what stands around them.
const SIGNS = /\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]/g;
const code = ch => "U+" + ch.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
// For attributes and options, where a sign cannot have an element of its own.
const plain = text => String(text).replace(SIGNS, ch => "[" + code(ch) + "]");

function put(node, text) {
  let last = 0;
  for (const m of text.matchAll(SIGNS)) {
    node.append(text.slice(last, m.index));
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.textContent = code(m[0]);
    sign.title = t("sign", {code: code(m[0])});
    node.append(sign);
    last = m.index + 1;
  }
  node.append(last ? text.slice(last) : text);
}

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : plain(value));
  for (const child of children.flat()) if (child instanceof Node) node.append(child); else if (child !== null && child !== undefined && child !== "") put(node, String(child));
  return node;
}

function press(attributes, action, ...children) {
  const button = el("button", {type: "button", ...attributes}, ...children);
  button.addEventListener("click", action);
  return button;
}

// ---- Data --------------------------------------------------------------------------------------------------------

// Values of a kind by number, shared by all chunks.
function table() {
  const numbers = new Map(), values = [];
  return {values, number(value) {
    let n = numbers.get(value);
    if (n === undefined) { n = values.length; numbers.set(value, n); values.push(value); }
    return n;
  }};
}

const sources = table(), langs = table(), advertisers = table(), months = table();
const chunks = [...document.querySelectorAll("script.index")].map(read), told = [...document.querySelectorAll("script.told")];
const nTexts = chunks.reduce((n, c) => n + c.documents[0].length, 0);
const nEntries = chunks.reduce((n, c) => n + c.findings[0].length + c.documents[0].length - new Set(c.findings[0]).size, 0);
// Documents.
const ids = new Array(nTexts), dates = new Array(nTexts), source = new Int32Array(nTexts), langOf = new Int32Array(nTexts), advertiser = new Int32Array(nTexts), month = new Int32Array(nTexts);
const chunkOf = new Int32Array(nTexts), rowOf = new Int32Array(nTexts), first = new Int32Array(nTexts + 1);
// Entries: the findings, and one for each document without any. Those of a document stand together.
const FLAGGED = 0, FOUND = 1, NOTHING = 2, FAILED = 3;
const docOf = new Int32Array(nEntries), numberOf = new Int32Array(nEntries), kind = new Uint8Array(nEntries), pattern = new Uint8Array(nEntries), disclosure = new Uint8Array(nEntries), stance = new Uint8Array(nEntries), score = new Float64Array(nEntries);
const kinds = [0, 0, 0, 0];
let flaggedTexts = 0;
{
  let d = 0, e = 0;
  chunks.forEach((chunk, c) => {
    const [id, src, lng, adv, date, row, failed] = chunk.documents, [of, number, pat, dis, sta, flag, sc] = chunk.findings;
    let f = 0;
    for (let i = 0; i < id.length; i++, d++) {
      ids[d] = id[i]; dates[d] = date[i]; chunkOf[d] = c; rowOf[d] = row[i]; first[d] = e;
      source[d] = sources.number(chunk.names[src[i]]);
      langOf[d] = langs.number(chunk.names[lng[i]]);
      advertiser[d] = advertisers.number(chunk.names[adv[i]]);
      month[d] = months.number(date[i].slice(0, 7));
      let flagged = 0;
      if (of[f] !== i) { docOf[e] = d; kind[e] = failed[i] ? FAILED : NOTHING; kinds[kind[e]]++; e++; }
      for (; of[f] === i; f++, e++) {
        docOf[e] = d; numberOf[e] = number[f]; pattern[e] = pat[f]; disclosure[e] = dis[f]; stance[e] = sta[f]; score[e] = sc[f];
        kind[e] = flag[f] ? FLAGGED : FOUND; kinds[kind[e]]++;
        flagged |= flag[f];
      }
      flaggedTexts += flagged;
    }
  });
  first[nTexts] = e;
}
chunks.length = 0;

// What is shown or searched is parsed when it is first asked for, or when the browser has nothing else to do.
const bodies = new Array(told.length);
function body(c) {
  if (!bodies[c]) { bodies[c] = read(told[c]); told[c].remove(); told[c] = null; }
  return bodies[c];
}
const rowFor = d => rowOf[d] < 0 ? null : body(chunkOf[d]).rows[rowOf[d]];
// Letters with a separate accent, as PDF files give them, are found as the single letter typed.
const fold = text => (/[\u0300-\u036f]/.test(text) ? text.normalize("NFC") : text).toLowerCase();
const hay = new Array(nTexts), folded = {source: sources.values.map(fold), advertiser: advertisers.values.map(fold), id: ids.map(fold)};
function hayOf(d) {
  if (hay[d] === undefined) hay[d] = rowOf[d] < 0 ? "" : fold(rowFor(d)[0]);
  return hay[d];
}
let ahead = 0;
const idle = window.requestIdleCallback || (f => setTimeout(() => f({timeRemaining: () => 8}), 30));
function readAhead(deadline) {
  while (ahead < nTexts && deadline.timeRemaining() > 2) for (const stop = Math.min(nTexts, ahead + 50); ahead < stop; ahead++) hayOf(ahead);
  if (ahead < nTexts) idle(readAhead);
}

// ---- Filters -----------------------------------------------------------------------------------------------------

const FACETS = ["lang", "source", "advertiser", "month", "pattern", "disclosure", "stance"];
const OF_TEXT = 4; // the first four tell texts apart, the others findings
const VIEWS = {flagged: [FLAGGED], findings: [FLAGGED, FOUND], all: [FLAGGED, FOUND, NOTHING, FAILED], errors: [FAILED]};
const SORTS = ["score", "source", "date"];
const valuesOf = {lang: langs.values, source: sources.values, advertiser: advertisers.values, month: months.values, pattern: setting.patterns, disclosure: ["clear", "buried", "vague", "absent"], stance: ["makes", "reports"]};
const columnOf = {lang: langOf, source, advertiser, month, pattern, disclosure, stance};
const state = {view: kinds[FLAGGED] ? "flagged" : kinds[FOUND] ? "findings" : "all", sort: "score", query: "", from: 0, to: 1, page: 0, sourceHas: "", advertiserHas: "", chosen: Object.fromEntries(FACETS.map(f => [f, new Set()]))};
const firstView = state.view;
let found = [], foundTexts = 0, counts = {}, totals = {};

function allowed(facet) {
  const chosen = state.chosen[facet];
  if (!chosen.size) return null;
  const yes = new Uint8Array(valuesOf[facet].length);
  for (const value of chosen) yes[value] = 1;
  return yes;
}

const orders = {};
function order(sort) {
  if (orders[sort]) return orders[sort];
  const entries = Uint32Array.from({length: nEntries}, (_, e) => e);
  if (sort === "score") {
    entries.sort((a, b) => kind[a] - kind[b] || score[b] - score[a] || a - b);
  } else if (sort === "source") {
    const collator = new Intl.Collator(lang, {numeric: true}), rank = new Int32Array(sources.values.length);
    Array.from(rank.keys()).sort((a, b) => collator.compare(sources.values[a], sources.values[b])).forEach((s, place) => { rank[s] = place; });
    entries.sort((a, b) => rank[source[docOf[a]]] - rank[source[docOf[b]]] || a - b);
  } else {
    const days = [...new Set(dates)].sort().reverse(), rank = new Map(days.map((day, place) => [day, place])), place = Int32Array.from(dates, day => rank.get(day));
    entries.sort((a, b) => place[docOf[a]] - place[docOf[b]] || score[b] - score[a] || a - b);
  }
  return orders[sort] = entries;
}

// One pass: which entries pass, and for each facet how many would under all the other filters.
function filter() {
  const yes = FACETS.map(allowed), view = new Uint8Array(4), terms = (fold(state.query).match(/"[^"]+"|\S+/g) || []).map(term => term.replace(/^"(.+)"$/, "$1"));
  for (const k of VIEWS[state.view]) view[k] = 1;
  const [yesLang, yesSource, yesAdvertiser, yesMonth, yesPattern, yesDisclosure, yesStance] = yes;
  const holds = (values, part) => part ? Uint8Array.from(values, v => v.includes(fold(part))) : null;
  const sourceHas = holds(folded.source, state.sourceHas), advertiserHas = holds(folded.advertiser, state.advertiserHas);
  const named = terms.map(term => [holds(folded.source, term), holds(folded.advertiser, term)]);
  const count = FACETS.map(f => new Int32Array(valuesOf[f].length)), total = FACETS.slice(0, OF_TEXT).map(f => new Int32Array(valuesOf[f].length));
  const pass = new Uint8Array(nEntries), { from, to } = state, anyScore = from <= 0 && to >= 1;
  let n = 0, texts = 0;
  for (let d = 0; d < nTexts; d++) {
    let fail = 0;
    const at = [langOf[d], source[d], advertiser[d], month[d]];
    if (yesLang && !yesLang[at[0]]) fail |= 1;
    if (yesSource && !yesSource[at[1]]) fail |= 2;
    if (yesAdvertiser && !yesAdvertiser[at[2]]) fail |= 4;
    if (yesMonth && !yesMonth[at[3]]) fail |= 8;
    // Two filters against it: it counts nowhere.
    if (fail & (fail - 1) || (sourceHas && !sourceHas[at[1]]) || (advertiserHas && !advertiserHas[at[2]])) continue;
    if (terms.length && !terms.every((term, k) => named[k][0][at[1]] || named[k][1][at[2]] || folded.id[d].includes(term) || hayOf(d).includes(term))) continue;
    for (let f = 0; f < OF_TEXT; f++) if (!(fail & ~(1 << f))) total[f][at[f]]++;
    let some = 0;
    for (let e = first[d]; e < first[d + 1]; e++) {
      if (!view[kind[e]] || (!anyScore && (kind[e] > FOUND || score[e] < from || score[e] > to))) continue;
      let more = fail;
      if (kind[e] <= FOUND) {
        if (yesPattern && !yesPattern[pattern[e]]) more |= 16;
        if (yesDisclosure && !yesDisclosure[disclosure[e]]) more |= 32;
        if (yesStance && !yesStance[stance[e]]) more |= 64;
        if (!(more & ~16)) count[4][pattern[e]]++;
        if (!(more & ~32)) count[5][disclosure[e]]++;
        if (!(more & ~64)) count[6][stance[e]]++;
      } else if (yesPattern || yesDisclosure || yesStance) continue;
      if (!more) { pass[e] = 1; n++; }
      if (!(more & ~15)) some = 1;
    }
    if (some) {
      for (let f = 0; f < OF_TEXT; f++) if (!(fail & ~(1 << f))) count[f][at[f]]++;
      if (!fail) texts++;
    }
  }
  found = new Uint32Array(n);
  let i = 0;
  for (const e of order(state.sort)) if (pass[e]) found[i++] = e;
  foundTexts = texts;
  FACETS.forEach((f, k) => { counts[f] = count[k]; totals[f] = total[k] || null; });
}

// ---- Names -------------------------------------------------------------------------------------------------------

function monthName(value, style = "long") {
  if (!value) return t("none-given");
  const [year, m] = value.split("-").map(Number), day = new Date(Date.UTC(2000, m - 1, 1));
  day.setUTCFullYear(year);
  return new Intl.DateTimeFormat(lang === "fi" ? "fi" : "en-GB", {year: "numeric", month: style, timeZone: "UTC"}).format(day);
}

function valueName(facet, number) {
  const value = valuesOf[facet][number];
  if (facet === "pattern") return words.patterns[number].name;
  if (facet === "disclosure") return words.disclosures[number];
  if (facet === "stance") return words.stances[number];
  if (facet === "lang") return words.langs[value] || value || t("none-given");
  if (facet === "month") return monthName(value);
  return value || t("none-given");
}

// The table's own words, a pattern, or a frame such as "wording {}" around one of them. No name of the detector's needs more than
// two frames; the depth also keeps a made-up name from costing time.
function wordsOf(name, depth) {
  if (Object.hasOwn(words.reasons, name)) return words.reasons[name];
  const i = setting.patterns.indexOf(name);
  if (i >= 0) return words.patterns[i].name;
  if (depth) for (const [key, frame] of Object.entries(words.reasons)) {
    const [start, end] = key.split("{}");
    if (end === undefined || !name.startsWith(start) || !name.endsWith(end)) continue;
    const inner = wordsOf(name.slice(start.length, name.length - end.length), depth - 1);
    if (inner !== null) return frame.replace("{}", () => inner);
  }
  return null;
}
const reasonName = name => wordsOf(name, 2) ?? name;

const quote = text => { const line = Array.from(text.replace(/\s+/g, " ")); return line.length > 90 ? line.slice(0, 89).join("").trimEnd() + "…" : line.join(""); };

// ---- Overview ----------------------------------------------------------------------------------------------------

function choose(facet, number) {
  const chosen = state.chosen[facet];
  if (!chosen.delete(number)) chosen.add(number);
  update();
}

function bars(facet) {
  const values = valuesOf[facet], count = counts[facet], chosen = state.chosen[facet];
  let shown = Array.from(values.keys());
  if (facet === "pattern" || facet === "disclosure") shown = shown.filter(v => count[v] || chosen.has(v) || present[facet].has(v));
  else if (facet === "stance") shown = shown.filter(v => present.stance.has(v));
  else shown = shown.filter(v => count[v] || chosen.has(v)).sort((a, b) => count[b] - count[a] || (values[a] < values[b] ? -1 : 1));
  const all = shown.length;
  if (shown.length > TOP) shown = [...shown.slice(0, TOP), ...shown.slice(TOP).filter(v => chosen.has(v))];
  const most = Math.max(1, ...shown.map(v => count[v])), measured = facet === "pattern" && figures() ? figures().patterns : null;
  const list = el("ul", {class: measured ? "bars measured" : "bars"});
  for (const v of shown) {
    const name = valueName(facet, v), share = totals[facet] ? t("of-texts", {n: whole.format(count[v]), of: whole.format(totals[facet][v])}) : t("findings-n", {n: whole.format(count[v])});
    // A pattern that has no hidden sale among the tests has no precision either.
    const test = measured && measured[setting.patterns[v]] && measured[setting.patterns[v]].n ? measured[setting.patterns[v]] : null, right = test ? percent.format(test.precision) : "–";
    const label = [name, share, ...(test ? [t("precision-of", {p: right, n: test.n})] : [])].join("; ");
    const track = el("span", {class: "track"}, el("span", {class: "fill"}));
    track.firstChild.style.width = (100 * count[v] / most).toFixed(2) + "%";
    const cells = [el("span", {class: "name"}, name), el("span", {class: "n"}, whole.format(count[v]))];
    if (totals[facet]) cells.push(el("span", {class: "of"}, "/ " + whole.format(totals[facet][v])));
    if (measured) cells.push(el("span", {class: "of"}, right));
    list.append(el("li", null, press({"aria-pressed": String(chosen.has(v)), "aria-label": label, title: label, "data-facet": facet, "data-value": v}, () => choose(facet, v), ...cells, track)));
  }
  return [list, all > TOP ? el("p", {class: "note"}, t("top-note", {shown: TOP, n: whole.format(all)})) : null];
}

const present = {pattern: new Set(), disclosure: new Set(), stance: new Set()};
for (let e = 0; e < nEntries; e++) if (kind[e] <= FOUND) { present.pattern.add(pattern[e]); present.disclosure.add(disclosure[e]); present.stance.add(stance[e]); }
const figures = () => meta.figures && (meta.min_score === null || meta.min_score === undefined) ? meta.figures.all : null;

const SHOWN_FACETS = ["pattern", "disclosure", "stance", "lang", "source", "advertiser"].filter(f => f === "pattern" || f === "disclosure" || (f === "stance" ? present.stance.size > 1 : valuesOf[f].length > 1 || (f === "lang" && valuesOf[f].length)));
function facetPanels() {
  $("facets").replaceChildren(...SHOWN_FACETS.map(facet => {
    const section = el("section", {"aria-labelledby": "facet-" + facet, id: "by-" + facet}, el("div", {class: "head"}, el("h3", {id: "facet-" + facet}, t("by-" + facet)),
      el("span", {class: "n"}, t(FACETS.indexOf(facet) < OF_TEXT ? "col-texts" : "col-findings")), facet === "pattern" && figures() ? el("span", {class: "of"}, t("col-precision")) : null));
    if ((facet === "source" || facet === "advertiser") && valuesOf[facet].length > TOP) {
      const input = el("input", {type: "search", value: state[facet + "Has"], autocomplete: "off"});
      input.addEventListener("input", later(() => { state[facet + "Has"] = input.value; update(); }));
      section.append(el("label", {class: "has"}, el("span", null, t(facet + "-has")), input));
    }
    section.append(el("div", {class: "plot"}));
    return section;
  }));
}

function drawFacets() {
  const focus = document.activeElement && document.activeElement.dataset, at = focus && focus.facet ? [focus.facet, focus.value] : null;
  for (const facet of SHOWN_FACETS) $("by-" + facet).querySelector(".plot").replaceChildren(...bars(facet).filter(Boolean));
  drawMonths();
  if (at) { const again = document.querySelector(`button[data-facet="${at[0]}"][data-value="${at[1]}"]`); if (again) again.focus({preventScroll: true}); }
}

function monthRow() {
  const known = months.values.filter(Boolean).sort();
  if (known.length < 2) return known;
  const out = [], [y0, m0] = known[0].split("-").map(Number), [y1, m1] = known[known.length - 1].split("-").map(Number), n = (y1 - y0) * 12 + m1 - m0 + 1;
  if (n > 120) return known.slice(-120);
  for (let i = 0; i < n; i++) out.push(String(y0 + Math.floor((m0 - 1 + i) / 12)).padStart(4, "0") + "-" + String((m0 - 1 + i) % 12 + 1).padStart(2, "0"));
  return out;
}
const MONTHS = monthRow();

function drawMonths() {
  if (!MONTHS.length) return;
  $("months").hidden = false;
  const at = new Map(months.values.map((m, i) => [m, i])), n = m => at.has(m) ? counts.month[at.get(m)] : 0, most = Math.max(1, ...MONTHS.map(n));
  const every = Math.ceil(MONTHS.length / 12);
  $("months").querySelector("ul").replaceChildren(...MONTHS.map((m, i) => {
    const number = at.get(m), bar = el("span", {class: "fill"}), top = n(m);
    bar.style.height = (100 * top / most).toFixed(1) + "%";
    const label = monthName(m) + "; " + t("of-texts", {n: whole.format(top), of: whole.format(number === undefined ? 0 : totals.month[number])});
    const button = press({title: label, "aria-label": label, "aria-pressed": String(state.chosen.month.has(number)), "data-facet": "month", "data-value": number, disabled: number === undefined}, () => choose("month", number), el("span", {class: "n"}, top ? whole.format(top) : ""), el("span", {class: "column"}, bar), el("span", {class: "label"}, i % every ? "" : monthName(m, "short").replace(/\s?\d{4}$/, "")), el("span", {class: "label year"}, i === 0 || m.endsWith("-01") ? m.slice(0, 4) : ""));
    return el("li", null, button);
  }));
}

function drawTrust() {
  const box = $("trust").querySelector("div"), f = figures();
  if (!f) {
    box.replaceChildren(el("p", {class: "note"}, meta.figures ? t("trust-min-score", {n: meta.min_score}) : t("trust-missing")));
    return;
  }
  const group = (code, name) => { const g = meta.figures[code]; return g ? el("tr", null, el("th", {scope: "row"}, name), el("td", null, percent.format(g.any.precision)), el("td", null, percent.format(g.any.recall))) : null; };
  const measured = el("table", null, el("thead", null, el("tr", null, el("td"), el("th", {scope: "col"}, t("trust-right")), el("th", {scope: "col"}, t("trust-found")))), el("tbody", null, ...Object.keys(meta.figures).filter(k => k !== "all").sort().reverse().map(k => group(k, words.langs[k] || k))));
  const alarms = el("ul", {class: "bars plain"});
  for (const [name, v] of Object.entries(f.false_alarms)) {
    const track = el("span", {class: "track"}, el("span", {class: "fill"}));
    track.firstChild.style.width = (v.n ? 100 * v.flagged / v.n : 0).toFixed(2) + "%";
    alarms.append(el("li", null, el("div", null, el("span", {class: "name"}, Object.hasOwn(words.ui, "trust-" + name) ? t("trust-" + name) : name), el("span", {class: "n"}, whole.format(v.flagged)), el("span", {class: "of"}, "/ " + whole.format(v.n)), track)));
  }
  box.replaceChildren(el("p", {class: "note"}, t("trust-intro", {split: meta.split, n: whole.format(f.n)})), measured, el("h4", null, t("trust-false")), alarms, el("p", {class: "note"}, t("trust-caveat", {share: percent.format(f.hidden / f.n)})));
}

// ---- A finding ---------------------------------------------------------------------------------------------------

// Offsets count code points; a string counts UTF-16 units.
function units(text, offsets) {
  if (!/[\ud800-\udbff]/.test(text)) return offsets;
  const out = [];
  let unit = 0, point = 0;
  for (const [k, offset] of [...offsets.entries()].sort((a, b) => a[1] - b[1])) {
    while (point < offset && unit < text.length) { unit += text.codePointAt(unit) > 0xffff ? 2 : 1; point++; }
    out[k] = unit;
  }
  return out;
}

// The parts of a long text that are left out: [from, to] in UTF-16 units, cut between words.
function gaps(text, spans) {
  if (text.length <= LONG) return [];
  const keep = [[0, 160], ...spans.map(s => [s[0] - AROUND, s[1] + AROUND])].sort((a, b) => a[0] - b[0]), out = [];
  let end = 0;
  for (const [a, b] of [...keep, [text.length, text.length]]) {
    let from = end, to = Math.max(0, Math.min(a, text.length));
    while (from < to && !/\s/.test(text[from])) from++;
    while (to > from && to < text.length && !/\s/.test(text[to - 1])) to--;
    if (to - from > 200) out.push([from, to]);
    end = Math.max(end, b);
  }
  return out;
}

function textBox(e, text, finding, whole_) {
  const roles = ["lure", "catch"], [a, b, c, d] = units(text, finding[1] ? [...finding[0], ...finding[1]] : finding[0]);
  const spans = finding[1] ? [[a, b], [c, d]] : [[a, b]], left = whole_ ? [] : gaps(text, spans);
  const cuts = [...new Set([0, text.length, ...spans.flat(), ...left.flat()])].filter(x => x <= text.length).sort((x, y) => x - y);
  const box = el("div", {class: "text", lang: words.langs[langs.values[langOf[docOf[e]]]] ? langs.values[langOf[docOf[e]]] : null, dir: "auto"}), tagged = new Set();
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i], cuts[i + 1]];
    if (left.some(g => g[0] === from)) { box.append(el("span", {class: "gap", title: t("skipped", {n: whole.format(to - from)})}, " […] ")); continue; }
    const over = roles.filter((_, k) => spans[k] && spans[k][0] <= from && spans[k][1] >= to);
    if (!over.length) { put(box, text.slice(from, to)); continue; }
    const mark = el("mark", {class: over.join(" ")});
    for (const role of over) if (!tagged.has(role)) {
      tagged.add(role);
      const other = role === "lure" ? "catch" : "lure";
      mark.append(spans.length > 1
        ? press({class: "tag", "data-role": role, lang, "aria-label": t("to-" + other), title: t("to-" + other)}, () => { const target = box.querySelector(`[data-role="${other}"]`); if (target) target.focus(); }, t(role))
        : el("span", {class: "tag", "data-role": role, lang}, t(role)));
    }
    // A label stays on one line with the first word of its span.
    const word = mark.firstChild ? text.slice(from, to).search(/\s|$/) : 0;
    if (word && word < 24) { const start = el("span", {class: "start"}); start.append(...mark.childNodes); put(start, text.slice(from, from + word)); mark.append(start); }
    put(mark, text.slice(word < 24 ? from + word : from, to));
    box.append(mark);
  }
  return box;
}

// A line in the margin from the lure to the catch.
const SVG = "http://www.w3.org/2000/svg";
function link(frame) {
  const old = frame.querySelector("svg"), lure = frame.querySelector('button[data-role="lure"]'), target = frame.querySelector('button[data-role="catch"]');
  if (old) old.remove();
  if (!lure || !target) return;
  const base = frame.getBoundingClientRect(), middle = node => { const r = node.getBoundingClientRect(); return r.top - base.top + r.height / 2; };
  const from = middle(lure), to = middle(target), svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path"), dot = document.createElementNS(SVG, "circle"), head = document.createElementNS(SVG, "path");
  const flat = Math.abs(from - to) < 6, y0 = flat ? from - 5 : from, y1 = flat ? to + 5 : to;
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", "18");
  svg.setAttribute("height", String(Math.round(base.height)));
  path.setAttribute("d", `M15 ${y0} H9 Q4 ${y0} 4 ${y0 + Math.sign(y1 - y0) * 5} V${y1 - Math.sign(y1 - y0) * 5} Q4 ${y1} 9 ${y1} H14`);
  path.setAttribute("class", "line");
  dot.setAttribute("cx", "15"); dot.setAttribute("cy", y0); dot.setAttribute("r", "2.5");
  head.setAttribute("d", `M12 ${y1 - 4} L17 ${y1} L12 ${y1 + 4} Z`);
  svg.append(path, dot, head);
  frame.prepend(svg);
}
const widths = window.ResizeObserver ? new ResizeObserver(changes => { for (const change of changes) link(change.target); }) : null;

function facts(e, ...more) {
  const d = docOf[e], name = sources.values[source[d]], id = ids[d], parts = [];
  parts.push(el("span", {class: "path"}, name || id));
  if (id && name && !name.endsWith(id)) parts.push(el("span", {class: "path"}, "#" + id));
  if (advertisers.values[advertiser[d]]) parts.push(el("span", null, advertisers.values[advertiser[d]]));
  if (dates[d]) parts.push(el("time", {datetime: dates[d]}, dates[d].length > 7 ? new Intl.DateTimeFormat(lang === "fi" ? "fi" : "en-GB", {dateStyle: "long", timeZone: "UTC"}).format(new Date(dates[d])) : monthName(dates[d])));
  if (langs.values[langOf[d]]) parts.push(el("span", null, valueName("lang", langOf[d])));
  return el("p", {class: "facts"}, ...parts, ...more);
}

function reasonsOf(row, terms, e) {
  const most = Math.max(...row.map(r => Math.abs(r[1]))), list = el("ol", {class: "reasons"}), signed = new Intl.NumberFormat(lang === "fi" ? "fi" : "en-GB", {minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero"});
  for (const [term, weight] of row) {
    const bar = el("span", {class: "fill " + (weight < 0 ? "less" : "more")});
    bar.style.width = (50 * Math.abs(weight) / (most || 1)).toFixed(1) + "%";
    list.append(el("li", {title: terms[term]}, el("span", {class: "name"}, reasonName(terms[term])), el("span", {class: "balance", "aria-hidden": "true"}, bar), el("span", {class: "n"}, signed.format(weight))));
  }
  const sum = row.reduce((s, r) => s + r[1], 0);
  return el("section", {class: "why"}, el("h4", null, t("why")), list, el("p", {class: "note"}, t("why-note", {sum: signed.format(sum), score: figure.format(score[e])})));
}

function rulesOf(row, terms) {
  const list = el("ul", {class: "rules"});
  for (const number of row) {
    const rule = words.rules[terms[number]];
    if (!rule) { list.append(el("li", null, terms[number])); continue; }
    const level = Object.hasOwn(words.ui, "level-" + rule.level) ? t("level-" + rule.level) : rule.level;
    const places = rule.source.map(s => /^[\w.-]+\/\S*$/.test(s) ? el("a", {href: "https://" + s, rel: "noopener noreferrer", target: "_blank"}, s) : el("span", null, s));
    list.append(el("li", null, el("details", null, el("summary", null, el("span", {class: "name"}, rule.name), " ", el("span", {class: "place"}, rule.place), " ", el("abbr", {class: "level", title: level}, rule.level)), el("p", null, rule.says), el("p", {class: "note"}, level + ". " + t("rule-source") + ": ", places.flatMap((p, i) => i ? [" · ", p] : [p])))));
  }
  return el("section", {class: "law"}, el("h4", null, t("rules")), list);
}

// What a later stage proposes: strings, lists of strings, or either by language.
function clarifyOf(value) {
  const lines = v => typeof v === "string" ? [v] : Array.isArray(v) ? v.flatMap(lines) : v && typeof v === "object" ? lines(v[lang] ?? v.text ?? v.suggestion ?? v.en ?? v.fi ?? "") : [];
  const own = Object.hasOwn(value, "text") || Object.hasOwn(value, "suggestion") ? [...lines(value.text), ...lines(value.suggestion)] : lines(value);
  const shown = own.filter(Boolean);
  return shown.length ? el("section", {class: "clarify"}, el("h4", null, t("clarify")), ...shown.map(line => el("p", null, line))) : null;
}

function card(e) {
  const d = docOf[e], row = rowFor(d), head = "h" + e, article = el("article", {tabindex: "-1", "aria-labelledby": head, "data-entry": e});
  if (kind[e] > FOUND) {
    article.className = "brief";
    article.append(el("h3", {id: head}, t(kind[e] === FAILED ? "not-scanned" : "nothing-found")), facts(e));
    if (kind[e] === FAILED) article.append(el("p", {class: "error"}, el("code", null, row[3][0]), " ", row[3][1]));
    return article;
  }
  const finding = row[1][numberOf[e]], [lure, target, level, law, reasons, message, clarify] = finding, terms = body(chunkOf[d]).terms, text = row[0];
  const at = units(text, target ? [...lure, ...target] : lure), p = words.patterns[pattern[e]];
  const sentence = message || words.sentences[pattern[e]][stance[e]][disclosure[e]][target ? 1 : 0].split(setting.marks[0]).join(quote(text.slice(at[0], at[1]))).split(setting.marks[1]).join(target ? quote(text.slice(at[2], at[3])) : "");
  const dial = el("span", {class: "dial", "aria-hidden": "true"}, el("span", {class: "fill"}));
  dial.firstChild.style.width = (100 * score[e]).toFixed(1) + "%";
  article.append(el("header", null,
    el("div", null, el("h3", {id: head, title: p.short}, p.name), el("p", {class: "kinds"}, el("code", null, setting.patterns[pattern[e]]), el("span", null, words.stances[stance[e]]), el("span", null, words.disclosures[disclosure[e]]), kind[e] === FOUND ? el("span", null, t("unflagged")) : null)),
    el("p", {class: "score"}, el("span", {class: "unseen"}, t("score-label") + " "), el("b", null, figure.format(score[e])), " ", el("span", null, words.sure[level]), dial)));
  article.append(facts(e, ...row[2].map(([k, v]) => el("span", {class: "extra"}, k + ": " + v))));
  article.append(el("p", {class: "message"}, sentence));
  const frame = el("div", {class: "frame"}), box = textBox(e, text, finding, false);
  frame.append(box);
  article.append(frame);
  if (!target) article.append(el("p", {class: "note"}, t("no-catch")));
  if (box.querySelector(".gap")) {
    const more = press({class: "quiet"}, () => { frame.replaceChildren(textBox(e, text, finding, true)); link(frame); more.remove(); article.focus({preventScroll: true}); }, t("whole-text", {n: whole.format(text.length)}));
    article.append(more);
  }
  if (widths) widths.observe(frame);
  article.append(el("div", {class: "grounds"}, clarify ? clarifyOf(clarify) : null, law.length ? rulesOf(law, terms) : null, reasons.length ? reasonsOf(reasons, terms, e) : null));
  article.append(el("div", {class: "foot"}, el("p", {class: "note"}, t("pointer"), law.length ? " " + words.notice : ""), press({class: "quiet print-one"}, () => printOne(article), t("print-one"))));
  return article;
}

// ---- The page ----------------------------------------------------------------------------------------------------

function drawCards() {
  if (widths) widths.disconnect();
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  state.page = Math.max(0, Math.min(state.page, pages - 1));
  $("cards").replaceChildren(...Array.from(found.slice(state.page * PAGE, (state.page + 1) * PAGE), card));
  $("page").textContent = t("page-of", {n: whole.format(state.page + 1), of: whole.format(pages)});
  $("pager").hidden = pages < 2;
  $("previous").disabled = state.page === 0;
  $("next").disabled = state.page === pages - 1;
  $("print-page").disabled = !found.length;
}

function drawCount() {
  const many = (key, n) => t(key + (n === 1 ? "-one" : ""), {n: whole.format(n)});
  $("count").textContent = !found.length ? t("count-none") : state.view === "flagged" || state.view === "findings" ? many("count-findings", found.length) + " " + many("count-within", foundTexts) : many("count-texts", foundTexts);
}

function drawChips() {
  const chips = [];
  for (const facet of FACETS) for (const v of state.chosen[facet]) {
    const name = valueName(facet, v);
    chips.push(press({class: "chip", "aria-label": t("remove", {what: name})}, () => choose(facet, v), name, el("span", {"aria-hidden": "true"}, " ×")));
  }
  const narrowed = chips.length || state.query || state.sourceHas || state.advertiserHas || state.from > 0 || state.to < 1;
  if (narrowed) chips.push(press({class: "quiet", id: "clear"}, clearAll, t("clear")));
  $("chips").replaceChildren(...chips);
  $("chips").hidden = !narrowed;
}

function clearAll() {
  for (const facet of FACETS) state.chosen[facet].clear();
  Object.assign(state, {query: "", from: 0, to: 1, sourceHas: "", advertiserHas: ""});
  for (const input of document.querySelectorAll("label.has input")) input.value = "";
  fillControls();
  update();
  $("query").focus();
}

function update(keepPage) {
  if (!keepPage) state.page = 0;
  filter();
  drawFacets(); drawChips(); drawCount(); drawCards();
  remember();
}

function turn(to, last) {
  state.page = to;
  drawCards();
  remember();
  const cards = $("cards").children;
  if (cards.length) go(cards[last ? cards.length - 1 : 0]);
}

function go(article) {
  article.focus({preventScroll: true});
  article.scrollIntoView({block: "start"});
}

function step(by) {
  const cards = [...$("cards").children], at = cards.indexOf(document.activeElement && document.activeElement.closest("article"));
  const to = at < 0 ? (by > 0 ? 0 : -1) : at + by;
  if (to >= 0 && to < cards.length) go(cards[to]);
  else if (at >= 0 && to < 0 && state.page > 0) turn(state.page - 1, true);
  else if (to >= cards.length && !$("next").disabled) turn(state.page + 1, false);
}

// ---- The view in the address -------------------------------------------------------------------------------------

function remember() {
  const view = new URLSearchParams();
  for (const facet of FACETS) for (const v of state.chosen[facet]) view.append(facet, valuesOf[facet][v]);
  for (const [key, usual] of [["query", ""], ["view", firstView], ["sort", "score"], ["from", 0], ["to", 1], ["sourceHas", ""], ["advertiserHas", ""], ["page", 0]]) if (state[key] !== usual) view.set(key, state[key]);
  const hash = view.toString();
  if (hash !== location.hash.slice(1)) try { history.replaceState(null, "", "#" + hash); } catch (_) { /* some browsers forbid it to files */ }
}

function recall() {
  const view = new URLSearchParams(location.hash.slice(1)), number = (key, usual) => { const n = Number(view.get(key) ?? usual); return Number.isFinite(n) ? n : usual; };
  for (const facet of FACETS) state.chosen[facet] = new Set(view.getAll(facet).map(value => valuesOf[facet].indexOf(value)).filter(n => n >= 0));
  Object.assign(state, {query: view.get("query") || "", sourceHas: view.get("sourceHas") || "", advertiserHas: view.get("advertiserHas") || "", from: number("from", 0), to: number("to", 1), page: Math.trunc(number("page", 0))});
  state.view = Object.hasOwn(VIEWS, view.get("view") || "") ? view.get("view") : firstView;
  state.sort = SORTS.includes(view.get("sort")) ? view.get("sort") : "score";
}

// ---- Controls ----------------------------------------------------------------------------------------------------

function later(action) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(action, 80); };
}

function fillControls() {
  $("view").replaceChildren(...Object.entries(VIEWS).filter(([v]) => v !== "errors" || kinds[FAILED]).map(([v, of]) => new Option(`${t("view-" + v)} (${whole.format(of.reduce((n, k) => n + kinds[k], 0))})`, v)));
  $("view").value = state.view;
  $("sort").replaceChildren(...SORTS.filter(s => s !== "date" || MONTHS.length).map(s => new Option(t("sort-" + s), s)));
  $("sort").value = state.sort;
  $("query").value = state.query;
  $("from").value = state.from;
  $("to").value = state.to;
}

function speak() {
  words = WORDS[lang];
  const locale = lang === "fi" ? "fi" : "en-GB";
  figure = new Intl.NumberFormat(locale, {minimumFractionDigits: 2, maximumFractionDigits: 2});
  percent = new Intl.NumberFormat(locale, {style: "percent"});
  whole = new Intl.NumberFormat(locale);
  document.documentElement.lang = lang;
  document.title = t("title");
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
  for (const node of document.querySelectorAll("[data-lang]")) node.setAttribute("aria-pressed", String(node.dataset.lang === lang));
  const n = {n: whole.format(flaggedTexts), of: whole.format(nTexts)};
  $("headline").textContent = t(!nTexts ? "headline-empty" : !flaggedTexts ? "headline-none" : flaggedTexts === 1 ? "headline-one" : "headline", n);
  $("unread").textContent = kinds[FAILED] ? t("also-unread", {n: whole.format(kinds[FAILED])}) : "";
  const made = [];
  if (meta.version) made.push(t("made-with", {version: meta.version, date: meta.created || ""}));
  if (meta.model) made.push(t("model", {name: meta.model, hash: (meta.sha256 || "").slice(0, 12)}));
  if (meta.packs && Object.keys(meta.packs).length) made.push(t("packs", {packs: Object.entries(meta.packs).map(([k, v]) => k + " " + v).join(", ")}));
  if (meta.corpus) made.push(t("corpus", {hash: meta.corpus.slice(0, 12)}));
  $("made").replaceChildren();
  put($("made"), made.join(" "));
  $("law").textContent = words.notice;
  drawTheme();
  delete orders.source;
  fillControls();
  facetPanels();
  drawTrust();
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : dark.matches;
function drawTheme() { $("theme").textContent = t(isDark() ? "theme-light" : "theme-dark"); }
$("theme").addEventListener("click", () => { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; drawTheme(); });
dark.addEventListener("change", drawTheme);
for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => { lang = button.dataset.lang; speak(); update(true); });

$("filters").addEventListener("submit", event => event.preventDefault());
$("query").addEventListener("input", later(() => { state.query = $("query").value; update(); }));
for (const name of ["view", "sort"]) $(name).addEventListener("change", () => { state[name] = $(name).value; update(); });
for (const [name, usual] of [["from", 0], ["to", 1]]) $(name).addEventListener("input", later(() => { const n = $(name).valueAsNumber; state[name] = Number.isFinite(n) ? n : usual; update(); }));
$("previous").addEventListener("click", () => turn(state.page - 1, false));
$("next").addEventListener("click", () => turn(state.page + 1, false));
window.addEventListener("hashchange", () => { recall(); fillControls(); facetPanels(); update(true); });

// Printing: the filtered page, or one finding; what is folded is unfolded while it lasts.
let opened = [];
function printOne(article) {
  document.body.classList.add("print-one");
  article.classList.add("printing");
  window.print();
}
window.addEventListener("beforeprint", () => {
  opened = [...$("cards").querySelectorAll("details:not([open])")];
  for (const node of opened) node.open = true;
});
window.addEventListener("afterprint", () => {
  for (const node of opened) node.open = false;
  document.body.classList.remove("print-one");
  for (const node of document.querySelectorAll(".printing")) node.classList.remove("printing");
});
$("print-page").addEventListener("click", () => window.print());

$("open-help").addEventListener("click", () => $("help").showModal());
$("close-help").addEventListener("click", () => $("help").close());
document.addEventListener("keydown", event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const at = event.target;
  if (at.closest("input, select, textarea")) { // The browser's own Escape would empty the search without telling.
    if (event.key === "Escape") { event.preventDefault(); at.blur(); } return; }
  if (!$("keys").checked && event.key.length === 1) return;
  const article = at.closest("article");
  const action = {
    j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1),
    "]": () => { if (!$("next").disabled) turn(state.page + 1, false); }, "[": () => { if (!$("previous").disabled) turn(state.page - 1, false); },
    "/": () => { $("query").focus(); $("query").select(); }, "?": () => $("help").showModal(), p: () => { if (article && article.querySelector(".print-one")) printOne(article); },
  }[event.key];
  if (action) { event.preventDefault(); action(); }
});

// On a narrow screen the figures are folded away above the findings.
if (window.matchMedia("(max-width: 55rem)").matches) $("figures").open = false;
recall();
speak();
update(true);
performance.mark("shown");
idle(readAhead);
})();
