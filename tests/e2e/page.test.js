// SPDX-License-Identifier: BSL-1.0
// The page alone, in headless Chromium, against a fake server that is driven event by event.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, before, beforeEach, test } = require('node:test');
const { FakeServer } = require('./fake_server.js');
const { launch, out_file, until, WAIT_MS } = require('./harness.js');

const T = '2026-11-21T10:00:00.000Z';
let browser, server, context, page, complaints;

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
beforeEach(async () => { server = await new FakeServer().listen(); complaints = []; });
afterEach(async () => {
  await context?.close();
  context = undefined;
  await server.close();
  assert.deepEqual(complaints, [], 'the page broke its policy, threw, or asked elsewhere');
});

async function open(options = {}, hash = '') {
  context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => { if (/Content Security Policy/.test(message.text())) complaints.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(server.url)) complaints.push(request.url()); });
  await page.goto(server.url + hash);
  await page.waitForFunction(() => window.telltale.link === 'live');
}
const told = () => page.evaluate(() => ({ ...window.telltale }));
const row = (id) => page.locator(`[data-job="${id}"]`);
const text = async (id, part) => (await row(id).locator(part).textContent()).replaceAll('\u00a0', ' ');
const caught_up = () => until(async () => `the page is at ${server.cursor}`, async () => (await told()).cursor === server.cursor);
const drawn = async () => { await caught_up(); await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); })); };

test('shows a job: state, bar, numbers, queue position, attempt, error, message', async () => {
  server.set('1', { name: 'asio', kind: 'hash', state: 'running', attempt: 2, started_at: T, message: 'half way', progress: { done: 123000000, total: 456000000, unit: 'bytes', percent: 26.97, rate: 12300000, remaining_s: 27.1 } });
  server.set('2', { name: 'open', state: 'running', started_at: T, progress: { done: 5, unit: 'items' } });
  server.set('3', { name: 'later', state: 'queued', queue_position: 7 });
  server.set('4', { name: 'bad', state: 'failed', started_at: T, finished_at: '2026-11-21T10:01:05.000Z', error: { class: 'permission_denied', message: 'no entry' }, commands: [] });
  server.set('5', { name: 'odd', state: 'hibernating', word: 'HIBERNATING' });
  await open();
  await drawn();
  assert.equal(await row('1').getAttribute('data-state'), 'running');
  assert.equal(await text('1', '.name'), 'asio');
  assert.equal(await text('1', '.meta'), 'hash · #1 · attempt 2');
  assert.equal(await text('1', '.percent'), '26 %');
  assert.equal(await text('1', '.amount'), '123 MB of 456 MB · half way');
  assert.equal(await text('1', '.rate'), '12.3 MB/s');
  assert.equal(await text('1', '.left'), '27 s left');
  assert.equal(await row('1').locator('.bar').getAttribute('aria-valuenow'), '26');
  assert.equal(await row('2').locator('.bar').getAttribute('data-kind'), 'open');
  assert.equal(await row('2').locator('.bar').getAttribute('aria-valuenow'), null);
  assert.equal(await text('2', '.amount'), '5 items, total unknown');
  assert.equal(await text('3', '.when'), 'position 7');
  assert.equal(await text('4', '.error'), 'permission_deniedno entry');
  assert.equal(await text('4', '.when'), 'after 1 min 05 s');
  assert.equal(await row('5').getAttribute('data-state'), 'unknown');
  assert.equal(await text('5', '.word'), 'HIBERNATING');
  assert.equal((await page.locator('#sum-total').textContent()), 'of 5 jobs');

  server.set('1', { progress: { done: 456000000, total: 456000000, unit: 'bytes', percent: 100 } });
  server.set('1', { state: 'succeeded', finished_at: '2026-11-21T10:00:10.000Z' });
  await drawn();
  assert.equal(await text('1', '.word'), 'Succeeded');
  assert.equal(await text('1', '.percent'), '100 %');
  await row('1').locator('.toggle').click();
  assert.match(await text('1', '.details'), /Attempt2.*Started/);
});

test('text from a job is text', async () => {
  const evil = '<img src=x onerror="window.hacked=1"><b>x</b>';
  server.set('1"><script>', { name: evil, kind: evil, state: 'failed', message: evil, error: { class: evil, message: evil }, labels: { [evil]: evil } });
  await open();
  await drawn();
  await page.locator('.toggle').click();
  assert.equal(await page.locator('.job .name').textContent(), evil);
  assert.equal(await page.locator('.job img, .job script, .job .name b').count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

test('cancel posts, says so when refused, and is offered only where it can be', async () => {
  server.set('a/b', { state: 'running' });
  server.set('2', { state: 'running' });
  server.set('3', { state: 'running', commands: [] });
  server.set('4', { state: 'succeeded' });
  await open();
  await drawn();
  assert.equal(await row('3').locator('.cancel').isVisible(), false);
  assert.equal(await row('4').locator('.cancel').isVisible(), false);

  await row('a/b').locator('.cancel').click();
  await page.locator('[data-job="a/b"][data-state=cancelled]').waitFor();
  assert.deepEqual(server.cancels, ['a/b']);
  assert.equal(await row('a/b').locator('.cancel').isVisible(), false);

  server.on_cancel = () => 'refused';
  await row('2').locator('.cancel').click();
  await page.locator('#toast').waitFor();
  assert.match(await page.locator('#toast').textContent(), /2 was not cancelled: the job refused it/);
  assert.equal(await row('2').locator('.cancel').isEnabled(), true);
  assert.equal(await row('2').getAttribute('data-state'), 'running');
});

test('every command that a job takes has its button, and an approval says of what', async () => {
  server.set('1', { state: 'running', commands: ['cancel', 'pause'], steps: [{ name: 'load', state: 'succeeded' }, { name: 'sort', state: 'running', progress: { done: 1, total: 4, unit: 'items', percent: 25 } }] });
  server.set('2', { state: 'paused', commands: ['cancel', 'approve', 'reject'], approval: { what: 'drop the table', until: '2026-11-21T10:01:05.000Z' } });
  await open();
  await drawn();
  assert.match(await text('2', '.approval'), /drop the table \(until /);
  assert.equal(await row('1').locator('.approval').isVisible(), false);
  assert.equal(await row('1').locator('.pause').isVisible(), false);
  await row('1').locator('.toggle').click();
  assert.match(await text('1', '.details'), /Step loadSucceeded/);
  assert.match(await text('1', '.details'), /Step sortRunning, 25/);
  await row('1').locator('.pause').click();
  await row('2').locator('.approve').click();
  await page.waitForFunction(() => document.querySelector('[data-job="2"] .approve').textContent === 'Approving…');
  assert.equal(await row('2').locator('.reject').isDisabled(), true);
  server.set('1', { state: 'paused', commands: ['cancel', 'resume'] });
  server.set('2', { state: 'running', commands: ['cancel'], approval: undefined });
  await page.locator('[data-job="2"][data-state=running]').waitFor();
  assert.equal(await row('2').locator('.approval').isVisible(), false);
  assert.equal(await row('2').locator('.cancel').isEnabled(), true);
  assert.equal(await row('1').locator('.resume').isVisible(), true);
  assert.deepEqual(server.commands, ['pause 1', 'approve 2']);
});

test('reconnects and resumes: nothing missed, nothing twice', async () => {
  server.set('1', { state: 'running', progress: { done: 0, total: 1000, unit: 'steps' } });
  await open();
  const start = server.offset;
  let done = 0;
  for (let cut = 1; cut <= 3; ++cut) {
    for (let i = 0; i < 10; ++i) server.set('1', { progress: { done: ++done, total: 1000, unit: 'steps' } });
    server.refusing = true;
    server.cut();
    await page.waitForFunction(() => window.telltale.link === 'reconnecting');
    assert.equal(await page.locator('#link').getAttribute('data-link'), 'reconnecting');
    for (let i = 0; i < 10; ++i) server.set('1', { progress: { done: ++done, total: 1000, unit: 'steps' } });
    server.refusing = false;
    await page.waitForFunction((n) => window.telltale.resumes === n, cut);
    await caught_up();
  }
  const t = await told();
  assert.equal(t.received, server.offset - start);
  assert.deepEqual([t.duplicates, t.gaps, t.snapshots, t.resets], [0, 0, 1, 0]);
  assert.deepEqual(t.jobs, [...server.jobs.values()]);
  assert.equal(await page.locator('#link').getAttribute('data-link'), 'live');
  assert.ok(server.queries.slice(1).every((cursor) => cursor.startsWith(`${server.epoch}:`)), 'every return carried a cursor');
});

test('an event that comes twice counts once, and an old one does not undo a newer', async () => {
  server.set('1', { state: 'queued' });
  await open();
  server.set('1', { state: 'running' });
  const old = server.journal.at(-1);
  server.set('1', { state: 'succeeded' });
  server.send(old);
  server.send(server.journal.at(-1));
  server.set('2', { state: 'queued' });
  await drawn();
  const t = await told();
  assert.equal(t.duplicates, 2);
  assert.equal(t.received, 3);
  assert.equal(await row('1').getAttribute('data-state'), 'succeeded');
});

test('a gap, a history that no longer reaches back, and a new epoch bring a fresh snapshot', async () => {
  server.history_limit = 3;
  server.set('1', { state: 'running' });
  server.set('2', { state: 'running' });
  await open();
  server.jobs.get('1').state = 'succeeded';
  server.lose(17);
  await drawn();
  let t = await told();
  assert.deepEqual([t.gaps, t.lost, t.snapshots], [1, 17, 2]);
  assert.equal(await row('1').getAttribute('data-state'), 'succeeded');

  server.refusing = true;
  server.cut();
  await page.waitForFunction(() => window.telltale.link === 'reconnecting');
  for (let i = 0; i < 9; ++i) server.set('2', { progress: { done: i, unit: 'items' } });
  server.refusing = false;
  await page.waitForFunction(() => window.telltale.resets === 1);
  await drawn();
  assert.equal(await text('2', '.amount'), '8 items, total unknown');

  server.refusing = true;
  server.cut();
  await page.waitForFunction(() => window.telltale.link === 'reconnecting');
  server.restart_epoch();
  server.jobs.delete('1');
  server.set('3', { state: 'queued' });
  server.refusing = false;
  await page.waitForFunction(() => window.telltale.resets === 2);
  await drawn();
  t = await told();
  assert.deepEqual(t.jobs.map((job) => job.id), ['2', '3']);
  assert.equal(await row('1').count(), 0);
  server.set('3', { state: 'running' });
  await drawn();
  assert.equal(await row('3').getAttribute('data-state'), 'running');
  assert.equal((await told()).duplicates, 0);
});

test('unreachable is shown with since-when, and is not failed', async () => {
  server.set('1', { name: 'asio', state: 'running', started_at: T, progress: { done: 1, total: 4, unit: 'items', rate: 1 } });
  await open();
  server.set('1', { observed_at: T, health: { state: 'unreachable', since: new Date().toISOString(), error: 'Connection refused' } }, 'watch_health_changed');
  await drawn();
  assert.equal(await row('1').getAttribute('data-state'), 'running');
  assert.equal(await row('1').getAttribute('data-health'), 'unreachable');
  assert.equal(await text('1', '.word'), 'Unreachable');
  assert.match(await text('1', '.when'), /^since \d\d:\d\d:\d\d$/);
  assert.match(await text('1', '.note.health'), /^No answer for \d+ s: Connection refused\. Last known running, observed /);
  assert.equal(await text('1', '.rate'), '');
  assert.match(await page.locator('#banner-health').textContent(), /1 job has not been reached since .*nothing says that it failed/);
  assert.equal(await page.locator('.chip[data-state=failed] b').textContent(), '0');
  assert.equal(await page.locator('.chip[data-state=unreachable] b').textContent(), '1');

  server.set('1', { health: { state: 'ok', since: new Date().toISOString() } }, 'watch_health_changed');
  await drawn();
  assert.equal(await text('1', '.word'), 'Running');
  assert.equal(await page.locator('#banner-health').isVisible(), false);
});

test('filters by state, by text and by the address; keyboard alone will do', async () => {
  for (let i = 0; i < 6; ++i) server.set(String(i), { name: `job-${i}`, state: i % 2 ? 'running' : 'failed', labels: { team: i === 3 ? 'blue' : 'red' } });
  await open({}, '#state=failed');
  await drawn();
  assert.equal(await page.locator('.job').count(), 3);
  await page.locator('.chip.all').click();
  await page.keyboard.press('/');
  await page.keyboard.type('blue');
  await until('one job is left', async () => await page.locator('.job').count() === 1);
  assert.equal(await text('3', '.name'), 'job-3');
  assert.match(page.url(), /q=blue/);
  await page.keyboard.type('zzz');
  await page.locator('#empty').waitFor();
  assert.equal(await page.locator('#empty').textContent(), 'No job matches this filter.');
  await page.locator('#search').fill('');
  await row('1').locator('.cancel').focus();
  server.set('0', { state: 'running' });   // rows move; the focus stays
  await drawn();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Cancel job-1');
  await page.keyboard.press('Enter');
  await page.locator('[data-job="1"][data-state=cancelled]').waitFor();
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select')].filter((node) => !node.hidden && !(node.getAttribute('aria-label') || node.textContent.trim() || node.closest('label'))).length);
  assert.equal(nameless, 0);
});

test('a link that died without a word is noticed, and taken up again', async () => {
  server.set('1', { state: 'running' });
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.clock.install();
  await page.goto(server.url);
  await page.waitForFunction(() => window.telltale.link === 'live');
  await page.clock.fastForward(21000);   // a quiet server that answers is alive
  await until('the page has asked', () => server.heads > 0);
  assert.equal((await told()).connects, 1);
  server.deaf = true;                    // connections stay open, nothing is answered
  await page.clock.fastForward(21000);
  await page.waitForFunction(() => window.telltale.link === 'reconnecting');
  server.deaf = false;
  server.cut();
  await until('the page is back', async () => { await page.clock.fastForward(1000); return (await told()).link === 'live'; });
  assert.equal((await told()).resumes, 1);
});

test('thousands of jobs: a bounded number of rows, and a burst is drawn, not queued', async () => {
  for (let i = 0; i < 2000; ++i) server.set(`j${i}`, { state: 'running', progress: { done: 0, total: 100, unit: 'items' } });
  await open();
  await drawn();
  assert.equal(await page.locator('.job').count(), 300);
  await page.evaluate(() => { window.frames = []; window.requestAnimationFrame = (frame) => window.frames.push(frame); });
  for (let k = 1; k <= 100; ++k) server.set('j0', { progress: { done: k, total: 100, unit: 'items' } });
  await caught_up();
  assert.equal(await page.evaluate(() => window.frames.length), 1);
  assert.equal(await text('j0', '.percent'), '0 %');
  await page.evaluate(() => { window.frames.splice(0).forEach((frame) => frame()); window.requestAnimationFrame = (frame) => setTimeout(frame); });
  assert.equal(await text('j0', '.percent'), '100 %');
  await page.locator('#show-more').click();
  await until('600 rows', async () => await page.locator('.job').count() === 600);
});

test('fits a phone, dark and light', async () => {
  server.set('1', { name: 'a-rather-long-name-of-a-folder-that-does-not-fit-on-a-telephone', kind: 'hash', state: 'running', started_at: new Date().toISOString(), progress: { done: 123456789, total: 456789123, unit: 'bytes', percent: 27.03, rate: 98765432, remaining_s: 3723 } });
  server.set('2', { name: 'unreadable', kind: 'hash', state: 'failed', error: { class: 'permission_denied', message: `/usr/include/${'x'.repeat(200)}: Permission denied` }, commands: [] });
  server.set('3', { name: 'open', kind: 'hash', state: 'running', started_at: T, progress: { done: 12345, unit: 'bytes' } });
  server.set('4', { name: 'cut', kind: 'hash', state: 'running', health: { state: 'unreachable', since: T, error: 'Connection refused' }, progress: { done: 12, total: 100, unit: 'steps' } });
  for (const state of ['queued', 'pending', 'paused', 'succeeded', 'cancelled', 'timed_out', 'skipped', 'lost']) server.set(state, { state });
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 768, 1200]) {
      await context?.close();
      await open({ viewport: { width, height: 780 }, colorScheme });
      await drawn();
      await row('1').locator('.toggle').click();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, `scrolls sideways at ${width}`);
      const small = await page.evaluate(() => [...document.querySelectorAll('.job button')].filter((b) => !b.hidden && b.getBoundingClientRect().height < 30).length);
      assert.equal(small, 0);
      await page.screenshot({ path: out_file(`page-${colorScheme}-${width}.png`), fullPage: true });
    }
  }
});
