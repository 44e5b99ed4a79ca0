#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The table of a million rows in headless Chromium, scrolled from end to end: time between frames, beside that of a page in
// which nothing moves. usage: bench/console/table.mjs [FRAMES (default 240)]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TOP = join(import.meta.dirname, '../..'), WEB = join(TOP, 'web');
const FRAMES = +(process.argv[2] ?? 240);
const { chromium } = createRequire(join(WEB, 'package.json'))('playwright-core');
const { serve } = await import(join(TOP, 'tests/browser/made.mjs'));
const dir = mkdtempSync(join(tmpdir(), 'table-'));
execFileSync(process.execPath, [join(WEB, 'build.mjs'), '--dir', dir]);
const server = await serve({ dir });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(`http://127.0.0.1:${server.address().port}/explore?lang=en`);
await page.waitForSelector('.grid-scroll.virtual tbody tr >> nth=5');
const frames = (moves) => page.evaluate(([n, move]) => new Promise((done) => {
	const el = document.querySelector('.grid-scroll.virtual'), all = el.scrollHeight, gaps = [];
	let last = performance.now(), at = 0;
	const step = (now) => {
		gaps.push(now - last);
		last = now;
		if (move)
			el.scrollTop = all * at / n;
		at++ < n ? requestAnimationFrame(step) : done(gaps.slice(2).sort((a, b) => a - b));
	};
	requestAnimationFrame(step);
}), [FRAMES, moves]);
for (const [name, moves] of [['nothing moves', false], ['scrolling', true]]) {
	const g = await frames(moves), pick = (q) => g[Math.floor((g.length - 1) * q)].toFixed(1);
	console.log(`${name.padEnd(16)} ${g.length} frames: p50 ${pick(.5)} ms, p95 ${pick(.95)} ms, longest ${pick(1)} ms`);
}
await browser.close();
server.close();
rmSync(dir, { recursive: true });
process.exit(0);
