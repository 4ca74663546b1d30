/* The live page: draws what the service tells and carries a person's answers back; it decides
   nothing. No framework and no network but the service itself; uPlot (MIT) draws the two curves.

   It reads (any field may be missing: it shows a dash; times in seconds since 1970):
   /v1/posts                    time, posts[{name, switch, switch_all, waiting{approvals}}]
   /v1/posts/{post}             name, switch (what holds), switch_own, switch_all, switched{who, why, time}, incumbent,
       declared{action, observation (spaces), reward_meaning, caps{name: {cap: of}}, terms{name: {tolerated, is_irreversible}}},
       classes{name: {level, wealth, bar, needed, judged, errors, alarms, tolerated, is_irreversible, lease_seconds (left), lease_of,
                      caps{cap: of}, caps_left{cap: left}}},
       waiting{approvals, audits}, open{decisions, proposals, episodes}, incidents[{time, what, who}] newest first,
       ledger{decisions, episodes, outcomes, rewards, hours, lessons, by{}}, mind{steps, leader, lag, pinned}, drives{}
   /v1/posts/{post}/decisions   items[{id, asked, action, proposed, by, verdict, worth, low, high, support, reward,
                                       is_audited, reasons}] newest first
   /v1/posts/{post}/curve       items[{decisions (so far), episodes, reward (sums of this stretch)}]
   /v1/inbox?post={post}        items[{id, kind ("approval" or "audit"), expires, action_class, observation, action,
                                       taken, worth, low, high, support, reasons}]
   /v1/events                   {kind, post, time, …}: decision{id, answer}, outcome{id, reward}; else a reason to look

   Left out: history further back than the service tells, and settings (they belong to the caller's code). */

const SHOWN = 50, WAITING = 10, AUDITS = 3, TRACE = 400, REFETCH = 1500, REDRAW = 250, LEVELS = ["shadow", "supervised", "autonomous"];
const DAY = 86400, DASH = "–";
const $ = (id) => document.getElementById(id);

/* ---- small tools */

/** An element; text goes in as text, so that nothing told can become markup. */
function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const drawn = new Map(); // id → what was drawn there last
/** Draws into an element only where what is told has changed, and keeps the keyboard's place. */
function put(id, told, draw) {
  const now = JSON.stringify(told) ?? "";
  if (drawn.get(id) === now) return;
  drawn.set(id, now);
  const held = $(id).contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  $(id).replaceChildren(...[draw()].flat().filter(Boolean));
  if (held) ($(id).querySelector(`[data-focus="${CSS.escape(held)}"]`) ?? $(id).querySelector("a, button") ?? $("main")).focus();
}

const known = (x) => typeof x === "number" && Number.isFinite(x);
const list = (x) => (Array.isArray(x) ? x : []);
function number(x, digits = 3) {
  if (!known(x)) return DASH;
  if (x !== 0 && Math.abs(x) < 1e-4) return x.toExponential(1).replaceAll("-", "−");
  const form = Math.abs(x) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits };
  return new Intl.NumberFormat("en", form).format(x).replace("-", "−");
}
const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
const moment = (at, form) => (known(at) ? new Date(at * 1000).toLocaleString("en-GB", form) : DASH);
const clock = (at) => moment(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dated = (at) => moment(at, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
function span(seconds) {
  if (!known(seconds)) return DASH;
  const s = Math.max(0, Math.round(seconds));
  if (s >= DAY) return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / 3600)} h`;
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
const words = (name) => String(name).replaceAll("_", " ").replaceAll("-", " ");

/** An action or observation in the words of its declared space. */
function said(value, space) {
  if (value === null || value === undefined) return DASH;
  if (space?.type === "discrete" && space.labels?.[value] !== undefined) return String(space.labels[value]);
  if (space?.type === "candidates") return `candidate ${value}`;
  if (typeof value === "object" && !Array.isArray(value))
    return Object.entries(value).map(([key, part]) => `${key} ${said(part, space.parts?.[key])}`).join(", ");
  if (Array.isArray(value) && value.every(known))
    return value.map((x, i) => (space?.names?.[i] ? `${space.names[i]} ${number(x)}` : number(x))).join(", ");
  return known(value) ? number(value) : typeof value === "string" ? value : JSON.stringify(value);
}

/* ---- talking with the service */

const kept = { get: (name) => sessionStorage.getItem(name) ?? "", set: (name, value) => sessionStorage.setItem(name, value) };
let asking = null; // one question for a key at a time, however many requests were refused
let isDeclined = false; // who gave no key is not asked again, but may give one

function headers() {
  const key = kept.get("key");
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function request(path, options = {}) {
  for (;;) {
    const used = kept.get("key");
    const answer = await fetch(path, { cache: "no-store", ...options, headers: { ...options.headers, ...headers() } });
    if (answer.status !== 401) return answer;
    if (kept.get("key") === used && (isDeclined || !(await (asking ??= askKey(used))))) return answer;
  }
}

/** GET, or POST where there is a body; throws the service's own sentence. */
async function call(path, body) {
  const options = body ? { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
  const answer = await request(path, options);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof told.error === "string" ? told.error : `The service answered ${answer.status} to ${path}.`);
  return told;
}

function askKey(used) {
  const dialog = $("key-dialog");
  $("key-text").textContent = used
    ? "The key that was given is not accepted. Another one?"
    : "It is kept in this tab only and forgotten when the tab closes.";
  $("key").value = "";
  $("use-key").hidden = false;
  drawLink();
  const sent = closing(dialog, () => kept.set("key", $("key").value.trim()));
  return sent.then((isSent) => { isDeclined = !isSent; return isSent; }).finally(() => (asking = null));
}

/** Opens a dialog; true once its form was sent, false where it was left. */
function closing(dialog, sent) {
  return new Promise((settle) => {
    const form = dialog.querySelector("form");
    let isSent = false;
    form.onsubmit = (event) => { event.preventDefault(); isSent = true; sent(); dialog.close(); };
    dialog.querySelector(".cancel").onclick = () => dialog.close();
    dialog.onclose = () => settle(isSent);
    dialog.showModal();
  });
}

/** Server-sent events by fetch, since EventSource can carry no key; while somebody looks, since a
    browser opens only six connections to one service, for all of its tabs. */
let hearing = new AbortController();
async function listen() {
  for (let wait = 1000; ; wait = Math.min(5000, wait * 2)) {
    while (document.hidden) await new Promise((settle) => addEventListener("visibilitychange", settle, { once: true }));
    try {
      hearing = new AbortController();
      const answer = await request("v1/events", { headers: { Accept: "text/event-stream" }, signal: hearing.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      wait = 1000;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const blocks = (rest + part.value).replaceAll("\r\n", "\n").split("\n\n");
        rest = blocks.pop();
        blocks.forEach(heard);
        isStreaming = true;
      }
    } catch { /* gone: the poll goes on and says so where it fails too */ }
    isStreaming = false;
    await new Promise((settle) => setTimeout(settle, wait));
  }
}

function heard(block) {
  let kind = "message", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  if (!data) return;
  let told;
  try { told = JSON.parse(data); } catch { return; }
  if (told.post === chosen && known(told.id)) {
    if (kind === "decision" && told.answer) remember({ reward: null, asked: told.time, ...told.answer });
    if (kind === "outcome" && known(told.reward) && decisions.has(told.id))
      remember({ id: told.id, reward: (decisions.get(told.id).reward ?? 0) + told.reward });
    redrawSoon();
  }
  refetchSoon(["decision", "outcome", "learned"].includes(kind) ? REFETCH : 0);
}

/* ---- what is known */

let posts = [], state = {}, inbox = [], curve = [], chosen = null;
let isStreaming = false, lastHeard = 0, offset = 0; // offset: the service's clock − ours [s]
let announced = null; // ids of approvals already told, None before the first look
let decisions = new Map();
const now = () => Date.now() / 1000 + offset;
const holds = (post) => post.switch ?? "on";
const isAnyOn = () => posts.some((post) => holds(post) === "on"); // then the switch for all is on
const approvals = () => inbox.filter((item) => item.kind !== "audit");
const audits = () => inbox.filter((item) => item.kind === "audit");
const classes = () => Object.entries(state.classes ?? {}).map(([name, one]) =>
  ({ name, caps: state.declared?.caps?.[name], ...state.declared?.terms?.[name], ...one }));
const actions = () => state.declared?.action;

function remember(decision) {
  decisions.set(decision.id, { ...decisions.get(decision.id), ...decision });
  if (decisions.size > TRACE + 50)
    decisions = new Map([...decisions].sort((a, b) => a[0] - b[0]).slice(-TRACE));
}

let timer = null, due = Infinity, isFetching = false;
function refetchSoon(delay) {
  const at = Date.now() + delay;
  if (at >= due) return;
  clearTimeout(timer);
  [due, timer] = [at, setTimeout(refetch, delay)];
}

const route = (post, part) => `v1/posts/${encodeURIComponent(post)}${part ? `/${part}` : ""}`;
/** One part of the sheet; where it is refused that is said, and the rest is shown nevertheless. */
const look = (path) => call(path).catch((error) => { if (error instanceof TypeError) throw error; trouble(error.message); });
async function refetch() {
  if (isFetching) return refetchAfter();
  due = Infinity;
  isFetching = true;
  trouble(null);
  try {
    const told = await call("v1/posts");
    posts = list(told.posts);
    if (known(told.time)) offset = told.time - Date.now() / 1000;
    if (!posts.some((post) => post.name === chosen)) choose(fromAddress() ?? posts[0]?.name ?? null);
    const wanted = chosen;
    if (wanted !== null) {
      const [post, waiting, latest, earned] = await Promise.all([route(wanted), `v1/inbox?post=${encodeURIComponent(wanted)}`,
        route(wanted, `decisions?most=${SHOWN}`), route(wanted, "curve")].map(look));
      if (wanted !== chosen) return refetchSoon(0);
      [state, inbox, curve] = [post ?? state, list(waiting?.items ?? inbox), list(earned?.items ?? curve)];
      list(latest?.items).forEach(remember);
    }
    lastHeard = Date.now();
    $("stale").hidden = true;
    announce();
    draw();
  } catch (error) {
    lost(error);
  } finally {
    isFetching = false;
    refetchSoon(isStreaming || document.hidden ? 10000 : 3000); // heard or not: what is shown is never older than this
  }
}
function refetchAfter() { due = Infinity; refetchSoon(100); }

function lost(error) {
  const isGone = error instanceof TypeError; // fetch's own: nobody answered
  if (!isGone) return trouble(error.message);
  $("stale").textContent = `No connection to the service${lastHeard ? ` since ${clock(lastHeard / 1000)}: what you see is old` : ""}.`;
  $("stale").hidden = false;
  drawLink();
}

/** Says what was refused; what a person did stays said until the next act. */
let isActs = false;
function trouble(sentence, isOfAct = false) {
  if (isActs && !isOfAct) return;
  isActs = isOfAct && sentence !== null;
  $("trouble").textContent = sentence ?? "";
  $("trouble").hidden = !sentence;
}

/** Tells new approvals to who listens, by a screen reader or by the tab's title. */
function announce() {
  const waiting = approvals();
  if (announced) {
    const fresh = waiting.filter((item) => !announced.has(item.id));
    if (fresh.length) {
      $("news").textContent = `${count(fresh.length, "new approval")} at ${chosen}: ` +
        fresh.slice(0, 3).map((item) => said(item.action, actions())).join("; ");
    }
  }
  announced = new Set(waiting.map((item) => item.id));
}

function fromAddress() {
  let name = null;
  try { name = decodeURIComponent(location.hash.slice(1)); } catch { /* not ours */ }
  return posts.some((post) => post.name === name) ? name : null;
}

function choose(name) {
  if (name === chosen) return;
  [chosen, state, inbox, curve, announced, decisions] = [name, {}, [], [], null, new Map()];
  drawn.clear();
  $("inbox").replaceChildren();
  charts.forEach((chart) => chart.set([[]]));
}

/* ---- drawing */

let isDrawing = false;
function redrawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  setTimeout(() => { isDrawing = false; drawDecisions(); drawValue(); }, REDRAW);
}

function draw() {
  const waits = (post) => (post.name === chosen ? approvals().length : post.waiting?.approvals ?? 0);
  const waiting = posts.reduce((sum, post) => sum + waits(post), 0);
  document.title = `${waiting ? `(${waiting}) ` : ""}${chosen ?? "no posts"} · quickstudy`;
  $("nothing").hidden = chosen !== null;
  $("sheet").hidden = chosen === null;
  document.querySelector(".bar.post").hidden = chosen === null;
  drawLink();
  drawPosts(waits);
  if (chosen === null) return;
  drawHead();
  drawAnswers();
  drawInbox();
  drawAudits();
  drawClasses();
  drawCurve();
  drawValue();
  drawDecisions();
  drawIncidents();
  drawLedger();
}

const TONE = { on: "good", paused: "wait", off: "bad" };
const tag = (text, tone = "") => h(`span.tag${tone && "."}${tone}`, {}, text);

function drawLink() {
  const isLive = Date.now() - lastHeard < 15000;
  $("link").className = `link ${isLive && isStreaming ? "live" : isLive || !lastHeard ? "" : "lost"}`;
  $("link-text").textContent = !isLive ? (lastHeard ? "no connection" : "not connected") : isStreaming ? "live" : "polling";
}

function drawPosts(waits) {
  $("posts").className = posts.length < 2 ? "single" : "";
  put("posts", [chosen, posts.map((post) => [post.name, holds(post), waits(post)])], () => posts.map((post) =>
    h("a", { href: `#${encodeURIComponent(post.name)}`, "aria-current": post.name === chosen ? "page" : null, "data-focus": post.name },
      post.name,
      holds(post) === "on" ? null : tag(holds(post), TONE[holds(post)]),
      waits(post) ? h("span.count", { "aria-label": `${waits(post)} waiting` }, String(waits(post))) : null)));
  const current = posts[0]?.switch_all ?? (isAnyOn() ? "on" : null);
  put("switch-all", [posts.length > 0, current], () => (posts.length ? buttons("all posts", current, "v1/switch") : []));
}

/** A switch's buttons: off is always among them, unless it is off. Null: not told, so all of them. */
function buttons(what, current, path) {
  const isAll = what === "all posts";
  const make = (to, label, kind = "") => h(`button${kind}`, { type: "button", "data-focus": to, "aria-label": `${label}: ${what}`,
    onclick: () => turn(what, to, label, path) }, label);
  return [
    isAll && current ? h(`span.of${current === "on" ? ".calm" : ""}`, {}, `all posts: ${current}`) : null,
    current === "on" ? null : make("on", isAll ? "Switch all on" : "Switch on"),
    current === "paused" || current === "off" ? null : make("paused", isAll ? "Pause all" : "Pause"),
    current === "off" ? null : make("off", isAll ? "Switch all off" : "Switch off", ".off"),
  ];
}

const MEANS = {
  on: "It decides again, within its level and its caps.",
  paused: "Nothing new is decided until it is switched on again; what waits for a person still waits. Open episodes are cut, which teaches nothing against pausing.",
  off: "Nothing is decided until it is switched on again, and nothing waits any more. Open episodes are cut, which teaches nothing against the switch.",
};
async function turn(what, to, label, path) {
  const told = await ask(`${label.replace(" all", "")}: ${what}?`, MEANS[to], label, to === "off" ? "off" : "primary");
  if (told) await send(path, { state: to, ...told });
}

/** Asks once, with who and why; null where it was left. */
async function ask(title, text, yes, kind) {
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-yes").className = kind;
  $("ask-who").value = $("who").value;
  $("ask-why").value = "";
  const isSent = await closing($("ask"), () => { $("who").value = $("ask-who").value; kept.set("who", $("ask-who").value); });
  return isSent ? { who: me(), why: $("ask-why").value.trim() } : null;
}
const me = () => $("who").value.trim() || "page";

async function send(path, body) {
  try {
    await call(path, body);
    trouble(null, true);
    return true;
  } catch (error) {
    error instanceof TypeError ? lost(error) : trouble(error.message, true);
    return false;
  } finally {
    refetchSoon(0);
  }
}

/** The lowest and the highest level that its classes have. */
function levels() {
  const held = LEVELS.filter((level) => classes().some((one) => one.level === level));
  return held.length > 1 ? `${held[0]} to ${held.at(-1)}` : held[0] ?? "";
}

function drawHead() {
  const current = holds(state);
  $("name").textContent = $("name").title = state.name ?? chosen;
  put("state", [current, levels(), state.mind?.pinned], () => [
    tag(current, TONE[current]), levels() ? h("span.tag.extra", {}, levels()) : null,
    state.mind?.pinned ? tag(`pinned to ${state.mind.pinned}`, "wait") : null]);
  const own = state.switch_own ?? (isAnyOn() ? state.switch : null);
  put("switch-post", [chosen, own], () => buttons(chosen, own, route(chosen, "switch")));
}

function drawAnswers() {
  const current = holds(state), all = classes(), waiting = approvals(), checks = audits(), by = state.switched;
  const alone = all.filter((one) => one.level === "autonomous").length;
  const wrong = list(state.incidents), recent = wrong.filter((one) => now() - one.time < DAY);
  const soonest = Math.min(...waiting.map((item) => item.expires ?? Infinity));
  const isAll = (state.switch_all ?? "on") !== "on";
  const answer = (question, big, why, tone = "") => h(`div.answer${tone && "."}${tone}`, {}, h("h2", {}, question), h("p.big", {}, big), h("p.why", {}, why));
  const since = [isAll ? `all posts are ${state.switch_all}` : "", by?.who, by?.why, known(by?.time) ? dated(by.time) : ""].filter(Boolean).join(" · ");
  put("answers", [current, since, all.map((one) => one.level), waiting.length, soonest, checks.length, wrong[0], recent.length], () => [
    answer("Is it on?", { on: "On", paused: "Paused", off: "Off" }[current] ?? current, since || (current === "on" ? "since it was created" : ""), TONE[current]),
    answer("What may it do by itself?", !all.length ? DASH : current !== "on" || !alone ? "Nothing" : alone === all.length ? "Act, within caps" : `${alone} of ${all.length} classes`,
      !all.length ? "not told" : current !== "on" ? "it decides nothing now" : alone ? "some of it is audited at random"
        : levels() === "shadow" ? "it proposes; others decide" : "a person answers each proposal"),
    answer("What waits for me?", waiting.length ? count(waiting.length, "approval") : checks.length ? count(checks.length, "audit") : "Nothing",
      [Number.isFinite(soonest) ? `the first is refused at ${clock(soonest)}` : "", waiting.length && checks.length ? count(checks.length, "audit") : ""].filter(Boolean).join(" · ")
        || (checks.length ? "drawn at random" : "no approval is open"),
      waiting.length ? "wait" : ""),
    answer("What went wrong?", recent.length ? count(recent.length, "incident") : "Nothing",
      recent.length ? String(recent[0].what) : wrong.length ? `today; last ${dated(wrong[0].time)}` : "no incident on record", recent.length ? "bad" : ""),
  ]);
}

/* the inbox: one list item a request, kept while it waits, so that a half-filled form survives */
function drawInbox() {
  const waiting = approvals(), box = $("inbox");
  const wanted = new Map(waiting.slice(0, WAITING).map((item) => [String(item.id), item]));
  let isOrphan = false;
  for (const node of [...box.children]) {
    if (wanted.delete(node.dataset.id)) continue;
    isOrphan ||= node.contains(document.activeElement);
    node.remove();
  }
  for (const item of wanted.values()) box.append(requested(item));
  const more = Math.max(0, waiting.length - WAITING) + Math.max(0, audits().length - AUDITS);
  $("inbox-none").textContent = more ? `And ${number(more)} more, when these are answered.` : "Nothing waits.";
  $("inbox-none").hidden = !more && inbox.length > 0;
  if (isOrphan) (box.querySelector("button") ?? $("main")).focus();
  countdown();
}

function requested(item) {
  const post = chosen, node = h("li", { "data-id": item.id });
  const act = (answer, label, kind = "") => h(`button${kind}`, { type: "button", "aria-label": `${label} ${item.id}`,
    onclick: ({ currentTarget }) => (answer === "allow" ? reply(node, item, { answer }) : openForm(node, item, answer, currentTarget)) }, label);
  node.append(h("div.request", {},
    h("div.what", {},
      h("p.act", {}, said(item.action, actions())),
      h("p.told", {}, [`worth ${number(item.worth)}`, between(item.low, item.high),
        ` · support ${number(item.support)}`, item.action_class && classes().length > 1 ? ` · ${item.action_class}` : "",
        ...list(item.reasons).map((why) => ` · ${why}`)].join("")),
      seen(item.observation)),
    h("span.left", { "data-expires": item.expires ?? "" }),
    h("div.buttons", { role: "group", "aria-label": `Answer ${item.id} at ${post}` },
      act("allow", "Allow", ".primary"), act("edit", "Edit"), act("take-over", "Take over"), act("reject", "Reject"))));
  return node;
}

/** What it saw: name and value, at most twelve of them. */
function seen(observation) {
  const space = state.declared?.observation;
  const parts = Array.isArray(observation) && observation.every(known)
    ? observation.map((x, i) => [space?.names?.[i] ?? `x${i + 1}`, number(x)])
    : observation && typeof observation === "object" ? Object.entries(observation).map(([key, part]) => [key, said(part, space?.parts?.[key])])
    : observation === undefined || observation === null ? [] : [["saw", said(observation, space)]];
  const more = parts.length - 12;
  return h("p.seen", {}, parts.slice(0, 12).map(([key, value]) => h("span", {}, h("i", {}, `${key} `), value)), more > 0 ? h("i", {}, `and ${more} more`) : null);
}

async function reply(node, item, body) {
  node.querySelectorAll("button").forEach((button) => (button.disabled = true));
  const isTaken = await send(`v1/inbox/${item.id}`, { who: me(), ...body });
  if (!isTaken) return node.querySelectorAll("button").forEach((button) => (button.disabled = false));
  const next = node.nextElementSibling ?? node.previousElementSibling;
  node.remove();
  (next?.querySelector("button") ?? $("main")).focus();
}

const ASKS = { edit: "Do this instead", "take-over": "Do this, and I go on myself", reject: "Reject it" };
function openForm(node, item, answer, opener) {
  node.querySelector(".edit")?.remove();
  const field = answer === "reject" ? null : actionField(actions(), item.action);
  const wrong = h("p.wrong", { role: "alert" });
  const why = h("input", { autocomplete: "off", maxlength: 300 });
  const close = () => { form.remove(); opener.focus(); };
  const form = h("form.edit", {
    "aria-label": `${ASKS[answer]}: ${item.id}`,
    onkeydown: (event) => { if (event.key === "Escape") close(); },
    onsubmit: (event) => {
      event.preventDefault();
      let action;
      try { action = field?.read(); } catch (error) { wrong.textContent = error.message; return; }
      reply(node, item, { answer, why: why.value.trim(), ...(field ? { action } : {}) });
    },
  },
  h("div.fields", {}, field ? field.nodes : null, h("label.long", {}, "Why (it is kept in the log)", why)), wrong,
  h("div.buttons", {}, h(`button.${answer === "reject" ? "off" : "primary"}`, { type: "submit" }, ASKS[answer]), h("button", { type: "button", onclick: close }, "Cancel")));
  node.append(form);
  (form.querySelector("input, select, textarea") ?? form).focus();
}

/** Inputs for one action of a declared space, which says labels and names as it came. */
function actionField(space, value) {
  if (space?.type === "discrete" || space?.type === "candidates") {
    const options = space.labels ?? Array.from({ length: space.n ?? space.most ?? 0 }, (_, i) => i);
    const select = h("select", {}, options.map((one, i) => h("option", { value: i, selected: one === value || i === value }, said(one, space))));
    return { nodes: [h("label", {}, "Action", select)], read: () => (typeof value === "number" ? Number(select.value) : options[select.value]) };
  }
  const parts = space?.type === "box" && value && typeof value === "object" ? Object.entries(value) : [];
  if (parts.length && parts.length <= 12 && parts.every(([, x]) => known(x))) {
    const bound = (side, i) => (Array.isArray(side) ? side[i] : side);
    const inputs = parts.map(([, x], i) => h("input", { type: "number", step: "any", required: true, value: x, min: bound(space.low, i), max: bound(space.high, i) }));
    const read = () => (Array.isArray(value) ? inputs.map((input) => Number(input.value)) : Object.fromEntries(parts.map(([name], i) => [name, Number(inputs[i].value)])));
    return { nodes: inputs.map((input, i) => h("label", {}, Array.isArray(value) ? `a${i + 1}` : parts[i][0], input)), read };
  }
  const text = h("textarea", { rows: 3, spellcheck: "false" });
  text.value = JSON.stringify(value ?? null);
  return { nodes: [h("label.long", {}, "Action (JSON)", text)], read: () => {
    try { return JSON.parse(text.value); } catch { throw new Error("The action is not JSON: check its quotes and brackets."); }
  } };
}

function drawAudits() {
  const waiting = audits().slice(0, AUDITS);
  put("audits", waiting, () => waiting.map((item) => {
    const judge = (label, isError) => h("button", { type: "button", "data-focus": `${item.id}${label}`, "aria-label": `Decision ${item.id} was ${label}`,
      onclick: () => send(`v1/decisions/${item.id}/audit`, { is_error: isError, who: me(), why: "" }) }, `It was ${label}`);
    const isOther = item.taken !== null && item.taken !== undefined && JSON.stringify(item.taken) !== JSON.stringify(item.action);
    return h("li", {}, h("div.request", {}, h("div.what", {},
      h("p", {}, "Audit: was ", h("b", {}, said(item.action, actions())), isOther ? ` right? Done was ${said(item.taken, actions())}.` : " right?"),
      h("p.told", {}, `decision ${item.id} · worth ${number(item.worth)}${between(item.low, item.high)} · drawn at random`), seen(item.observation)),
    h("div.buttons", {}, judge("right", false), judge("wrong", true))));
  }));
}

function countdown() {
  for (const node of document.querySelectorAll(".left")) {
    const left = Number(node.dataset.expires) - now();
    node.textContent = !node.dataset.expires ? "" : left > 0 ? `refused in ${span(left)}` : "time is over";
    node.classList.toggle("soon", left < 30);
  }
}

function drawClasses() {
  put("classes", [state.classes, chosen], () => classes().map(oneClass));
}

function oneClass(one) {
  const rung = LEVELS.indexOf(one.level), isTop = rung === LEVELS.length - 1;
  const next = isTop || !known(one.needed) ? null : LEVELS[rung + 1];
  const proof = one.wealth > 0 && one.bar > 1 ? Math.min(1, Math.max(0, Math.log(one.wealth) / Math.log(one.bar))) : 0;
  const order = (label, to, text) => h("button.small", { type: "button", "data-focus": `${one.name}${to}`, "aria-label": `${label}: ${one.name}`, onclick: async () => {
    const told = await ask(`${label}: ${one.name}?`, text, label, "primary");
    if (told) await send(route(chosen, to), { action_class: one.name, ...told });
  } }, label);
  const left = one.lease_seconds, caps = Object.entries({ ...Object.fromEntries(Object.keys(one.caps ?? {}).map((cap) => [cap, null])), ...one.caps_left });
  return h("div.class", {},
    h("div", {}, h("h3", {}, one.name === "any" ? "every action" : one.name),
      h("p.note", {}, `${number(one.errors ?? 0)} wrong of ${number(one.judged ?? 0)} judged`),
      known(one.tolerated) ? h("p.note", {}, `${number(100 * one.tolerated)} % tolerated`) : null,
      one.alarms > 0 ? h("p.note", {}, `${count(one.alarms, "level")} lost so far`) : null,
      one.is_irreversible ? h("p.note", {}, "irreversible: never by itself") : null),
    h("div", {}, h("ol.ladder", { "aria-label": "Level" }, LEVELS.map((level, i) => h(`li${i <= rung ? ".reached" : ""}`, { "aria-current": i === rung ? "step" : null }, level))),
      rung > 0 ? order("Take a level back", "demote", `From ${one.level} to ${LEVELS[rung - 1]}; evidence starts anew.`) : null),
    h("div", {}, next || isTop
      ? [h("p.label", {}, h("span", {}, "Evidence for ", h("b", {}, next ?? "the next lease")), h("span", {}, `${number(Math.min(one.wealth, one.bar))} of ${number(one.bar)}`)),
        h("progress", { max: 1, value: proof, "aria-label": `Evidence for ${next ?? "the next lease"}` }),
        h("p.note", {}, one.needed > 0 ? `${count(one.needed, "clean decision")} more` : isTop ? "earned" : "evidence still to come")]
      : h("p.note", {}, "No further level."),
      known(left) ? h("p.label", {}, h("span", {}, "lease: ", h("b", {}, `${span(left)} left`), known(one.lease_of) ? ` of ${span(one.lease_of)}` : ""),
        one.needed > 0 ? null : order("Renew lease", "renew", "The permission holds for another full lease.")) : null),
    h("div", {}, caps.length ? caps.map(([cap, rest]) => capLeft(cap, rest, one.caps?.[cap])).flat() : h("p.note", {}, "No caps.")));
}

function capLeft(cap, rest, of) {
  if (!known(rest)) return [h("p.label", {}, h("span", {}, words(cap)), h("span", {}, "at most ", h("b", {}, number(of))))]; // of each decision
  const share = known(of) ? (of > 0 ? rest / of : 0) : rest > 0 ? null : 0;
  return [h(`p.label${rest <= 0 ? ".gone" : ""}`, {}, h("span", {}, words(cap)), h("span", {}, h("b", {}, number(rest)), known(of) ? ` left of ${number(of)}` : " left")),
    share === null ? null : h(`progress${share <= 0 ? ".gone" : share < .2 ? ".low" : ""}`, { max: 1, value: share, "aria-label": `${words(cap)} left` })];
}

/* ---- curves */

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400]; // between ticks
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A curve with its interval: columns x, middle, low, high and, where there is one, a level to compare with. */
function makeChart(id, { tone, wash, isTime, read }) {
  let data = [[]], plot = null, width = 0;
  function build() {
    plot?.destroy();
    plot = null;
    $(id).replaceChildren();
    const isEmpty = data[0].length === 0;
    $(id).hidden = isEmpty;
    $(`${id}-none`).hidden = !isEmpty;
    width = $(id).clientWidth - 12;
    if (isEmpty || width <= 0) return;
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--faint"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
    const line = (stroke, width, more = {}) => ({ stroke, width, points: { show: data[0].length < 30, size: 5, fill: stroke }, ...more });
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    plot = new uPlot({
      width, height: 210, legend: { show: false }, padding: [10, 22, 0, 0],
      cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 7 } },
      scales: { x: { time: isTime } },
      axes: [{ ...axis, ...(isTime && { incrs: SECONDS }), size: 28, values: (_, ticks) => ticks.map(isTime ? clock : (x) => number(x)), space: 76 },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((x) => number(x)) }],
      series: [{}, line(colour(tone), 1.75), edge, edge, line(colour("--orange"), 1.5, { dash: [6, 4], points: { show: false } })],
      bands: [{ series: [3, 2], fill: colour(wash) }],
      hooks: { setCursor: [(u) => say(u.cursor.idx)] },
    }, data, $(id));
    say(null);
  }
  function say(at) {
    const i = at ?? data[0].length - 1;
    const text = i >= 0 ? read(data.map((column) => column[i])) : "";
    $(`${id}-read`).textContent = text;
    if (at === null || at === undefined) $(id).setAttribute("aria-label", text);
  }
  function set(columns) {
    const isAlike = plot && (columns[0].length === 0) === (data[0].length === 0) && columns[0].length >= 30 === data[0].length >= 30;
    data = columns;
    isAlike ? plot.setData(columns) : build();
    if (plot) say(plot.cursor.idx);
  }
  new ResizeObserver(() => { if (Math.abs($(id).clientWidth - 12 - width) > 1 && !$(id).hidden) build(); }).observe($(id).parentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  return { set };
}

const between = (low, high) => (known(low) && known(high) ? ` (${number(low)} to ${number(high)})` : "");
const charts = new Map([
  ["curve", makeChart("curve", { tone: "--teal", wash: "--teal-wash", isTime: false,
    read: ([step, mean, low, high, level]) => `at ${number(step)}: ${number(mean)}${between(low, high)}${known(level) ? `, incumbent ${number(level)}` : ""}` })],
  ["value", makeChart("value", { tone: "--blue", wash: "--blue-wash", isTime: true,
    read: ([at, worth, low, high]) => `${clock(at)}: ${number(worth)}${between(low, high)}` })],
]);
const columns = (rows, width) => Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));

/** Means of the latest WINDOW stretches, and where nine of ten such means would lie: stretches
    are many decisions each, so their means are taken as independent and normal (Student's t). */
const WINDOW = 10, T95 = [, 6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.9, 1.86, 1.83];
function earnings(isByEpisode) {
  const stretches = [];
  for (const { decisions: upto, episodes, reward } of curve) {
    const one = stretches.at(-1), isOpen = one && one.n === 0; // too short yet: no episode ended in it
    const n = isByEpisode ? episodes : upto - (one?.upto ?? 0);
    if (isOpen) Object.assign(one, { upto, n: one.n + n, sum: one.sum + reward });
    else stretches.push({ upto, n, sum: reward });
  }
  const ended = stretches.filter((one) => one.n > 0);
  return ended.map(({ upto }, i) => {
    const means = ended.slice(Math.max(0, i + 1 - WINDOW), i + 1).map((one) => one.sum / one.n), k = means.length;
    const mean = means.reduce((sum, x) => sum + x, 0) / k;
    const far = k > 2 ? T95[k - 1] * Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (k - 1) / k) : null;
    return [upto, mean, far === null ? null : mean - far, far === null ? null : mean + far, isByEpisode ? state.incumbent : null];
  });
}

function drawCurve() {
  const told = JSON.stringify([curve, state.incumbent]);
  if (drawn.get("curve") === told) return;
  drawn.set("curve", told);
  const isByEpisode = curve.some((one) => one.episodes > 0), rows = earnings(isByEpisode);
  charts.get("curve").set(columns(rows, 5));
  $("curve-what").textContent = isByEpisode ? "return an episode, latest ten stretches with 90 % interval" : "reward a decision, latest ten stretches with 90 % interval";
  $("curve-incumbent").hidden = !rows.some((row) => known(row[4]));
}

function drawValue() {
  const rows = [...decisions.values()].filter((one) => known(one.worth) && known(one.asked)).sort((a, b) => a.id - b.id).slice(-TRACE)
    .map((one) => [one.asked, one.worth, one.low ?? null, one.high ?? null, null]);
  charts.get("value").set(columns(rows, 5));
}

/* ---- decisions, incidents, practice */

let shown = new Set();
function drawDecisions() {
  const region = $("decisions").closest(".scroll");
  if (region.scrollTop > 4) { $("decisions-aside").textContent = "held while you scroll"; return; }
  const rows = [...decisions.values()].sort((a, b) => b.id - a.id).slice(0, SHOWN);
  $("decisions-aside").textContent = [rows.length ? `latest ${rows.length}` : "none yet", state.declared?.reward_meaning ? `reward: ${state.declared.reward_meaning}` : ""].filter(Boolean).join(" · ");
  put("decisions", [rows, chosen], () => {
    const low = Math.min(...rows.map((one) => one.low ?? one.worth ?? Infinity)), high = Math.max(...rows.map((one) => one.high ?? one.worth ?? -Infinity));
    const fresh = rows.filter((one) => !shown.has(one.id)).length;
    const nodes = rows.map((one) => decided(one, low, high, shown.size && fresh < 6 && !shown.has(one.id)));
    shown = new Set(rows.map((one) => one.id));
    return nodes;
  });
}

const VERDICT = { allow: "", ask: "wait", refuse: "bad", shadow: "" };
function decided(one, low, high, isFresh) {
  const verdict = String(one.verdict ?? DASH).toLowerCase();
  return h(`tr${isFresh ? ".fresh" : ""}`, { title: list(one.reasons).join("; ") || null },
    h("td.time", {}, clock(one.asked)), h("td.rare.num", {}, String(one.id)), h("td.act", {}, said(one.action ?? one.proposed, actions())),
    h("td.wide", {}, one.by ?? DASH), h("td", {}, tag(verdict, VERDICT[verdict] ?? ""), one.is_audited ? h("span.audited.wide", { title: "drawn for an audit" }, "audit") : null),
    h("td.num", {}, number(one.worth)), h("td.wide", {}, range(one, low, high)), h("td.rare.num", {}, number(one.support)),
    h(`td.num${one.reward < 0 ? ".minus" : ""}`, {}, one.reward === null ? h("span.pending", {}, "waits") : number(one.reward)));
}

function range(one, low, high) {
  if (!known(one.worth) || !(high > low)) return "";
  const at = (x) => 4 + (84 * (x - low)) / (high - low);
  return svg("svg", { class: "range", viewBox: "0 0 92 12", "aria-label": `${number(one.low)} to ${number(one.high)}`, role: "img" },
    svg("line", { x1: at(one.low ?? one.worth), x2: at(one.high ?? one.worth), y1: 6, y2: 6, "stroke-linecap": "round" }), svg("circle", { cx: at(one.worth), cy: 6, r: 3 }));
}

function drawIncidents() {
  const incidents = list(state.incidents);
  $("incidents-none").hidden = incidents.length > 0;
  put("incidents", incidents, () => incidents.map((one) => h("li", {},
    h("time", { datetime: known(one.time) ? new Date(one.time * 1000).toISOString() : null }, dated(one.time)),
    h("p", {}, String(one.what ?? one.kind ?? DASH), h("span.by", {}, one.who ? ` · ${one.who}` : "")))));
}

function drawLedger() {
  const kept = state.ledger ?? {}, mind = state.mind ?? {}, each = kept.rewards / kept.episodes;
  const rows = [
    ["decisions", number(kept.decisions)], ["with an outcome", number(kept.outcomes)], ["awaiting one", number(state.open?.decisions)],
    ["episodes", number(kept.episodes)], ["hours", number(kept.hours)], ["lessons", kept.lessons ? number(kept.lessons) : DASH],
    ["rewards, in all", number(kept.rewards)],
    ["above the incumbent", kept.episodes > 0 && known(state.incumbent) ? number(kept.rewards - kept.episodes * state.incumbent) : DASH],
    ["return, mean", number(each)],
    ["study behind by", known(mind.lag) ? count(mind.lag, "event") : DASH], ["led by", mind.leader ?? DASH],
    ...Object.entries(kept.by ?? {}).map(([who, n]) => [`by ${who}`, number(n)]),
    ...Object.entries(state.drives ?? {}).map(([name, x]) => [`drive: ${name}`, number(x)]),
  ];
  put("ledger", rows, () => rows.filter(([, value]) => value !== DASH).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/* ---- start */

$("who").value = kept.get("who");
$("who").addEventListener("change", () => kept.set("who", me() === "page" ? "" : me()));
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); $("main").scrollIntoView(); });
$("use-key").addEventListener("click", async () => { if (await (asking ??= askKey(""))) refetchSoon(0); });
addEventListener("hashchange", () => { const name = fromAddress(); if (name) { choose(name); refetchSoon(0); } });
addEventListener("visibilitychange", () => (document.hidden ? hearing.abort() : refetchSoon(0)));
setInterval(() => { countdown(); drawLink(); }, 1000);
refetchSoon(0);
listen();
