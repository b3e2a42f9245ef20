// SPDX-License-Identifier: BSL-1.0
// A server that speaks the dashboard's wire contract from a table in memory: the page's tests drive it event by event.
// `node fake_server.js [PORT]` runs it with jobs that move by themselves, to work on the page without a build.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { WebSocketServer } = require('ws');

const ROOT = path.join(__dirname, '..', '..');
const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};
const KIND_OF_STATE = {
  pending: 'job_created', queued: 'job_queued', running: 'job_started', paused: 'job_paused', succeeded: 'job_succeeded', failed: 'job_failed',
  cancelled: 'job_cancelled', timed_out: 'job_timed_out', skipped: 'job_skipped', lost: 'job_lost',
};

// The policy that the real server sends, from the header that holds it.
function content_security_policy() {
  const text = fs.readFileSync(path.join(ROOT, 'include/telltale/dashboard/page.hpp'), 'utf8');
  const [, literals] = /page_content_security_policy\s*=([^;]*(?:"[^"]*"\s*)+);/.exec(text);
  return literals.match(/"([^"]*)"/g).map((part) => part.slice(1, -1)).join('');
}

class FakeServer {
  constructor(options = {}) {
    this.history_limit = options.history_limit ?? 10000;
    this.policy = content_security_policy();
    this.jobs = new Map();
    this.cancels = [];          // ids of the POSTs seen
    this.commands = [];         // other commands posted, each with its id
    this.queries = [];          // cursors of the WebSocket upgrades seen, '' for none
    this.on_cancel = (id) => { this.set(id, { state: 'cancelled', finished_at: new Date().toISOString(), commands: [] }); return 'accepted'; };
    this.refusing = false;      // drop every connection
    this.deaf = false;          // take requests and answer none
    this.heads = 0;             // HEAD requests answered
    this.sockets = new Set();
    this.restart_epoch();
    this.http = http.createServer((request, response) => this.serve(request, response));
    this.http.on('connection', (socket) => {
      if (this.refusing) return socket.destroy();
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.ws = new WebSocketServer({ noServer: true });
    this.http.on('upgrade', (request, socket, head) => {
      if (this.deaf) return;
      if (!/^\/ws(\?|$)/.test(request.url)) socket.destroy();
      else this.ws.handleUpgrade(request, socket, head, (client) => this.ws.emit('connection', client, request));
    });
    this.ws.on('connection', (client, request) => this.welcome(client, request));
  }

  async listen(port = 0) {
    await new Promise((resolve, reject) => { this.http.once('error', reject); this.http.listen(port, '127.0.0.1', resolve); });
    this.url = `http://127.0.0.1:${this.http.address().port}/`;
    return this;
  }
  async close() {
    this.cut();
    await new Promise((resolve) => { this.http.close(resolve); });
  }

  // A new life of the server: old cursors no longer count.
  restart_epoch() {
    this.epoch = Math.random().toString(16).slice(2, 10);
    this.offset = 0;
    this.journal = [];
  }
  get cursor() { return `${this.epoch}:${this.offset}`; }
  snapshot(extra = {}) { return { type: 'snapshot', cursor: this.cursor, jobs: [...this.jobs.values()], ...extra }; }

  // Changes a job (made if new) and tells everybody.
  set(id, change, kind) {
    const old = this.jobs.get(id);
    const job = { id, name: id, state: 'pending', attempt: 1, commands: ['cancel'], created_at: new Date().toISOString(), ...old, ...change, observed_at: change.observed_at ?? new Date().toISOString() };
    for (const key of Object.keys(job)) if (job[key] === undefined) delete job[key];
    this.jobs.set(id, job);
    const event = { type: 'event', cursor: `${this.epoch}:${++this.offset}`, time: new Date().toISOString(), kind: kind ?? (old && old.state === job.state ? 'job_progressed' : KIND_OF_STATE[job.state] ?? 'custom'), job };
    this.journal.push(event);
    if (this.journal.length > this.history_limit) this.journal.shift();
    this.send(event);
    return job;
  }
  // To every client at once.
  send(message) { for (const client of this.ws.clients) client.send(JSON.stringify(message)); }
  // Events lost for every client: they hear of a gap, then get a snapshot.
  lose(count) {
    this.offset += count;
    this.send({ type: 'gap', cursor: this.cursor, lost: count });
    this.send(this.snapshot());
  }
  // Cuts every connection, without a goodbye.
  cut() { for (const socket of this.sockets) socket.destroy(); }

  welcome(client, request) {
    const cursor = new URL(request.url, 'http://x').searchParams.get('cursor') ?? '';
    this.queries.push(cursor);
    client.on('error', () => {});
    const [epoch, offset] = cursor.split(':');
    const first_kept = this.offset - this.journal.length;
    if (!cursor) return client.send(JSON.stringify(this.snapshot()));
    if (epoch !== this.epoch || Number(offset) < first_kept) return client.send(JSON.stringify(this.snapshot({ reset: true })));
    client.send(JSON.stringify({ type: 'resumed', cursor }));
    for (const event of this.journal) if (Number(event.cursor.split(':')[1]) > Number(offset)) client.send(JSON.stringify(event));
  }

  serve(request, response) {
    const json = (status, value) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify(value)); };
    const { pathname } = new URL(request.url, 'http://x');
    if (this.deaf) return undefined;
    if (request.method === 'HEAD') ++this.heads;
    const command = /^\/api\/jobs\/([^/]+)\/([a-z]+)$/.exec(pathname);
    if (FILES[pathname]) {
      response.writeHead(200, { 'content-type': FILES[pathname][1], 'content-security-policy': this.policy, 'x-content-type-options': 'nosniff' });
      return response.end(request.method === 'HEAD' ? undefined : fs.readFileSync(path.join(ROOT, 'include/telltale/dashboard/page', FILES[pathname][0])));
    }
    if (pathname === '/api/jobs') return json(200, { cursor: this.cursor, jobs: [...this.jobs.values()] });
    if (command && request.method === 'POST') {
      const id = decodeURIComponent(command[1]), name = command[2];
      if (name === 'cancel') this.cancels.push(id);
      else this.commands.push(`${name} ${id}`);
      const result = !this.jobs.has(id) ? 'unknown_job' : name === 'cancel' ? this.on_cancel(id) : 'accepted';
      return json({ accepted: 202, unknown_job: 404 }[result] ?? 409, { command: name, job: id, result });
    }
    return json(404, { error: { class: 'not_found', message: pathname } });
  }
}

module.exports = { FakeServer };

// ---- jobs that move by themselves -------------------------------------------------------------------------------

function play(server) {
  const names = ['algorithm', 'asio', 'beast', 'bits', 'c++/12', 'catch2', 'linux', 'openssl', 'x86_64-linux-gnu', 'python3.11', 'sqlite', 'unreadable', 'slow_disk', 'llvm-19'];
  const now = () => new Date().toISOString();
  names.forEach((name, i) => server.set(String(i + 1), {
    name, kind: 'hash', state: 'queued', queue_position: i + 1, queued_at: now(), labels: { root: '/usr/include', folder: name },
    progress: { done: 0, total: i % 5 === 3 ? undefined : Math.round(2e7 + Math.random() * 4e8), unit: 'bytes' }, word: 'QUEUED',
  }));
  let reachable = true, turn = 0;
  setInterval(() => {
    if (++turn % 90 === 60) reachable = false;
    if (turn % 90 === 85) reachable = true;
    const all = [...server.jobs.values()];
    const health = reachable ? { state: 'ok', since: now() } : undefined;
    if (!reachable) {
      for (const job of all) if (['running', 'queued'].includes(job.state) && job.health?.state !== 'unreachable')
        server.set(job.id, { health: { state: 'unreachable', since: now(), error: 'Connection refused' }, observed_at: job.observed_at }, 'watch_health_changed');
      return;
    }
    const running = all.filter((job) => job.state === 'running');
    for (const job of running) {
      const p = { ...job.progress }, step = 2e6 + Math.random() * 1e7;
      p.done = Math.min(Math.round(p.done + step), p.total ?? Infinity);
      p.rate = step * 4;
      if (p.total) { p.percent = (p.done / p.total) * 100; p.remaining_s = (p.total - p.done) / p.rate; }
      const over = p.total ? p.done >= p.total : p.done > 1.2e8;
      const end = { finished_at: now(), commands: [], health };
      if (job.name === 'unreadable' && p.percent > 20) server.set(job.id, { state: 'failed', progress: p, error: { class: 'permission_denied', message: '/usr/include/unreadable/secret.h: Permission denied' }, ...end });
      else if (job.name === 'slow_disk' && p.percent > 30) server.set(job.id, { state: 'timed_out', progress: p, error: { class: 'timeout', message: 'took longer than 30 s' }, ...end });
      else if (over) server.set(job.id, { state: 'succeeded', progress: p, message: '1,204 files hashed', word: 'SUCCESS', ...end });
      else server.set(job.id, { progress: p, health });
    }
    const queued = all.filter((job) => job.state === 'queued').sort((a, b) => a.queue_position - b.queue_position);
    for (let i = running.length; i < 3 && queued.length; ++i) server.set(queued.shift().id, { state: 'running', queue_position: undefined, started_at: now(), word: 'RUNNING', health });
    queued.forEach((job, i) => { if (job.queue_position !== i + 1) server.set(job.id, { queue_position: i + 1, health }, 'job_updated'); });
  }, 250);
}

if (require.main === module) {
  const server = new FakeServer();
  server.listen(Number(process.argv[2] ?? 8099)).then(() => { console.log(server.url); play(server); });
}
