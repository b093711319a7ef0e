// Stands in the shell's place in a plain browser, so that the window's own code can be looked at without Tauri.
// Serves the recorded documents beside this file through the same doors (invoke, transformCallback, channels whose
// messages overtake each other). Query: open (something is open already), begin=broken|none, feed=loading|failed|ended|
// denied, rows=N (N apps), churn (one row changes ten times a second), runs=none|broken, grade=click|named|typed|
// second-person, plan=nothing|denied|tried|refused, run=refused. Never part of a build: see README.md.
const query = new URLSearchParams(location.search);
const RECORDED = Date.parse("2026-11-21T11:45:00Z");
const started = Date.now();
// The recorded moment is now, so that ages read as they did then.
const realNow = Date.now.bind(Date);
Date.now = () => RECORDED + (realNow() - started);

const load = async (file) => {
  const reply = await fetch(new URL(`mock/${file}`, location.href));
  if (!reply.ok) throw new Error(`${file}: ${reply.status}`);
  return file.endsWith(".json") ? reply.json() : reply.text();
};
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const refuse = (code, message, hint = "", retryable = false) => ({ code, message, hint, retryable });

const callbacks = new Map();
let next = 1;
const channels = new Map();
const send = (channel, index, message) => callbacks.get(channel)?.({ message, index });
const end = (channel, index) => callbacks.get(channel)?.({ end: true, index });

const grown = (board, rows) => {
  if (!rows) return board;
  const all = [];
  for (let i = 0; i < rows; i += 1) {
    const row = structuredClone(board.rows[i % board.rows.length]);
    const app = i < board.rows.length ? row.app : `${row.app}-${i}`;
    all.push({ ...row, app, repository: `${row.repository}-${i}` });
  }
  return { ...board, rows: all };
};

const stream = {
  async watch_board(channel) {
    if (query.get("feed") === "loading") return;
    if (query.get("feed") === "failed") {
      throw refuse("unreachable", "No cluster of this kubeconfig answers: connection refused.", "Is the VPN on?", true);
    }
    const board = grown(await load("board.json"), Number(query.get("rows")));
    if (query.get("feed") === "denied") {
      board.rows = [];
      board.unlinked = [];
    }
    let index = 0;
    send(channel, index++, board);
    if (query.get("feed") === "ended") end(channel, index++);
    if (query.has("churn")) {
      channels.set(channel, setInterval(() => {
        const copy = structuredClone(board);
        const row = copy.rows[Math.floor(Math.random() * Math.min(copy.rows.length, 20))];
        row.cells[0].delivery.behind = Math.floor(Math.random() * 9);
        row.cells[0].delivery.state = "moving";
        send(channel, index++, copy);
      }, Number(query.get("churn")) || 100));
    }
  },
  async watch_answer(channel, { ask }) {
    await wait(query.has("slow") ? 60000 : 60);
    const file = ["3f2c1ab", "1a90c3e", "77d40e2", "be8812a", "5e0a9b2", "a91be07", "c0ffee1", "badbeef"].find((sha) => ask.text.startsWith(sha));
    let index = 0;
    if (!file) {
      send(channel, index++, { Err: refuse("unknown-ask", `“${ask.text}” names no commit, branch, tag, pull request, CI run or app in the 12 repositories that could be read.`, "Check the spelling, or push the commit if it is only on your machine. Repositories that could not be read are listed under Connections.") });
      return;
    }
    const answer = await load(`answer-${file}.json`);
    // A controller's message may be a megabyte long; the file holds its beginning.
    if (file === "badbeef") answer.journeys[0].evidence[0].value = answer.journeys[0].evidence[0].value.repeat(400);
    // The second message comes first: the bridge has to put them in order.
    send(channel, 1, { Ok: answer });
    send(channel, 0, { Ok: { ...answer, pending: 9 } });
    index = 2;
    if (query.get("feed") === "failing") {
      send(channel, index++, { Err: refuse("unreachable", "prod-eu does not answer: connection timed out.", "Is the VPN on?", true) });
    }
  },
  async watch_app(channel) {
    send(channel, 0, await load("app.json"));
  },
  async watch_changes(channel) {
    if (query.get("feed") === "loading") return;
    send(channel, 0, await load("changes.json"));
  },
  async watch_followed(channel) {
    followers.push(channel);
    send(channel, 0, []);
  },
  async watch_runs(channel) {
    runs ??= await load("runs.json");
    if (query.get("runs") === "none") runs = { runs: [] };
    if (query.get("runs") === "broken") {
      runs = { runs: [], broken: refuse("bad-file", "The journal in ~/.local/share/landfall/journal was changed after it was written: record 14 is not what its hash says.", "Keep the file, and ask whoever looks after audits.") };
    }
    watchers.set(channel, 0);
    tellRuns();
  },
  async watch_sign_in(channel) {
    send(channel, 0, null);
  },
  async watch_connections(channel) {
    send(channel, 0, await load("connections.json"));
  },
};

let runs;
const watchers = new Map();
const tellRuns = () => watchers.forEach((index, channel) => {
  send(channel, index, structuredClone(runs));
  watchers.set(channel, index + 1);
});

const followers = [];
const followed = [];
const tell = () => followers.forEach((channel) => send(channel, (told[channel] = (told[channel] ?? 0) + 1), [...followed]));
const told = {};

const request = {
  async follow({ ask }) {
    followed.push({ ask, says: `${ask.text.slice(0, 7)}: in 1 of 3` });
    tell();
  },
  async unfollow({ ask }) {
    followed.splice(followed.findIndex((one) => one.ask.text === ask.text), 1);
    tell();
  },
  async offer_actions({ object }) {
    await wait(100);
    return ["Deployment", "Kustomization", "HelmRelease"].includes(object.kind) ? load("offers.json") : [];
  },
  async diagnose({ object }) {
    await wait(400);
    const name = `${object.kind} ${object.namespace}/${object.name}`;
    const markdown = `# Diagnosis of \`${name}\`\n\nOn \`${object.system}\`, made 2026-11-21 11:45:00Z.\n\n## What could not be read\n\n- \`pods/log: not allowed in shop\`\n\n## Logs\n\n\`\`\`text\nlistening on :8080\npassword=(hidden)\n\`\`\`\n`;
    return { id: "0a".repeat(32), object, at: new Date().toISOString(), isRead: true, unread: 1, markdown };
  },
  async save_diagnosis() {
    await wait(100);
    return { path: "/home/mina/Downloads/landfall-diagnosis-checkout-20261121T114500Z.md" };
  },
  async list_actions() {
    await wait(100);
    const offers = await load("offers.json");
    const theirs = offers.filter((offer) => !offer.greyed);
    return theirs.map(({ action, title, about }) => ({ action, title, about, kinds: ["Deployment"] }));
  },
  async close_window() {},
  async plan_action({ wish }) {
    await wait(300);
    if (query.get("plan") === "refused") {
      throw refuse("denied", `${wish.action} does not fit: ${wish.object.kind} ${wish.object.namespace}/${wish.object.name} is paused: a restart would not begin`);
    }
    const plan = await load("plan.json");
    plan.object = wish.object;
    if (query.has("grade")) plan.confirm = query.get("grade");
    if (query.get("plan") === "nothing") plan.nothing = true;
    if (query.get("plan") === "denied") plan.rights[0].held = false;
    if (query.get("plan") === "tried") plan.tried = 'admission webhook "policy.example" denied the request: no restarts on Fridays';
    return plan;
  },
  async run_action() {
    await wait(200);
    if (query.get("run") === "refused") throw refuse("denied", "the plan was made more than ten minutes ago", "Plan again, and read the new plan.");
    const run = structuredClone(runs.runs.at(-2));
    run.run = `20261121-114500-${runs.runs.length}`;
    run.began = new Date().toISOString();
    const worked = [run.steps, run.stands];
    run.steps = run.steps.map((step) => ({ ...step, state: "sent", seen: "1 of 3 pods is new" }));
    run.stands = { is: "running" };
    runs.runs.unshift(run);
    tellRuns();
    setTimeout(() => {
      if (run.stands.is !== "running") return;
      [run.steps, run.stands] = worked;
      tellRuns();
    }, 4000);
    return run.run;
  },
  async cancel_run({ run }) {
    const one = runs.runs.find((known) => known.run === run);
    one.stands = { is: "ended", outcome: "cancelled", says: "It was cancelled after it was sent, which stands.", at: new Date().toISOString() };
    tellRuns();
  },
  async settle_run({ run }) {
    await wait(500);
    const one = runs.runs.find((known) => known.run === run);
    one.stands = { is: "ended", outcome: "closed", says: "mina closed it, as it was.", at: new Date().toISOString() };
    tellRuns();
  },
  async begin() {
    const beginning = await load(query.get("begin") === "broken" ? "begin-broken.json" : "begin.json");
    if (query.get("begin") === "none") {
      beginning.contexts = { Err: refuse("no-kubeconfig", "There is no kubeconfig at ~/.kube/config.", "Set KUBECONFIG, or look around in the sandbox first.") };
    }
    if (query.has("open")) beginning.open = { name: "Tidewater", sandbox: true };
    return beginning;
  },
  async open(what) {
    await wait(400);
    if (what.what === "kubeconfig" && what.contexts.includes("prod-us")) {
      throw refuse("unreachable", "prod-us does not answer: connection timed out after 10 s.", "Its address is a private one: is the VPN on?", true);
    }
    return what.what === "sandbox" ? { name: "Tidewater", sandbox: true } : { name: "~/.kube/config", sandbox: false };
  },
  async read_object({ object }) {
    await wait(200);
    if (object.kind === "Pod") throw refuse("denied", `You may not get ${object.kind} ${object.namespace}/${object.name} on ${object.system}.`, "Whoever administers the cluster can grant it.");
    return load("object.yaml");
  },
  async unwatch({ channel }) {
    clearInterval(channels.get(channel));
  },
};

window.__TAURI_INTERNALS__ = {
  transformCallback(callback) {
    callbacks.set(next, callback);
    return next++;
  },
  unregisterCallback(id) {
    callbacks.delete(id);
  },
  async invoke(command, { request: asked, channel }) {
    if (command in stream) {
      await stream[command](Number(channel.split(":")[1]), asked);
      return null;
    }
    return request[command](asked);
  },
};
