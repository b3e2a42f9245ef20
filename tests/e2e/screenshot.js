// SPDX-License-Identifier: BSL-1.0
// node screenshot.js URL OUT.png: takes OUT.png (light, 1200 x 700) and OUT-phone.png (dark, 360 wide) of a running page,
// once it is live and, unless --now is given, once at least one job runs and one has ended.
'use strict';

const { launch, until } = require('./harness.js');

async function main() {
  const args = process.argv.slice(2), now = args.includes('--now');
  const [url, out] = args.filter((arg) => arg !== '--now');
  if (!url || !out) throw new Error('usage: node screenshot.js URL OUT.png [--now]');
  const browser = await launch();
  try {
    const open = async (options) => {
      const page = await (await browser.newContext(options)).newPage();
      await page.goto(url);
      await page.waitForFunction(() => window.telltale.link === 'live');
      return page;
    };
    const desk = await open({ viewport: { width: 1200, height: 700 }, colorScheme: 'light', deviceScaleFactor: 2 });
    const phone = await open({ viewport: { width: 360, height: 760 }, colorScheme: 'dark', deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    if (!now) {
      await until('a job runs and one has ended', () => desk.evaluate(() => {
        const states = window.telltale.jobs.map((job) => job.state), running = window.telltale.jobs.filter((job) => job.state === 'running');
        return running.some((job) => job.progress && job.progress.rate) && states.includes('succeeded');
      }));
    }
    await desk.screenshot({ path: out });
    await phone.screenshot({ path: out.replace(/\.png$/, '-phone.png') });
  } finally {
    await browser.close();
  }
}

main().catch((error) => { console.error(error.message); process.exitCode = 1; });
