// SPDX-License-Identifier: BSL-1.0
// What the end-to-end tests share: a browser, bounded waits on conditions, processes, and a proxy that cuts connections.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { chromium } = require('playwright-core');

const WAIT_MS = Number(process.env.TELLTALE_E2E_WAIT_MS ?? 60000);
const OUT = process.env.TELLTALE_E2E_OUT ?? path.join(__dirname, '..', '..', 'build', 'e2e');

function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// Waits until condition() is truthy and gives its value; fails with `what` after WAIT_MS. The short pause only paces the asking.
async function until(what, condition, limit = WAIT_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain until ${typeof what === 'function' ? what() : what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

// A program of ours, its output kept, its end awaitable. Only this process is ever signalled, by its handle.
class Program {
  constructor(file, args, options = {}) {
    this.name = path.basename(file);
    this.out = '';
    this.err = '';
    this.child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.child.stdout.setEncoding('utf8').on('data', (text) => { this.out += text; });
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.err += text; });
    this.ended = undefined;   // { code, signal } once it has ended
    this.end = new Promise((resolve, reject) => {
      this.child.once('error', (error) => { this.ended = { code: null, signal: error.message }; reject(error); });
      this.child.once('close', (code, signal) => resolve(this.ended = { code, signal }));
    });
    this.end.catch(() => {});
  }
  async wait(limit = WAIT_MS) {
    let timer;
    const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error(`${this.name} did not end in ${limit} ms\n${this.tail()}`)), limit); });
    try { return await Promise.race([this.end, late]); } finally { clearTimeout(timer); }
  }
  signal(name) { this.child.kill(name); }
  async stop() {
    if (this.ended) return;
    this.child.kill('SIGKILL');
    await this.end.catch(() => {});
  }
  tail() { return `--- ${this.name} stdout\n${this.out.slice(-3000)}\n--- ${this.name} stderr\n${this.err.slice(-3000)}`; }
}

// The port that a program wrote to its --port-file.
async function port_of(program, file) {
  const text = await until(() => `${program.name} listens\n${program.tail()}`, () => {
    if (program.ended) throw new Error(`${program.name} ended (${JSON.stringify(program.ended)}) before it listened\n${program.tail()}`);
    const content = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    return /^\d+\s*$/.test(content) ? content : '';
  });
  return Number(text);
}

// Passes TCP on to `port`, until told to cut what is open or to refuse what comes.
class Proxy {
  constructor(port) {
    this.target = port;
    this.open = new Set();
    this.refusing = false;
    this.cuts = 0;
    this.server = net.createServer((near) => {
      if (this.refusing) return near.destroy();
      const far = net.connect(this.target, '127.0.0.1');
      const pair = { near, far };
      this.open.add(pair);
      const end = () => { this.open.delete(pair); near.destroy(); far.destroy(); };
      for (const socket of [near, far]) socket.on('error', end).on('close', end);
      near.pipe(far);
      far.pipe(near);
    });
  }
  async listen() {
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    this.port = this.server.address().port;
    return this;
  }
  cut() {
    ++this.cuts;
    for (const { near, far } of [...this.open]) { near.destroy(); far.destroy(); }
  }
  async close() {
    this.cut();
    await new Promise((resolve) => { this.server.close(resolve); });
  }
}

function scratch() { return fs.mkdtempSync(path.join(os.tmpdir(), 'telltale-e2e-')); }
function out_file(name) { fs.mkdirSync(OUT, { recursive: true }); return path.join(OUT, name); }

module.exports = { launch, until, Program, port_of, Proxy, scratch, out_file, WAIT_MS };
