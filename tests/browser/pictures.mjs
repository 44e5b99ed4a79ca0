// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the guide. usage: node pictures.mjs CASE.json, written by tools/pictures: the console, the one-time
// password, the period, where the pictures go. When all is kept, standard input tells of which source and finding.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, settled } from './drive.mjs';
import { indexed } from './palette.mjs';

const want = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { browser, page } = await open();
await page.setViewportSize({ width: 1280, height: 800 });

async function picture(name, path, lang, more) {
	const url = new URL(path, want.base);
	url.searchParams.set('lang', lang);
	url.searchParams.set('theme', lang === 'en' ? 'dark' : 'light');
	await page.goto(url.href);
	await settled(page);
	await more?.();
	writeFileSync(join(want.out, `${name}-${lang}.png`), indexed(await page.screenshot()));
}

const text = async (name, value) => page.fill(`main input[name=${name}]`, value);

await page.goto(new URL('/login', want.base).href);
await settled(page);
await text('user', 'admin');
await text('password', want.password);
await page.click('main button[type=submit]');
await page.waitForSelector('input[name=new]');
for (const f of await page.$$('main input[type=password]'))
	await f.fill((await f.getAttribute('name')) === 'old' ? want.password : 'a picture of a long sentence');
await page.click('main button[type=submit]');
await page.waitForSelector('nav a[href="/now"]');

/* Some minutes of the replay are kept before the numbers say anything. */
await page.waitForTimeout(30000);
for (const lang of ['en', 'ja']) {
	await picture('now', '/now', lang, () => page.waitForTimeout(6000));
	await picture('screen', '/now?screen=1', lang, () => page.waitForTimeout(5000));
}

const told = JSON.parse(readFileSync(0, 'utf8'));
const period = new URLSearchParams({ from: want.from, to: want.to });
for (const lang of ['en', 'ja']) {
	await picture('explore', `/explore?${period}`, lang);
	await picture('source', `/sources/${told.source}?${period}`, lang);
	await picture('finding', `/findings/${told.finding}`, lang);
	await picture('own', `/own?${period}`, lang);
	await picture('reports', `/reports?period=day&at=${want.day}`, lang);
	await picture('system', '/system', lang);
}
/* A case as it is opened from the finding. */
await page.goto(new URL(`/findings/${told.finding}?lang=en`, want.base).href);
await settled(page);
await page.click('main button:text-is("Open a case")');
await page.fill('dialog input[name=next_step]', 'telephone the owner');
await page.click('dialog button[type=submit]');
await page.waitForURL(/\/cases\/./);
const path = new URL(page.url()).pathname;
for (const lang of ['en', 'ja'])
	await picture('case', path, lang);
await browser.close();
