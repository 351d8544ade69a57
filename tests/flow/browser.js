// SPDX-License-Identifier: Apache-2.0
// A person with Chromium, for real_clients.py. The argument is a JSON object: {chromium, script
// (JavaScript on), locale, hosts (for --host-resolver-rules), do: [[what, ...], ...]}; what was
// seen comes out as a JSON list, one entry a step.
const { chromium } = require('playwright-core');
const fs = require('fs');

const steps = {
  // A mail as a webmail shows it: did its images load?
  async mail(page, file) {
    await page.setContent(fs.readFileSync(file, 'utf8'), { waitUntil: 'load' });
    return page.evaluate(() => Array.from(document.images, (i) => [i.complete, i.naturalWidth, i.alt]));
  },
  async click(page, text) {
    await Promise.all([page.waitForURL((u) => !u.href.startsWith('about:')), page.getByText(text).click()]);
    return [page.url(), await page.textContent('body')];
  },
  async go(page, url) {
    const response = await page.goto(url);
    return response.status();
  },
  // What a keyboard does: one key each; where the focus is afterwards, and whether one sees it.
  async keys(page, ...keys) {
    const seen = [];
    for (const key of keys) {
      const before = page.url();
      if (key === 'Enter') await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
      else await page.keyboard.press(key);
      seen.push(await page.evaluate(() => {
        const e = document.activeElement, s = getComputedStyle(e);
        return [e.tagName, e.value || '', e.checked || false,
          s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0];
      }));
    }
    return seen;
  },
  async page(page) {
    return page.evaluate(() => ({
      lang: document.documentElement.lang,
      title: document.title,
      heading: document.querySelector('h1').textContent,
      status: (document.querySelector('[role=status]') || {}).textContent || null,
      labels: Array.from(document.querySelectorAll('input[type=checkbox]'),
        (i) => [i.labels.length && i.labels[0].textContent, i.checked]),
      buttons: Array.from(document.querySelectorAll('button'), (b) => b.textContent),
      wide: document.documentElement.scrollWidth > window.innerWidth,
    }));
  },
  async narrow(page) {
    await page.setViewportSize({ width: 320, height: 600 });
  },
  async axe(page) {
    await page.evaluate(fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const result = await page.evaluate(() => window.axe.run());
    return { passes: result.passes.length,
      violations: result.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' ')) };
  },
};

async function main() {
  const job = JSON.parse(process.argv[2]);
  const browser = await chromium.launch({ executablePath: job.chromium,
    args: ['--no-sandbox', '--host-resolver-rules=' + job.hosts] });
  try {
    const context = await browser.newContext({ javaScriptEnabled: job.script, locale: job.locale });
    const page = await context.newPage();
    page.setDefaultTimeout(30000);
    const seen = [];
    for (const [what, ...more] of job.do) seen.push((await steps[what](page, ...more)) ?? null);
    console.log(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
}

main().catch((e) => { console.error(e); process.exit(1); });
