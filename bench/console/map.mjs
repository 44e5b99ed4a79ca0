#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The map in headless Chromium: frames a second with N packets in flight, first paint, what a first visit fetches.
// usage: bench/console/map.mjs [N (default 2000)] [SECONDS (default 5)]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TOP = join(import.meta.dirname, '../..'), WEB = join(TOP, 'web');
const WANT = +(process.argv[2] ?? 2000), SECONDS = +(process.argv[3] ?? 5);
const { chromium } = createRequire(join(WEB, 'package.json'))('playwright-core');
const { serve } = await import(join(TOP, 'tests/browser/made.mjs'));
const dir = mkdtempSync(join(tmpdir(), 'map-'));
const sizes = execFileSync(process.execPath, [join(WEB, 'build.mjs'), '--dir', dir, '--sizes'], { encoding: 'utf8' }).trim().split('\n').map((l) => l.split('\t'));
const server = await serve({ dir });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });

/* More than a server ever sends: the stream is the script's own. Bows that are drawn are counted where they are drawn. */
await page.addInitScript((perEvent) => {
	window.bows = 0;
	const curve = CanvasRenderingContext2D.prototype.quadraticCurveTo;
	CanvasRenderingContext2D.prototype.quadraticCurveTo = function (...a) {
		window.bows++;
		return curve.apply(this, a);
	};
	window.EventSource = class extends EventTarget {
		static CLOSED = 2;

		constructor() {
			super();
			this.readyState = 1;
			setTimeout(() => this.onopen?.(), 10);
			this.timer = setInterval(() => {
				const to_ns = Date.now() * 1e6;
				const arcs = Array.from({ length: perEvent }, (_, i) => [Math.random() * 340 - 170, Math.random() * 120 - 50, Math.floor(Math.random() * 9), 23, 6, '192.0.2.1', 0, i * 250 / perEvent]);
				this.dispatchEvent(new MessageEvent('map', { data: JSON.stringify({ from_ns: to_ns - 250e6, to_ns, sensors: ['local'], packets: 1000, classes: { tcp_syn: 1000 }, arcs }), lastEventId: '1-1' }));
			}, 250);
		}

		close() {
			clearInterval(this.timer);
		}
	};
}, Math.round(WANT / 7.2));

await page.goto(`http://127.0.0.1:${server.address().port}/now?lang=en&theme=dark`);
await page.waitForSelector('.legend');
const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
await page.waitForTimeout(4000);
const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable');
const metric = async (name) => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === name).value;
/* Processor time of the browser, all its processes, in ms: a busy machine shows fewer frames, but none costs more. */
function cpu() {
	const all = new Map();
	for (const pid of readdirSync('/proc').filter((x) => /^\d+$/.test(x))) {
		try {
			const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
			all.set(+pid, { parent: +f[1], ticks: +f[11] + +f[12] });
		} catch { /* ended meanwhile */ }
	}
	const ours = (pid) => pid === process.pid || (all.has(pid) && ours(all.get(pid).parent));
	return [...all].filter(([pid]) => pid !== process.pid && ours(pid)).reduce((n, [, p]) => n + p.ticks * 10, 0);
}

const spent = cpu(), before = await metric('ScriptDuration');
const run = await page.evaluate((ms) => new Promise((done) => {
	const at = [], bows = [];
	const step = (now) => {
		at.push(now);
		bows.push(window.bows);
		window.bows = 0;
		if (now - at[0] < ms)
			requestAnimationFrame(step);
		else
			done({ gaps: at.slice(1).map((t, i) => t - at[i]).sort((a, b) => a - b), bows: bows.slice(1) });
	};
	requestAnimationFrame(step);
}), SECONDS * 1000);
const script = (await metric('ScriptDuration') - before) * 1000;
const used = cpu() - spent;
const pick = (list, q) => list[Math.min(list.length - 1, Math.floor(list.length * q))];
const got = new Set(await page.evaluate(() => performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname)));
const fetched = sizes.filter((s) => got.has(s[3]) || s[3] === '/index.html');
const sum = (i) => fetched.reduce((n, s) => n + +s[i], 0);
console.log(`packets in flight   ${Math.round(run.bows.reduce((a, b) => a + b, 0) / run.bows.length)}`);
console.log(`frames a second     ${(run.gaps.length / run.gaps.reduce((a, b) => a + b, 0) * 1000).toFixed(1)}   (target 60)`);
console.log(`between frames      p50 ${pick(run.gaps, .5).toFixed(1)} ms, p99 ${pick(run.gaps, .99).toFixed(1)} ms, longest ${run.gaps.at(-1).toFixed(1)} ms`);
console.log(`script a frame      ${(script / run.gaps.length).toFixed(2)} ms`);
console.log(`processor a frame   ${(used / run.gaps.length).toFixed(2)} ms (all processes of the browser, drawing without a graphics card)`);
console.log(`first paint         ${Math.round(paint)} ms   (target 1000)`);
console.log(`first visit         ${sum(0)} octets, gzip ${sum(1)}, br ${sum(2)}   (target 100000 gzip)`);
await browser.close();
server.close();
rmSync(dir, { recursive: true });
process.exit(0);
