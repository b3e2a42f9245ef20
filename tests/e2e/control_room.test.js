// SPDX-License-Identifier: BSL-1.0
// The demo's two real processes, seen by real clients: npm ws, headless Chromium on the page, and plain HTTP.
// The programs are looked for in TELLTALE_BIN, else in TELLTALE_BUILD/examples/control_room, else in build/dev.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { after, afterEach, before, beforeEach, test } = require('node:test');
const WebSocket = require('ws');
const { launch, out_file, port_of, Program, Proxy, scratch, until, WAIT_MS } = require('./harness.js');

const BIN = process.env.TELLTALE_BIN ?? path.join(process.env.TELLTALE_BUILD ?? path.join(__dirname, '..', '..', 'build', 'dev'), 'examples', 'control_room');
const TERMINAL = ['succeeded', 'failed', 'cancelled', 'timed_out', 'skipped', 'lost'];
const MB = 1 << 20;
const is_terminal = (job) => TERMINAL.includes(job.state);
const offset_of = (cursor) => BigInt(cursor.slice(cursor.lastIndexOf(':') + 1));
const epoch_of = (cursor) => cursor.slice(0, cursor.lastIndexOf(':'));
const count_of = (jobs, state) => jobs.filter((job) => job.state === state).length;

let browser, folder, cleanup;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
beforeEach(() => { folder = scratch(); cleanup = []; });
afterEach(async () => {
  for (const undo of cleanup.reverse()) await undo();
  fs.rmSync(folder, { recursive: true, force: true });
});

// ---- the processes ----------------------------------------------------------------------------------------------

// A folder of files for every name. The big ones are sparse: they take time to hash and no room on the disk.
function make_root(sizes) {
  const root = path.join(folder, 'root');
  for (const [name, megabytes] of Object.entries(sizes)) {
    fs.mkdirSync(path.join(root, name), { recursive: true });
    fs.writeFileSync(path.join(root, name, 'small.txt'), `the file of ${name}\n`);
    const file = path.join(root, name, 'big.bin');
    fs.writeFileSync(file, '');
    fs.truncateSync(file, megabytes * MB);
  }
  return root;
}

let files = 0;
async function start(name, args) {
  const port_file = path.join(folder, `port-${++files}`);
  const program = new Program(path.join(BIN, name), [...args, '--port-file', port_file], { cwd: folder });
  cleanup.push(() => program.stop());
  program.port = await port_of(program, port_file);
  program.url = `http://127.0.0.1:${program.port}`;
  return program;
}
const start_worker = (root, port = 0, ...more) => start('control_room_worker', ['--port', String(port), '--root', root, ...more]);
const start_room = (worker, ...more) => start('control_room', ['--worker', worker.url, '--port', '0', '--interval', '100', ...more]);

async function get(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(WAIT_MS) });
  assert.equal(answer.status, 200, url);
  return answer;
}
const jobs_of = async (room) => (await (await get(`${room.url}/api/jobs`)).json()).jobs;
const worker_job = async (worker, name) => (await (await get(`${worker.url}/jobs`)).json()).jobs.find((job) => job.name.includes(name));
async function all_terminal(room) {
  let jobs = [];
  await until(() => `all jobs are terminal: ${jobs.map((job) => `${job.name} ${job.state}`).join(', ')}\n${room.tail()}`, async () => {
    jobs = await jobs_of(room);
    return jobs.length > 0 && jobs.every(is_terminal);
  });
  return jobs;
}
async function proxy_to(program) {
  const proxy = await new Proxy(program.port).listen();
  cleanup.push(() => proxy.close());
  return proxy;
}

// ---- the clients ------------------------------------------------------------------------------------------------

// A WebSocket client that keeps all it was told, and comes back with its last cursor whenever it is cut.
class Client {
  constructor(port) {
    this.port = port;
    this.first = undefined;     // the first snapshot
    this.events = [];
    this.others = [];           // types of the messages that are not events
    this.closed = false;
    this.connect();
    cleanup.push(() => { this.closed = true; this.socket.terminate(); });
  }
  connect() {
    const query = this.cursor === undefined ? '' : `?cursor=${encodeURIComponent(this.cursor)}`;
    const socket = this.socket = new WebSocket(`ws://127.0.0.1:${this.port}/ws${query}`);
    socket.on('error', () => {});
    socket.on('close', () => { if (!this.closed) setTimeout(() => this.closed || this.connect(), 20); });
    socket.on('message', (data) => {
      if (socket !== this.socket) return;
      const message = JSON.parse(data);
      if (message.type === 'event') this.events.push(message); else this.others.push(message.type + (message.reset ? ' reset' : ''));
      if (message.type === 'snapshot') this.first ??= message;
      this.cursor = message.cursor ?? this.cursor;
    });
  }
  transitions(from) {
    return this.events.filter((event) => event.kind !== 'job_progressed' && offset_of(event.cursor) > from).map((event) => `${event.cursor} ${event.kind} ${event.job?.id} ${event.job?.state}`);
  }
}

function check_order(client, name) {
  let last = offset_of(client.first.cursor);
  for (const { cursor } of client.events) {
    assert.equal(epoch_of(cursor), epoch_of(client.first.cursor), `${name}: one epoch`);
    assert.ok(offset_of(cursor) > last, `${name}: ${cursor} came after offset ${last}`);
    last = offset_of(cursor);
  }
}

async function open_page(port) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  cleanup.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.on('console', (message) => { if (/Content Security Policy/.test(message.text())) page.complaints.push(message.text()); });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => window.telltale.link === 'live');
  return page;
}
const page_jobs = (page) => page.evaluate(() => window.telltale.jobs);
const essence = (jobs) => jobs.map((job) => ({ id: job.id, name: job.name, state: job.state, attempt: job.attempt, done: job.progress?.done, error: job.error })).sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));

// ---- the tests --------------------------------------------------------------------------------------------------

test('events in order, none missing, none twice, over cut connections; cancel from the page', async () => {
  const worker = await start_worker(make_root({ alpha: 300, bravo: 300, charlie: 300, delta: 300, echo: 300, zulu: 8000 }));
  const room = await start_room(worker, '--serve');
  const rough = await proxy_to(room), page_way = await proxy_to(room);
  const steady = new Client(room.port), cut = new Client(rough.port);
  await until('both clients have a snapshot', () => steady.first && cut.first);
  const page = await open_page(page_way.port);

  // The connections are cut again and again while things happen.
  const cutting = (async () => {
    for (let i = 1; i <= 6; ++i) {
      const seen = cut.events.length;
      await until('the cut client hears more', () => cut.events.length >= seen + 3 || (steady.events.length > 0 && steady.cursor === cut.cursor && steady.events.filter((event) => is_terminal(event.job ?? {})).length >= 6));
      rough.cut();
      if (i % 2) page_way.cut();
      await until('the cut client is back', () => cut.others.filter((type) => type.startsWith('resumed') || type.startsWith('snapshot')).length >= i + 1);
    }
  })();

  const row = page.locator('.job', { has: page.locator('.name', { hasText: 'zulu' }) });
  await row.locator('.cancel').click();
  const zulu = await row.getAttribute('data-job');
  await page.locator(`[data-job="${zulu}"][data-state=cancelled]`).waitFor();
  assert.equal((await worker_job(worker, 'zulu')).state, 'cancelled');
  await cutting;

  const jobs = await all_terminal(room);
  await until('the steady client has told all', () => jobs.every((job) => [...steady.events].reverse().find((event) => event.job?.id === job.id)?.job.state === job.state || steady.first.jobs.find((old) => old.id === job.id)?.state === job.state));
  await until('the cut client has caught up', () => cut.cursor === steady.cursor);

  check_order(steady, 'steady');
  check_order(cut, 'cut');
  const from = [steady, cut].map((client) => offset_of(client.first.cursor)).reduce((a, b) => (a > b ? a : b));
  assert.ok(steady.transitions(from).length >= 5, 'there was something to compare');
  assert.deepEqual(cut.transitions(from), steady.transitions(from));
  assert.deepEqual(steady.others, ['snapshot']);
  assert.deepEqual(cut.others, ['snapshot', ...Array(6).fill('resumed')], 'every return was a resume, without a gap');

  // Every job ended once, and is now what its last event said.
  for (const job of jobs) {
    const ends = steady.events.filter((event) => event.job?.id === job.id && is_terminal(event.job) && /^job_(succeeded|failed|cancelled|timed_out|skipped|lost)$/.test(event.kind));
    assert.ok(ends.length <= 1, `${job.name} ended ${ends.length} times`);
    if (ends.length) assert.equal(ends[0].kind, `job_${job.state}`);
  }
  const bars = steady.events.filter((event) => event.kind === 'job_progressed' && event.job.progress?.percent > 0 && event.job.progress.percent < 100);
  assert.ok(bars.length > 0, 'bars moved');

  assert.equal(count_of(jobs, 'failed'), 1);
  assert.equal(count_of(jobs, 'timed_out'), 1);
  assert.equal(jobs.find((job) => job.id === zulu).state, 'cancelled');
  assert.ok(jobs.every((job) => ['succeeded', 'failed', 'timed_out', 'cancelled'].includes(job.state)));
  for (const name of ['alpha', 'bravo', 'charlie', 'delta', 'echo']) assert.equal(jobs.find((job) => job.name.includes(name)).state, 'succeeded', name);
  for (const job of jobs.filter(({ state }) => state === 'failed' || state === 'timed_out')) assert.ok(job.error?.class && job.error?.message, `${job.name} says why`);

  // The page holds the same, applied once.
  await until('the page has caught up', async () => await page.evaluate(() => window.telltale.cursor) === steady.cursor);
  const told = await page.evaluate(() => ({ ...window.telltale }));
  assert.deepEqual(essence(told.jobs), essence(jobs));
  assert.deepEqual([told.duplicates, told.gaps, told.resets, told.snapshots], [0, 0, 0, 1]);
  assert.ok(told.resumes >= 1, 'the page was cut and came back');
  assert.deepEqual(page.complaints, []);
  await page.screenshot({ path: out_file('control_room-end.png'), fullPage: true });

  // The worker's result is the truth.
  const alpha = await worker_job(worker, 'alpha');
  const csv = await (await get(`${worker.url}/jobs/${alpha.id}/result`)).text();
  const digest = crypto.createHash('sha256').update('the file of alpha\n').digest('hex');
  assert.match(csv, new RegExp(`small\\.txt"?,18,${digest}`));

  room.signal('SIGINT');
  assert.deepEqual(await room.wait(), { code: 0, signal: null }, room.tail());
  worker.signal('SIGINT');
  assert.deepEqual(await worker.wait(), { code: 0, signal: null }, worker.tail());
});

test('ends by itself: exit code 0, a summary, execution_metrics.json', async () => {
  const worker = await start_worker(make_root({ alpha: 20, bravo: 20 }));
  const metrics = path.join(folder, 'metrics.json');
  const room = await start_room(worker, '--metrics', metrics);
  assert.deepEqual(await room.wait(), { code: 0, signal: null }, room.tail());
  for (const word of ['succeeded', 'failed', 'timed_out|timed out', 'cancelled']) assert.match(room.out, new RegExp(word, 'i'), room.tail());
  assert.ok(!room.out.includes('\u001b['), 'no terminal codes where there is no terminal');
  const value = JSON.parse(fs.readFileSync(metrics, 'utf8'));
  assert.equal(value.jobs_total, value.jobs.length);
  assert.equal(value.jobs_ended, value.jobs_total);
  for (const [state, count] of Object.entries(value.jobs_by_state)) assert.equal(count, count_of(value.jobs, state), state);
  assert.equal(value.jobs_by_state.succeeded, 2, JSON.stringify(value));
  const { elapsed_s, bytes, rows_out, resources } = value;
  assert.ok(elapsed_s > 0 && bytes >= 40 * MB && rows_out === 4, JSON.stringify(value)); // two files in each of two folders
  assert.ok(resources.samples > 0 && resources.memory_peak_bytes > MB && resources.cpu_user_s >= 0, JSON.stringify(resources));
  for (const job of value.jobs.filter((each) => each.state === 'succeeded')) assert.ok(job.duration_s > 0 && job.bytes > 0, JSON.stringify(job));
  assert.match(room.out, /EXECUTION SUMMARY/);
  assert.match(room.out, /peak memory +\d/);
});

test('a killed worker leaves its jobs unreachable, not failed; restarted, they go on or are lost', async () => {
  const root = make_root({ alpha: 150, bravo: 150, charlie: 50 }), rate = ['--rate', '40'];
  const worker = await start_worker(root, 0, ...rate);
  const room = await start_room(worker, '--serve');
  const page = await open_page(room.port);
  await page.locator('.job[data-state=running] .bar[data-kind=known]').first().waitFor();
  worker.signal('SIGKILL');
  await worker.wait();

  // Every job that had not ended is shown as unreachable, with since-when.
  await until('all unfinished jobs are unreachable', async () => {
    const open = (await page_jobs(page)).filter((job) => !is_terminal(job));
    return open.length > 0 && open.every((job) => job.health?.state === 'unreachable');
  });
  const before_restart = await page_jobs(page);
  for (const job of before_restart.filter((each) => !is_terminal(each))) {
    assert.ok(!Number.isNaN(Date.parse(job.health.since)), `${job.name}: since ${job.health.since}`);
    assert.ok(job.health.error, `${job.name}: why`);
    const row = page.locator(`[data-job="${job.id}"]`);
    await row.locator('.word', { hasText: 'Unreachable' }).waitFor();
    assert.match(await row.locator('.when').textContent(), /^since \d\d:\d\d:\d\d$/);
    assert.match(await row.locator('.note.health').textContent(), /^No answer/);
  }
  const interrupted = new Set(before_restart.filter((job) => !is_terminal(job)).map((job) => job.id));
  assert.ok(before_restart.filter((job) => job.state === 'failed').length <= 1, 'none failed but the one on purpose');
  assert.equal(room.ended, undefined, room.tail());
  await page.screenshot({ path: out_file('control_room-unreachable.png'), fullPage: true });

  const again = await start_worker(root, worker.port, ...rate);
  await until('every job is reached again or has ended', async () => (await page_jobs(page)).every((job) => is_terminal(job) || (job.health?.state ?? 'ok') === 'ok'));
  const jobs = await all_terminal(room);
  for (const job of jobs) if (interrupted.has(job.id) && /alpha|bravo|charlie/.test(job.name)) assert.ok(['succeeded', 'lost'].includes(job.state), `${job.name} is ${job.state}`);
  for (const job of jobs) if (interrupted.has(job.id)) assert.equal(job.attempt, 2, `${job.name} was begun anew`);
  await until('the page shows the end', async () => JSON.stringify(essence(await page_jobs(page))) === JSON.stringify(essence(await jobs_of(room))));
  assert.deepEqual(page.complaints, []);
  room.signal('SIGINT');
  assert.deepEqual(await room.wait(), { code: 0, signal: null }, room.tail());
  again.signal('SIGINT');
  await again.wait();
});

test('a taken port is a clear error', async () => {
  const taken = net.createServer();
  await new Promise((resolve) => { taken.listen(0, '127.0.0.1', resolve); });
  cleanup.push(() => new Promise((resolve) => { taken.close(resolve); }));
  const port = String(taken.address().port), root = make_root({ alpha: 1 });
  for (const [name, args] of [['control_room_worker', ['--root', root]], ['control_room', ['--worker', `http://127.0.0.1:${port}`]]]) {
    const program = new Program(path.join(BIN, name), [...args, '--port', port], { cwd: folder });
    cleanup.push(() => program.stop());
    const { code, signal } = await program.wait();
    assert.equal(signal, null, program.tail());
    assert.notEqual(code, 0, program.tail());
    assert.match(program.err, new RegExp(port), `${name} names the port\n${program.tail()}`);
    assert.match(program.err, /in use/i, `${name} says why\n${program.tail()}`);
  }
});

test('Ctrl-C in mid-run ends both cleanly', async () => {
  const worker = await start_worker(make_root({ alpha: 3000, bravo: 3000, charlie: 3000 }));
  const room = await start_room(worker);
  const client = new Client(room.port);
  await until('a bar moves', () => client.events.some((event) => event.job?.state === 'running' && event.job.progress?.done > 0));
  client.closed = true;
  for (const program of [room, worker]) {
    program.signal('SIGINT');
    const { code, signal } = await program.wait();
    assert.equal(signal, null, program.tail());
    assert.ok([0, 130].includes(code), `${program.name} ended with ${code}\n${program.tail()}`);
    assert.doesNotMatch(program.err, /terminate called|Sanitizer|core dumped/);
  }
});
