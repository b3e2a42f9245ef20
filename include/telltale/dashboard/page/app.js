// SPDX-License-Identifier: BSL-1.0
// The dashboard's page. It keeps a table of jobs from the WebSocket's snapshot and events, each applied exactly once,
// and patches one row per job, at most once per animation frame. Text from jobs goes through textContent only.
'use strict';

(() => {
  const STATES = ['running', 'queued', 'pending', 'paused', 'succeeded', 'failed', 'timed_out', 'cancelled', 'skipped', 'lost'];
  const TERMINAL = new Set(['succeeded', 'failed', 'cancelled', 'timed_out', 'skipped', 'lost']);
  const ALWAYS_SHOWN = new Set(['running', 'queued', 'succeeded', 'failed']);
  const TITLES = {
    running: 'Running', queued: 'Queued', pending: 'Pending', paused: 'Paused', succeeded: 'Succeeded', failed: 'Failed',
    timed_out: 'Timed out', cancelled: 'Cancelled', skipped: 'Skipped', lost: 'Lost', unreachable: 'Unreachable',
    stale: 'Stale', degraded: 'Degraded',
  };
  const RANK = {
    activity: { running: 0, paused: 1, queued: 2, pending: 3 },
    trouble: { failed: 0, timed_out: 1, lost: 2, cancelled: 3, paused: 4, running: 5, queued: 6, pending: 7, skipped: 8, succeeded: 9 },
  };
  // Of each command: the button, the button while it is on its way, and what has not happened when it went wrong.
  const COMMANDS = {
    cancel: ['Cancel', 'Cancelling…', 'cancelled'], pause: ['Pause', 'Pausing…', 'paused'], resume: ['Resume', 'Resuming…', 'resumed'],
    retry: ['Retry', 'Retrying…', 'retried'], approve: ['Approve', 'Approving…', 'approved'], reject: ['Reject', 'Rejecting…', 'rejected'],
  };
  const PAGE_OF_ROWS = 300;
  const RETRY_FIRST_MS = 400, RETRY_MOST_MS = 15000, STEADY_MS = 5000, SILENCE_MS = 20000, ANSWER_MS = 5000;

  const $ = (id) => document.getElementById(id);
  const jobs = new Map();      // id -> job, as last told
  const rows = new Map();      // id -> row
  const dirty = new Set();     // ids whose row is out of date
  let order_dirty = true, frame_asked = false, shown_limit = PAGE_OF_ROWS, has_snapshot = false;
  const counters = { received: 0, duplicates: 0, gaps: 0, lost: 0, resumes: 0, snapshots: 0, resets: 0, connects: 0 };

  // ---- small tools ----------------------------------------------------------------------------------------------

  const state_of = (job) => (STATES.includes(job.state) ? job.state : 'unknown');
  const is_terminal = (job) => TERMINAL.has(job.state);
  const is_cut = (job) => !is_terminal(job) && !!job.health && (job.health.state === 'unreachable' || job.health.state === 'stale');
  const number = (v) => (typeof v === 'number' && Number.isFinite(v) ? v : undefined);
  const time_of = (text) => { const t = Date.parse(text); return Number.isNaN(t) ? undefined : t; };
  const title_of = (job) => TITLES[job.state] || String(job.word || job.state || 'Unknown');
  const name_of = (job) => String(job.name || job.id);

  const set_text = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const set_attribute = (node, name, value) => {
    if (value === undefined) { if (node.hasAttribute(name)) node.removeAttribute(name); }
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  };
  const set_hidden = (node, hidden) => { if (node.hidden !== hidden) node.hidden = hidden; };
  const element = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const icon = (name) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    use.setAttribute('href', `#i-${name}`);
    svg.append(use);
    return svg;
  };

  // The server's clock, seen from here: the smallest distance ever seen between an event's time and its arrival.
  let skew;
  const note_time = (text) => { const t = time_of(text); if (t !== undefined) skew = Math.min(skew ?? Infinity, Date.now() - t); };
  const server_now = () => Date.now() - (skew ?? 0);

  // ---- words for numbers ----------------------------------------------------------------------------------------

  const grouped = new Intl.NumberFormat('en');
  const short_number = (v) => (v >= 100 || Number.isInteger(v) ? grouped.format(Math.round(v)) : v.toFixed(v < 10 ? 2 : 1));
  function bytes_parts(v) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
    let i = 0;
    while (v >= 999.5 && i + 1 < units.length) { v /= 1000; ++i; }
    return [i === 0 || v >= 100 ? String(Math.round(v)) : v.toFixed(v < 10 ? 2 : 1), units[i]];
  }
  const bytes = (v) => bytes_parts(v).join('\u00a0');
  function duration(seconds) {
    const s = Math.max(0, Math.round(seconds)), two = (v) => String(v).padStart(2, '0');
    if (s < 60) return `${s}\u00a0s`;
    if (s < 3600) return `${Math.floor(s / 60)}\u00a0min\u00a0${two(s % 60)}\u00a0s`;
    if (s < 86400) return `${Math.floor(s / 3600)}\u00a0h\u00a0${two(Math.floor(s / 60) % 60)}\u00a0min`;
    return `${Math.floor(s / 86400)}\u00a0d\u00a0${Math.floor(s / 3600) % 24}\u00a0h`;
  }
  const clock_format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const date_format = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
  function clock(t) {
    const same_day = new Date(t).toDateString() === new Date().toDateString();
    return same_day ? clock_format.format(t) : `${date_format.format(t)} ${clock_format.format(t)}`;
  }
  const clock_of = (text) => { const t = time_of(text); return t === undefined ? undefined : clock(t); };
  const ago = (text) => { const t = time_of(text); return t === undefined ? undefined : duration((server_now() - t) / 1000); };

  function amount(v, unit) {
    if (unit === 'bytes') return bytes(v);
    if (unit === 'seconds') return duration(v);
    if (unit === 'percent') return `${short_number(v)}\u00a0%`;
    return grouped.format(v);
  }
  function amount_text(p, ended) {
    const done = number(p.done), total = number(p.total), unit = p.unit || 'items';
    if (unit === 'percent' || (done === undefined && total === undefined)) return '';
    const tail = unit === 'bytes' || unit === 'seconds' ? '' : `\u00a0${unit}`;
    if (done === undefined) return `${amount(total, unit)}${tail}`;
    if (ended && (total === undefined || done === total)) return `${amount(done, unit)}${tail}`;
    return total === undefined ? `${amount(done, unit)}${tail}, total unknown` : `${amount(done, unit)} of ${amount(total, unit)}${tail}`;
  }
  function rate_text(p) {
    const rate = number(p.rate);
    if (rate === undefined) return '';
    if (p.unit === 'bytes') return `${bytes(rate)}/s`;
    if (p.unit === 'seconds') return `${short_number(rate)}\u00d7`;
    if (p.unit === 'percent') return `${short_number(rate)}\u00a0%/s`;
    return `${short_number(rate)}\u00a0${p.unit || 'items'}/s`;
  }
  function percent_of(job) {
    const p = job.progress || {};
    const given = number(p.percent);
    if (given !== undefined) return Math.min(100, Math.max(0, given));
    if (number(p.done) !== undefined && number(p.total) > 0) return Math.min(100, Math.max(0, (p.done / p.total) * 100));
    return job.state === 'succeeded' ? 100 : undefined;
  }

  // Rounded down: 100 % is said when it is true.
  const percent_text = (v) => `${v > 0 && v < 10 ? (Math.floor(v * 10) / 10).toFixed(1) : Math.floor(v)}\u00a0%`;

  // ---- one row per job ------------------------------------------------------------------------------------------

  class Row {
    constructor(id) {
      this.id = id;
      const li = this.li = $('job-row').content.firstElementChild.cloneNode(true);
      for (const part of ['badge', 'name', 'meta', 'bar', 'percent', 'amount', 'rate', 'left', 'word', 'when', 'acts', 'toggle', 'error', 'health', 'approval', 'what', 'more', 'details', 'commands'])
        this[part] = li.querySelector(`.${part === 'error' || part === 'health' || part === 'approval' ? `note.${part}` : part}`);
      this.fill = this.bar.firstElementChild;
      li.dataset.job = id;
      this.more.id = `details-${++Row.count}`;
      this.toggle.setAttribute('aria-controls', this.more.id);
      this.toggle.addEventListener('click', () => this.set_open(this.more.hidden));
      this.buttons = {};
      for (const command of Object.keys(COMMANDS)) {
        const button = this.buttons[command] = element('button', `button ${command}`);
        button.type = 'button';
        button.hidden = true;
        button.addEventListener('click', () => this.ask(command));
        if (command === 'cancel') this.acts.prepend(button);
        else (command === 'approve' || command === 'reject' ? this.approval : this.commands).append(button);
      }
    }

    update(job) {
      const state = state_of(job), cut = is_cut(job), name = name_of(job), p = job.progress || {};
      if (this.job && this.job.state !== job.state) this.flash();
      this.job = job;
      set_attribute(this.li, 'data-state', state);
      set_attribute(this.li, 'data-health', (job.health && job.health.state) || undefined);
      set_attribute(this.li, 'data-cut', cut ? '' : undefined);
      set_attribute(this.badge.querySelector('use'), 'href', `#i-${cut ? job.health.state : state}`);
      set_text(this.name, name);
      set_attribute(this.name, 'title', name);
      set_text(this.meta, [job.kind, `#${job.id}`, job.attempt > 1 ? `attempt ${job.attempt}` : ''].filter(Boolean).join(' · '));
      this.update_bar(job, state, cut, name, p);
      this.update_notes(job);
      this.update_buttons(job, name);
      set_attribute(this.toggle, 'aria-label', `Details of ${name}`);
      this.tick();
      if (!this.more.hidden) this.update_details();
    }

    // An answer that is on its way is over when the job no longer takes the command.
    update_buttons(job, name) {
      const takes = (command) => Array.isArray(job.commands) && job.commands.includes(command) && is_terminal(job) === (command === 'retry');
      if (this.asked && !takes(this.asked)) this.asked = undefined;
      for (const [command, button] of Object.entries(this.buttons)) {
        set_hidden(button, !takes(command));
        button.disabled = !!this.asked;
        set_text(button, COMMANDS[command][this.asked === command ? 1 : 0]);
        set_attribute(button, 'aria-label', `${COMMANDS[command][0]} ${name}`);
      }
    }

    update_bar(job, state, cut, name, p) {
      const percent = percent_of(job);
      const begun = number(p.done) > 0 || state === 'running' || state === 'paused';
      const kind = percent !== undefined ? 'known' : begun && !is_terminal(job) ? 'open' : 'none';
      set_attribute(this.bar, 'data-kind', kind);
      const at = percent === undefined ? '0' : percent.toFixed(2);
      if (this.at !== at) this.fill.style.setProperty('--at', this.at = at);
      set_attribute(this.bar, 'aria-label', `Progress of ${name}`);
      set_attribute(this.bar, 'aria-valuenow', percent === undefined ? undefined : String(Math.floor(percent)));
      set_attribute(this.bar, 'aria-valuetext', percent === undefined ? (kind === 'open' ? 'total unknown' : 'not begun') : undefined);
      const waits = kind === 'none' || (percent === 0 && (state === 'queued' || state === 'pending'));
    set_text(this.percent, waits || percent === undefined ? '' : percent_text(percent));
      const message = job.message ? String(job.message) : '';
      set_text(this.amount, [amount_text(waits && !number(p.done) ? { total: p.total, unit: p.unit } : p, is_terminal(job)), message].filter(Boolean).join(' · '));
      set_attribute(this.amount, 'title', message || undefined);
      const moving = state === 'running' && !cut;
      const took = (time_of(job.finished_at) - time_of(job.started_at)) / 1000;
      const average = state === 'succeeded' && p.unit !== 'percent' && number(p.done) > 0 && took > 0 ? rate_text({ rate: p.done / took, unit: p.unit }) : '';
      set_text(this.rate, moving ? rate_text(p) : average);
      const left = number(p.remaining_s);
      const low = number(p.remaining_low_s), high = number(p.remaining_high_s);
      set_attribute(this.left, 'title', moving && left !== undefined && low !== undefined && high !== undefined ? `8 of 10 times between ${duration(low)} and ${duration(high)}` : undefined);
      set_text(this.left, average ? 'average' : moving && left !== undefined ? `${left < 1 ? '<\u00a01\u00a0s' : duration(left)} left` : moving && percent === undefined ? 'no estimate' : '');
    }

    update_notes(job) {
      const error = job.error;
      set_hidden(this.error, !error);
      if (error) {
        set_text(this.error.firstElementChild, String(error.class || 'error'));
        set_text(this.error.lastElementChild, String(error.message || ''));
      }
      set_hidden(this.approval, !job.approval);
      if (job.approval) {
        const until = clock_of(job.approval.until);
        set_text(this.what, `${job.approval.what || ''}${until ? ` (until ${until})` : ''}`);
      }
      set_hidden(this.health, is_terminal(job) || !job.health || job.health.state === 'ok');
    }

    // What changes with the clock alone.
    tick() {
      const job = this.job;
      const cut = is_cut(job);
      set_text(this.word, cut ? TITLES[job.health.state] : title_of(job));
      let when = '';
      if (cut) when = `since ${clock_of(job.health.since) ?? 'an unknown time'}`;
      else if (job.state === 'queued' && number(job.queue_position) !== undefined) when = `position ${job.queue_position}`;
      else if (is_terminal(job)) {
        const a = time_of(job.started_at), b = time_of(job.finished_at);
        when = a !== undefined && b !== undefined ? `after ${duration((b - a) / 1000)}` : b !== undefined ? `at ${clock(b)}` : '';
      } else {
        const t = ago(job.state === 'queued' ? job.queued_at || job.created_at : job.started_at || job.created_at);
        when = t ? `for ${t}` : '';
      }
      set_text(this.when, when);
      if (!this.health.hidden) {
        const seen = clock_of(job.observed_at), long = ago(job.health.since), why = job.health.error ? `: ${job.health.error}` : '';
        set_text(this.health, cut
          ? `No answer${long ? ` for ${long}` : ''}${why}. Last known ${title_of(job).toLowerCase()}${seen ? `, observed ${seen}` : ''}.`
          : `${TITLES[job.health.state] || job.health.state}${long ? ` for ${long}` : ''}${why}.`);
      }
    }

    flash() {
      this.li.removeAttribute('data-flash');
      requestAnimationFrame(() => this.li.setAttribute('data-flash', ''));
    }

    set_open(open) {
      this.more.hidden = !open;
      this.toggle.setAttribute('aria-expanded', String(open));
      if (open) this.update_details();
    }

    update_details() {
      const job = this.job, list = [['Id', job.id, true], ['Kind', job.kind], ['Message', job.message], ['State', job.word ? `${title_of(job)} (“${job.word}”)` : title_of(job)], ['Attempt', job.attempt]];
      for (const [title, key] of [['Created', 'created_at'], ['Queued', 'queued_at'], ['Started', 'started_at'], ['Finished', 'finished_at'], ['Last observed', 'observed_at']])
        list.push([title, clock_of(job[key])]);
      if (job.health) list.push(['Watch', TITLES[job.health.state] || job.health.state]);
      for (const step of job.steps || []) {
        const percent = percent_of(step);
        list.push([`Step ${step.name}`, `${TITLES[step.state] || step.state}${percent === undefined || is_terminal(step) ? '' : `, ${percent_text(percent)}`}`]);
      }
      for (const [key, value] of Object.entries(job.labels || {})) list.push([key, value, true]);
      const known = list.filter(([, value]) => value !== undefined && value !== '');
      const text = JSON.stringify(known);
      if (this.details_text === text) return;
      this.details_text = text;
      this.details.replaceChildren(...known.map(([title, value, mono]) => {
        const box = element('div');
        box.append(element('dt', '', String(title)), element('dd', mono ? 'mono' : '', String(value)));
        return box;
      }));
    }

    async ask(command) {
      this.asked = command;
      this.update(this.job);
      let trouble = '';
      try {
        const answer = await fetch(`api/jobs/${encodeURIComponent(this.id)}/${command}`, { method: 'POST', headers: { accept: 'application/json' } });
        const body = await answer.json().catch(() => ({}));
        if (!answer.ok) trouble = { refused: 'the job refused it', unsupported: 'it does not take this command', unknown_job: 'the job is not known' }[body.result]
          || (body.error && body.error.message) || `the server answered ${answer.status}`;
      } catch {
        trouble = 'the server did not answer';
      }
      if (trouble) {
        this.asked = undefined;
        toast(`${name_of(this.job)} was not ${COMMANDS[command][2]}: ${trouble}.`);
        if (jobs.has(this.id)) this.update(jobs.get(this.id));
      }
    }
  }
  Row.count = 0;

  // ---- the table ------------------------------------------------------------------------------------------------

  const filter = { states: new Set(), text: '', sort: 'activity' };

  function wanted(job) {
    if (filter.states.size && !filter.states.has(state_of(job)) && !(filter.states.has('unreachable') && is_cut(job))) return false;
    if (!filter.text) return true;
    const hay = [job.id, job.name, job.kind, job.state, job.word, job.message, job.error && job.error.class, job.error && job.error.message,
      ...Object.entries(job.labels || {}).flat()].join('\n').toLowerCase();
    return filter.text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
  }

  const collator = new Intl.Collator('en', { numeric: true });
  function compare(a, b) {
    const by_name = () => collator.compare(name_of(a), name_of(b)) || collator.compare(String(a.id), String(b.id));
    if (filter.sort === 'name') return by_name();
    if (filter.sort === 'newest') return (time_of(b.created_at) || 0) - (time_of(a.created_at) || 0) || -by_name();
    const rank = RANK[filter.sort];
    const order = (rank[a.state] ?? 4) - (rank[b.state] ?? 4);
    if (order) return order;
    if (a.state === 'queued') return (a.queue_position ?? Infinity) - (b.queue_position ?? Infinity) || by_name();
    if (is_terminal(a)) return (time_of(b.finished_at) || 0) - (time_of(a.finished_at) || 0) || by_name();
    return (time_of(a.started_at) || 0) - (time_of(b.started_at) || 0) || by_name();
  }

  function put(job) {
    const old = jobs.get(job.id);
    jobs.set(job.id, job);
    dirty.add(job.id);
    if (!old || old.state !== job.state || old.queue_position !== job.queue_position || old.name !== job.name || filter.text || is_cut(old) !== is_cut(job)) order_dirty = true;
    if (old && old.state !== job.state) announce(`${name_of(job)}: ${title_of(job)}`);
    else if (old && is_cut(old) !== is_cut(job)) announce(`${name_of(job)}: ${is_cut(job) ? TITLES[job.health.state] : 'reachable again'}`);
    ask_frame();
  }

  function replace_all(list) {
    const keep = new Set(list.map((job) => job.id));
    for (const id of [...jobs.keys()]) if (!keep.has(id)) { jobs.delete(id); dirty.add(id); }
    for (const job of list) put(job);
    has_snapshot = order_dirty = true;
    ask_frame();
  }

  function ask_frame() {
    if (frame_asked) return;
    frame_asked = true;
    requestAnimationFrame(() => { frame_asked = false; draw(); });
  }

  function draw() {
    for (const id of dirty) {
      const job = jobs.get(id);
      if (!job) { rows.get(id)?.li.remove(); rows.delete(id); order_dirty = true; } else rows.get(id)?.update(job);
    }
    dirty.clear();
    if (order_dirty) { order_dirty = false; arrange(); }
    draw_summary();
  }

  function arrange() {
    const list = $('jobs'), all = [...jobs.values()].filter(wanted).sort(compare), shown = all.slice(0, shown_limit);
    const keep = new Set(shown.map((job) => job.id));
    const focused = document.activeElement;
    for (const [id, row] of rows) if (!keep.has(id)) { row.li.remove(); rows.delete(id); }
    // Rows that stay in order are not touched: only what is out of place moves.
    let at = list.firstElementChild;
    for (const job of shown) {
      let row = rows.get(job.id);
      if (!row) { rows.set(job.id, row = new Row(job.id)); row.update(job); }
      if (row.li === at) at = at.nextElementSibling; else list.insertBefore(row.li, at);
    }
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    set_hidden($('empty'), shown.length > 0);
    set_text($('empty'), !has_snapshot ? 'Waiting for the first snapshot…' : jobs.size === 0 ? 'No jobs yet. They appear here as soon as one is known.' : 'No job matches this filter.');
    set_hidden($('show-more'), all.length <= shown.length);
    set_text($('show-more'), `Show more (${grouped.format(all.length - shown.length)} hidden)`);
  }

  // ---- summary, chips, banners ----------------------------------------------------------------------------------

  const chips = new Map(), segments = new Map();
  function make_chip(key) {
    const chip = element('button', key ? 'chip' : 'chip all');
    chip.type = 'button';
    chip.setAttribute('aria-pressed', 'false');
    if (key) { chip.dataset.state = key; chip.append(icon(key)); }
    const count = element('b', '', '0');
    chip.append(element('span', '', key ? TITLES[key] : 'All'), count);
    chip.addEventListener('click', () => {
      if (!key) filter.states.clear(); else if (!filter.states.delete(key)) filter.states.add(key);
      filter_changed();
    });
    chips.set(key, { chip, count });
    $('chips').append(chip);
  }
  ['', 'unreachable', ...STATES].forEach(make_chip);
  for (const state of ['succeeded', 'running', 'paused', 'failed', 'timed_out', 'lost', 'cancelled', 'skipped', 'queued', 'pending']) {
    const segment = element('i');
    segment.dataset.state = state;
    segments.set(state, segment);
    $('stack').append(segment);
  }

  function draw_summary() {
    const count = Object.fromEntries(STATES.map((state) => [state, 0]));
    let cut = 0, cut_since, cut_error, finished = 0, done = 0, total = 0, open_total = false, any_bytes = false, rate = 0, any_rate = false;
    for (const job of jobs.values()) {
      if (job.state in count) ++count[job.state];
      if (is_terminal(job)) ++finished;
      if (is_cut(job)) {
        ++cut;
        if (cut_since === undefined || job.health.since < cut_since) { cut_since = job.health.since; cut_error = job.health.error; }
      }
      const p = job.progress;
      if (!p || p.unit !== 'bytes') continue;
      any_bytes = true;
      done += number(p.done) || 0;
      if (number(p.total) !== undefined) total += is_terminal(job) ? number(p.done) || 0 : p.total; else if (!is_terminal(job)) open_total = true;
      if (job.state === 'running' && !is_cut(job) && number(p.rate) !== undefined) { rate += p.rate; any_rate = true; }
    }
    set_text($('sum-finished'), grouped.format(finished));
    set_text($('sum-total'), `of ${grouped.format(jobs.size)} ${jobs.size === 1 ? 'job' : 'jobs'}`);
    set_text($('sum-running'), grouped.format(count.running));
    const waiting = count.queued + count.pending;
    set_text($('sum-waiting'), [waiting ? `${grouped.format(waiting)} waiting` : '', count.paused ? `${grouped.format(count.paused)} paused` : ''].filter(Boolean).join(', '));
    const [done_n, done_u] = bytes_parts(done), [rate_n, rate_u] = bytes_parts(rate);
    set_text($('sum-done'), any_bytes ? `${done_n}\u00a0${done_u}` : '–');
    set_text($('sum-of'), total > done ? `of ${bytes(total)}${open_total ? ' or more' : ''}` : any_bytes && open_total ? 'total unknown' : '');
    set_text($('sum-rate'), any_rate ? rate_n : '–');
    set_text($('sum-rate-unit'), any_rate ? `${rate_u}/s` : '');

    for (const [key, { chip, count: node }] of chips) {
      const n = key === '' ? jobs.size : key === 'unreachable' ? cut : count[key];
      set_text(node, grouped.format(n));
      set_attribute(chip, 'data-empty', n === 0 && key !== '' ? '' : undefined);
      set_attribute(chip, 'aria-pressed', String(key === '' ? filter.states.size === 0 : filter.states.has(key)));
      set_hidden(chip, key !== '' && n === 0 && !ALWAYS_SHOWN.has(key) && !filter.states.has(key));
    }
    for (const [state, segment] of segments) {
      set_hidden(segment, count[state] === 0);
      if (segment.share !== count[state]) segment.style.flexGrow = String(segment.share = count[state]);
    }
    set_hidden($('banner-health'), cut === 0);
    if (cut) {
      const since = clock_of(cut_since);
      set_text($('banner-health-text'), `${cut === 1 ? '1 job has' : `${grouped.format(cut)} jobs have`} not been reached${since ? ` since ${since}` : ''}${cut_error ? ` (${cut_error})` : ''}. What is shown is what was last known; nothing says that ${cut === 1 ? 'it' : 'they'} failed.`);
    }
    const title = jobs.size ? `${finished}/${jobs.size} · telltale` : 'telltale';
    if (document.title !== title) document.title = title;
  }

  function filter_changed() {
    shown_limit = PAGE_OF_ROWS;
    order_dirty = true;
    const hash = new URLSearchParams();
    if (filter.states.size) hash.set('state', [...filter.states].join(','));
    if (filter.text) hash.set('q', filter.text);
    if (filter.sort !== 'activity') hash.set('sort', filter.sort);
    history.replaceState(null, '', hash.toString() ? `#${hash}` : location.pathname + location.search);
    ask_frame();
  }
  function read_hash() {
    const hash = new URLSearchParams(location.hash.slice(1));
    filter.states = new Set((hash.get('state') || '').split(',').filter((state) => chips.has(state) && state));
    filter.text = hash.get('q') || '';
    filter.sort = ['activity', 'trouble', 'name', 'newest'].includes(hash.get('sort')) ? hash.get('sort') : 'activity';
    $('search').value = filter.text;
    $('sort').value = filter.sort;
    order_dirty = true;
    ask_frame();
  }
  $('search').addEventListener('input', () => { filter.text = $('search').value.trim(); filter_changed(); });
  $('sort').addEventListener('change', () => { filter.sort = $('sort').value; filter_changed(); });
  $('show-more').addEventListener('click', () => { shown_limit += PAGE_OF_ROWS; order_dirty = true; ask_frame(); });
  addEventListener('hashchange', read_hash);
  addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      $('search').focus();
    }
  });

  // Spoken at most every two seconds; a burst is told as a number.
  let to_say = [], say_timer;
  function announce(text) {
    to_say.push(text);
    say_timer ??= setTimeout(() => {
      say_timer = undefined;
      $('announce').textContent = to_say.length > 4 ? `${to_say.length} changes. Last: ${to_say.at(-1)}` : to_say.join('. ');
      to_say = [];
    }, 2000);
  }

  let toast_timer;
  function toast(text) {
    $('toast').textContent = text;
    $('toast').hidden = false;
    clearTimeout(toast_timer);
    toast_timer = setTimeout(() => { $('toast').hidden = true; }, 7000);
  }

  // ---- the connection -------------------------------------------------------------------------------------------

  // A cursor is "<epoch>:<offset>". The page only compares offsets of one epoch, to see what it has had already.
  let cursor;
  function split(text) {
    const at = text.lastIndexOf(':');
    return [text.slice(0, at), text.slice(at + 1).replace(/^0+(?=\d)/, '')];
  }
  function seen(text) {
    if (cursor === undefined) return false;
    const [epoch, offset] = split(text), [my_epoch, my_offset] = split(cursor);
    return epoch === my_epoch && (offset.length - my_offset.length || (offset < my_offset ? -1 : offset > my_offset ? 1 : 0)) <= 0;
  }

  let socket, link = 'connecting', link_since = Date.now(), tries = 0, retry_timer, retry_at, heard_at = 0, checking = false;

  function set_link(next) {
    if (link !== next) { link = next; link_since = Date.now(); }
    draw_link();
  }
  function draw_link() {
    set_attribute($('link'), 'data-link', link);
    set_text($('link-text'), { live: 'Live', connecting: 'Connecting…', reconnecting: 'Reconnecting…' }[link]);
    set_text($('link-since'), link === 'connecting' ? '' : `since ${clock(link_since)}`);
    document.body.classList.toggle('offline', link === 'reconnecting');
    set_hidden($('banner-link'), link !== 'reconnecting');
    if (link === 'reconnecting') {
      const wait = retry_at === undefined ? 0 : Math.ceil((retry_at - Date.now()) / 1000);
      set_text($('banner-link'), `This page has no connection to its server since ${clock(link_since)}; it shows what it knew then. ${wait > 0 ? `Next try in ${wait} s.` : 'Trying now…'}`);
    }
  }

  function connect() {
    clearTimeout(retry_timer);
    retry_at = undefined;
    const url = new URL('ws', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    let mine;
    try { mine = socket = new WebSocket(url); } catch { return retry(); }
    let steady;
    const slow = setTimeout(() => mine.close(), 10000);
    mine.onopen = () => { ++counters.connects; heard_at = Date.now(); steady = setTimeout(() => { tries = 0; }, STEADY_MS); };
    mine.onmessage = (message) => {
      if (mine !== socket) return;
      clearTimeout(slow);
      heard_at = Date.now();
      let value;
      try { value = JSON.parse(message.data); } catch { return; }
      receive(value);
    };
    mine.onclose = () => {
      clearTimeout(steady);
      clearTimeout(slow);
      if (mine === socket) retry();
    };
  }

  // Exponential backoff with jitter, so that many pages do not come back in one moment.
  function retry() {
    socket = undefined;
    const wait = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(tries++, 10)) * (0.5 + Math.random() * 0.5);
    retry_at = Date.now() + wait;
    clearTimeout(retry_timer);
    retry_timer = setTimeout(connect, wait);
    if (link !== 'connecting' || tries > 1) set_link('reconnecting');
  }
  function drop() {
    const old = socket;
    if (!old) return;
    retry();
    old.close();
  }
  function retry_now() {
    if (!socket) { tries = 0; connect(); }
  }

  function receive(m) {
    switch (m.type) {
      case 'snapshot':
        ++counters.snapshots;
        if (m.reset) ++counters.resets;
        cursor = m.cursor;
        replace_all(Array.isArray(m.jobs) ? m.jobs : []);
        set_link('live');
        break;
      case 'resumed':
        ++counters.resumes;
        set_link('live');
        break;
      case 'event':
        if (typeof m.cursor !== 'string') break;
        if (seen(m.cursor)) { ++counters.duplicates; break; }
        ++counters.received;
        cursor = m.cursor;
        note_time(m.time);
        if (m.job && m.job.id !== undefined) put(m.job);
        break;
      case 'gap':   // what was lost is in the snapshot that follows
        ++counters.gaps;
        counters.lost += number(m.lost) || 0;
        break;
    }
  }

  // A dead link is not always told. After a silence, ask the server for a small thing; no answer at all means dead.
  async function check_silence() {
    if (checking || link !== 'live' || Date.now() - heard_at < SILENCE_MS) return;
    checking = true;
    const asked = socket;
    try {
      await fetch('icon.svg', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) });
      heard_at = Date.now();
    } catch {
      if (asked === socket) drop();
    }
    checking = false;
  }

  setInterval(() => {
    for (const row of rows.values()) if (!is_terminal(row.job)) row.tick();
    draw_link();
    check_silence();
  }, 1000);
  addEventListener('online', retry_now);
  addEventListener('offline', drop);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) retry_now(); });

  // For tests and for the curious at the console: read only.
  window.telltale = Object.freeze(Object.defineProperties({}, {
    ...Object.fromEntries(Object.keys(counters).map((key) => [key, { enumerable: true, get: () => counters[key] }])),
    cursor: { enumerable: true, get: () => cursor },
    link: { enumerable: true, get: () => link },
    jobs: { enumerable: true, get: () => structuredClone([...jobs.values()]) },
  }));

  read_hash();
  connect();
})();
