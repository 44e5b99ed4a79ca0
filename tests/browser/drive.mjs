// SPDX-License-Identifier: Apache-2.0
// What the tests of the pages have in common: a browser, cases, waiting, axe.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = join(dirname(fileURLToPath(import.meta.url)), '../..');
const web = createRequire(join(TOP, 'web/package.json'));
const { chromium } = web('playwright-core');
const AXE = readFileSync(web.resolve('axe-core/axe.min.js'), 'utf8');
export const SHOTS = join(TOP, 'build/browser');
mkdirSync(SHOTS, { recursive: true });

export let failed = 0;

let now = { page: null, errors: [] };

/* The page that the cases are about, when it isn't open()'s. */
export function watching(page, errors) {
	now = { page, errors };
}

/* One case: a function that returns what is wrong, or nothing. What failed leaves a picture. */
export async function check(name, fn) {
	let why;
	now.errors.length = 0;
	try {
		why = await fn();
	} catch (e) {
		why = [e.message.split('\n')[0].slice(0, 300), ...now.errors].join(' | ');
	}
	failed += why ? 1 : 0;
	if (why)
		await now.page?.screenshot({ path: join(SHOTS, `failed-${name.replace(/\W+/g, '-').slice(0, 40)}.png`) }).catch(() => 0);
	console.log(why ? `not ok ${name}: ${String(why).replace(/\s+/g, ' ').slice(0, 500)}` : `ok ${name}`);
}

export function same(what, got, want) {
	if (String(got) !== String(want))
		throw new Error(`${what}: the page has ${got}, the command line ${want}`);
}

/* A browser with one page; `errors` gathers all that its console and network complain of. */
export async function open() {
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
	const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1400, height: 900 }, acceptDownloads: true, timezoneId: 'UTC' });
	const page = await context.newPage();
	const errors = [];
	now = { page, errors };
	page.setDefaultTimeout(10000);
	page.on('console', (m) => m.type() === 'error' && errors.push(`${m.text().slice(0, 200)} ${m.location().url.replace(/^https:..[^/]*/, '')}`));
	page.on('pageerror', (e) => errors.push(e.message.slice(0, 200)));
	page.on('dialog', (d) => (errors.push('a dialog of the browser: ' + d.message()), d.dismiss()));
	return { browser, context, page, errors };
}

/* Until nothing is being asked and everything is drawn. */
export async function settled(page) {
	await page.waitForSelector('main h1, main form');
	await page.waitForFunction(() => !document.querySelector('main .spin, main [aria-busy=true]'), null, { timeout: 20000 });
	await page.waitForTimeout(150);
}

let world = null;
/* What axe says of the page, evaluated in a world of its own: the page's policy doesn't let anybody in. */
export async function axe(page) {
	const cdp = await page.context().newCDPSession(page);
	const { frameTree } = await cdp.send('Page.getFrameTree');
	world = (await cdp.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' })).executionContextId;
	const run = async (expression) => {
		const made = await cdp.send('Runtime.evaluate', { contextId: world, awaitPromise: true, returnByValue: true, expression });
		if (made.exceptionDetails)
			throw new Error('axe: ' + (made.exceptionDetails.exception?.description ?? made.exceptionDetails.text));
		return made.result.value;
	};
	await run(AXE + ';0');
	const found = JSON.parse(await run(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => JSON.stringify({
		passes: r.passes.length, violations: r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')) }))`));
	await cdp.detach();
	if (!found.passes)
		throw new Error('axe checked nothing');
	return found.violations;
}

/* Digits of a number as the page writes it. */
export const digits = (text) => Number(String(text).replace(/[^\d.-]/g, ''));

/* Cells of one column of a table, as text. */
export const column = (page, table, key) => page.$$eval(`#${table} [data-column="${key}"]`, (cells) => cells.map((c) => c.textContent.trim()));
