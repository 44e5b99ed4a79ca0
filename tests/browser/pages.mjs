// SPDX-License-Identifier: Apache-2.0
// Drives the pages of a real daemon. usage: node pages.mjs CASE.json, written by tests/browser/daemon.py: where the console is,
// how to log in, from when to when, and the command line's answers to the questions of the pages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { axe, check, column, digits, failed, open, same, settled, SHOTS } from './drive.mjs';

const want = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { browser, page, errors } = await open();
const period = new URLSearchParams({ from: want.from, to: want.to });

async function go(path, more = {}) {
	const url = new URL(path, want.base);
	for (const [k, v] of Object.entries(more))
		url.searchParams.set(k, v);
	await page.goto(url.href);
	await settled(page);
}
const inPeriod = (path, more) => go(`${path}?${period}`, more);

/* What of the console's errors nobody expected, since the last look. */
const complaints = () => errors.splice(0).join(' | ');

await check('login', async () => {
	await page.goto(want.base);
	await page.waitForURL(/\/login/);
	await page.waitForSelector('input[name=password]');
	await page.waitForLoadState('networkidle');
	errors.splice(0); /* the first question without a session is answered 401 */
	await page.fill('input[name=user]', want.user);
	await page.fill('input[name=password]', want.password);
	await page.click('main button[type=submit]');
	await page.waitForSelector('input[name=new]');
	await page.waitForLoadState('networkidle');
	await page.screenshot({ path: join(SHOTS, 'password.png') });
	const fields = await page.$$('main input[type=password]');
	for (const f of fields)
		await f.fill((await f.getAttribute('name')) === 'old' ? want.password : want.chosen);
	await page.click('main button[type=submit]');
	await page.waitForSelector('input[name=new]', { state: 'detached' });
	await settled(page);
	return complaints();
});

/* ---- every page in both languages ---- */

const PAGES = ['/now', `/explore?${period}`, `/sources?${period}`, `/sources/${want.source}?${period}`, `/findings?${period}`,
	`/findings/${want.finding}`, `/own?${period}`, '/cases', `/reports?period=day&at=${want.day}`, '/system',
	...['clock', 'gaps', 'roles', 'disk', 'alerts', 'audit', 'users', 'tokens', 'certificate'].map((x) => '/system?tab=' + x), '/help'];
const nameOf = (path) => (path.split('?')[0].slice(1).replace(/\W+/g, '-').slice(0, 20) + (/tab=(\w+)/.exec(path)?.[1] ? '-' + /tab=(\w+)/.exec(path)[1] : ''));

const rawKeys = () => page.evaluate(() => {
	const texts = [...document.querySelectorAll('body *')].flatMap((e) => [...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()), e.getAttribute('aria-label') ?? '', e.title ?? '']);
	return [...new Set(texts.filter((s) => /^(pages|explore|sources|findings?|own|cases|reports|system|help|core|nav|period|filter|table|class|error|now|top)\.[\w.-]+$/.test(s)))];
});

for (const lang of ['en', 'ja']) {
	for (const path of PAGES) {
		const theme = lang === 'en' ? 'dark' : 'light';
		await check(`page ${lang} ${nameOf(path)}`, async () => {
			await go(path, { lang, theme });
			await page.screenshot({ path: join(SHOTS, `${nameOf(path)}-${lang}.png`), fullPage: true });
			const keys = await rawKeys();
			if (keys.length)
				return 'texts without words: ' + keys.join(' ');
			if (await page.getAttribute('html', 'lang') !== lang)
				return 'the document says another language';
			if (await page.$('main [role=alert]'))
				return 'a failure is shown: ' + await page.textContent('main [role=alert]');
			return complaints();
		});
		await check(`accessible ${lang} ${nameOf(path)}`, async () => (await axe(page)).join(' || '));
	}
}

/* ---- the same numbers as the command line's ---- */

await check('numbers explore', async () => {
	await inPeriod('/explore', { lang: 'en', theme: 'dark' });
	const line = await page.$eval('[data-number=timeline]', (e) => e.dataset.packets);
	same('packets of the time line', line, want.summary.packets);
	const flows = await page.$eval('[data-number=flows]', (e) => [e.dataset.flows, e.dataset.packets]);
	same('flows', flows[0], want.flows.flows);
	same('packets of the flows', flows[1], want.flows.packets);
	for (const by of Object.keys(want.top)) {
		const rows = want.top[by].slice(0, 10);
		same('packets by ' + by, (await column(page, 'top-' + by, 'packets')).map(digits), rows.map((r) => r.packets));
		const second = by === 'source' ? 'targets' : 'sources';
		same(`${second} by ${by}`, (await column(page, 'top-' + by, second)).map(digits), rows.map((r) => r[second]));
	}
	return complaints();
});

/* The whole half hour is within the last hour: Now has the same numbers, although its hour moves. */
await check('numbers now', async () => {
	await go('/now', { lang: 'en' });
	await page.waitForFunction(() => [...document.querySelectorAll('.stat dd')].some((e) => /\d,\d/.test(e.textContent)));
	const stats = await page.$$eval('.stat', (all) => Object.fromEntries(all.map((e) => [e.querySelector('dt').textContent, e.querySelector('dd').textContent])));
	const of = (word) => digits(Object.entries(stats).find(([k]) => k.startsWith(word))[1]);
	same('packets', of('Packets, last'), want.summary.packets);
	same('sources', of('Unique sources'), want.summary.sources.distinct4);
	const ports = await page.$$eval('.top .bars tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td')].slice(0, 3).map((c) => c.textContent.trim())));
	for (const p of want.top.port.slice(0, 5))
		same(p.key, ports.find((r) => r[0] === p.key)?.slice(1).map(digits), [p.packets, p.sources]);
	return complaints();
});

await check('numbers findings', async () => {
	await inPeriod('/findings', { state: 'all' });
	same('findings', await page.$eval('[data-number=findings-total]', (e) => e.dataset.value), want.findings.length);
	const packets = (await column(page, 'findings', 'packets')).map(digits).sort((a, b) => a - b);
	same('packets of findings', packets, want.findings.map((v) => v.packets).sort((a, b) => a - b));
	return complaints();
});

await check('numbers one finding', async () => {
	await go('/findings/' + want.finding);
	const v = want.findings.find((x) => x.id === want.finding);
	for (const k of ['packets', 'targets', 'ports'])
		same(k, digits(await page.textContent(`[data-fact=${k}] dd`)), v[k]);
	const rows = (await column(page, 'samples', 'src'));
	same('samples', rows.length, v.samples.length);
	const time = (await column(page, 'samples', 'ns'))[0];
	if (!time.endsWith('.' + String(v.samples_ns[0]).slice(-9)))
		return `the time of a sample is ${time}, not ${v.samples_ns[0]}`;
	return complaints();
});

await check('numbers one source', async () => {
	await inPeriod('/sources/' + want.source);
	same('packets', digits(await page.textContent('[data-fact=packets] dd')), want.of_source.packets);
	return complaints();
});

await check('numbers sources', async () => {
	await inPeriod('/sources');
	same('sources', +(await page.$eval('[data-number=sources]', (e) => e.dataset.total)), want.sources.length);
	/* Rows come as they are scrolled to: those that are to be seen. */
	await page.waitForFunction(() => /\d/.test(document.querySelector('.grid-scroll.virtual tbody tr')?.textContent ?? ''), null, { timeout: 15000 });
	const rows = await page.$$eval('.grid-scroll.virtual tbody tr', (r) => r.map((x) => [...x.children].slice(0, 2).map((c) => c.textContent.trim())));
	const all = new Map(want.sources.map((s) => [s.address, s.packets]));
	const shown = rows.map((r) => r[0]), packets = rows.map((r) => digits(r[1]));
	if (shown.length < 10)
		return `only ${shown.length} rows`;
	same('packets', packets, shown.map((a) => all.get(a)));
	same('the most first', packets, [...want.sources.map((s) => s.packets)].sort((a, b) => b - a).slice(0, packets.length));
	return complaints();
});

await check('numbers own', async () => {
	await inPeriod('/own');
	for (const [table, kinds] of [['own-suspects', ['own-watch', 'own-suspect']], ['own-attacked', ['own-attacked']]]) {
		const about = new Map();
		for (const v of want.findings.filter((x) => kinds.includes(x.kind)))
			about.set(v.subject, Math.max(about.get(v.subject) ?? 0, v.packets));
		const shown = await column(page, table, 'address'), packets = (await column(page, table, 'packets')).map(digits);
		same('addresses of ' + table, [...shown].sort().join(), [...about.keys()].sort().join());
		same('packets of ' + table, packets, shown.map((a) => about.get(a)));
	}
	return complaints();
});

await check('numbers report', async () => {
	await go('/reports', { period: 'day', at: want.from.slice(0, 10), lang_report: 'en', tz_report: 'UTC', tz: 'UTC' });
	let tables = 0;
	for (const table of want.report.sections.flatMap((s) => s.tables).filter((x) => x.shown.length)) {
		tables++;
		for (const [i, c] of table.columns.entries())
			if (!c.wide)
				same(`${table.id}.${c.key}`, (await column(page, 'report-' + table.id, c.key)).join('|'), table.shown.map((r) => String(r[i]).trim()).join('|'));
	}
	if (tables < 8)
		return `only ${tables} tables`;
	return complaints();
});

await check('numbers sensors', async () => {
	await go('/system');
	same('packets of the day', (await column(page, 'sensors', 'packets_24h')).map(digits), [want.summary.packets]);
	return complaints();
});

await check('numbers roles', async () => {
	await go('/system?tab=roles');
	same('roles', (await column(page, 'roles', 'name')).sort().join(), want.roles.sort().join());
	return complaints();
});

/* ---- doing ---- */

await check('a click on a value filters, back takes it away', async () => {
	await inPeriod('/explore');
	await page.click('#top-port [data-column=key] button');
	await page.waitForURL(/dport=/);
	await settled(page);
	const port = new URL(page.url()).searchParams;
	const [first] = want.top.port;
	same('filter', `${port.get('dport')}/${port.get('proto')}`, first.key);
	same('packets', await page.$eval('[data-number=flows]', (e) => e.dataset.packets), first.packets);
	await page.goBack();
	await settled(page);
	same('packets without it', await page.$eval('[data-number=flows]', (e) => e.dataset.packets), want.summary.packets);
	await page.goForward();
	await settled(page);
	await page.click('.chip button');
	await settled(page);
	return /dport=/.test(page.url()) ? 'the chip did not go' : complaints();
});

await check('keys choose a stretch of the time line', async () => {
	await inPeriod('/explore');
	await page.focus('.timeline [role=application]');
	for (const key of ['Home', 'Shift+PageDown', 'Shift+PageDown', 'Enter'])
		await page.keyboard.press(key);
	await page.waitForFunction((from) => new URL(location).searchParams.get('to') !== from, want.to);
	await settled(page);
	const packets = digits(await page.$eval('[data-number=timeline]', (e) => e.dataset.packets));
	return packets > 0 && packets < want.summary.packets ? complaints() : `${packets} packets in a stretch`;
});

await check('dragging chooses a stretch of the time line', async () => {
	await inPeriod('/explore');
	const box = await (await page.$('.timeline .u-over')).boundingBox();
	await page.mouse.move(box.x + box.width * .25, box.y + 40);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * .5, box.y + 50, { steps: 5 });
	await page.mouse.up();
	await page.waitForFunction((from) => new URL(location).searchParams.get('from') !== from, want.from);
	await settled(page);
	return complaints();
});

await check('the table of flows scrolls to its end', async () => {
	await inPeriod('/explore');
	await page.focus('.grid-scroll.virtual');
	await page.keyboard.press('End');
	await page.waitForFunction(() => !/^…+$/.test(document.querySelector('.grid-scroll.virtual tbody').textContent.trim().slice(0, 8)), null, { timeout: 15000 });
	const rows = await page.$$eval('.grid-scroll.virtual tbody tr', (r) => r.map((x) => Number(x.getAttribute('aria-rowindex'))));
	return Math.max(...rows) === want.flows.flows + 1 ? complaints() : `the last row is ${Math.max(...rows)}`;
});

await check('downloads', async () => {
	await inPeriod('/explore');
	for (const end of ['csv', 'pcap']) {
		const [file] = await Promise.all([page.waitForEvent('download'), page.click(`.grid-foot a[href*="${end === 'csv' ? 'flows.csv' : 'pcap'}"]`)]);
		const data = readFileSync(await file.path());
		if (end === 'csv')
			same('lines of the CSV', data.toString().trim().split('\n').length - 1, want.flows.flows);
		else if (data.length < 1000)
			return `${data.length} octets of packets`;
	}
	return complaints();
});

await check('keys in the list of findings', async () => {
	await inPeriod('/findings');
	for (const key of ['j', 'j', 'k'])
		await page.keyboard.press(key);
	const at = await page.evaluate(() => [...document.querySelectorAll('a.pg-row-link')].indexOf(document.activeElement));
	same('row', at, 0);
	await page.keyboard.press('Enter');
	await page.waitForURL(/\/findings\/[0-9a-f]{32}/);
	return complaints();
});

const HOSTILE = '<script>window.broken = 1</script><img src=x onerror="window.broken = 2">\'"&lt;';

await check('comment, assign, mute, unmute', async () => {
	await go('/findings/' + want.finding);
	await page.fill('textarea[name=text]', HOSTILE);
	await page.click('form:has(textarea[name=text]) button[type=submit]');
	await page.waitForSelector('.pg-remarks li');
	const said = await page.textContent('.pg-remarks .pg-said');
	if (!said.includes(HOSTILE) || await page.evaluate(() => window.broken))
		return 'what was said is not what is shown: ' + said;
	await page.fill('input[name=user]', want.user);
	await page.click('form:has(input[name=user]) button[type=submit]');
	await page.waitForSelector('.pg-remarks li:nth-child(2)');
	const mute = 'main .panel button:text-is("Mute")';
	await page.click(mute);
	await page.fill('dialog textarea[name=reason]', 'a test of ours');
	const axes = await axe(page);
	if (axes.length)
		return axes.join(' || ');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('main button:text-is("Unmute")');
	await inPeriod('/findings', { state: 'muted' });
	same('muted findings', await page.$eval('[data-number=findings-total]', (e) => e.dataset.value), 1);
	await go('/findings/' + want.finding);
	await page.click('main button:text-is("Unmute")');
	await page.waitForSelector(mute);
	return complaints();
});

await check('a case from a finding to its end', async () => {
	await go('/findings/' + want.finding);
	await page.click('main button:text-is("Open a case")');
	if (!await page.isDisabled('dialog input[value=confirmed]'))
		return 'confirmed can be chosen';
	await page.fill('dialog input[name=next_step]', 'telephone the owner');
	await page.fill('dialog textarea[name=note]', HOSTILE);
	await page.click('dialog button[type=submit]');
	await page.waitForURL(/\/cases\/./);
	await settled(page);
	same('state', (await page.textContent('[data-fact=state] dd')).trim(), 'suspected');
	await page.screenshot({ path: join(SHOTS, 'case-en.png'), fullPage: true });
	const axes = await axe(page);
	if (axes.length)
		return axes.join(' || ');
	await page.click('main button:text-is("Close the case")');
	await page.selectOption('dialog select[name=close_code]', { index: 0 });
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('[data-fact=close_code]');
	await go('/cases?state=closed');
	same('closed cases', (await column(page, 'cases', 'id')).length, 1);
	return complaints();
});

await check('a token is shown once, and revoked', async () => {
	await go('/system?tab=tokens');
	await page.click('main button:text-is("Create token")');
	await page.fill('dialog input[name=label]', 'a test <b>of ours</b>');
	await page.click('dialog button[type=submit]');
	const secret = await page.textContent('dialog .pg-copy code');
	if (!/^sak_/.test(secret))
		return 'no token: ' + secret;
	await page.click('dialog button:text-is("Close")');
	const body = await page.textContent('body');
	if (body.includes(secret))
		return 'the token is still there';
	await page.click('#tokens button:text-is("Revoke")');
	await page.click('dialog button.danger');
	await page.waitForFunction(() => !document.querySelector('dialog') && !document.querySelector('#tokens button'));
	return complaints();
});

await check('a user is added, changed, disabled', async () => {
	await go('/system?tab=users');
	await page.click('main button:text-is("Add user")');
	await page.fill('dialog input[name=name]', 'night-shift');
	await page.fill('dialog textarea[name=roles]', 'default analyst');
	await page.check('dialog input[name=see-dark]');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .pg-copy code');
	await page.keyboard.press('Escape');
	await page.waitForSelector('#users tr:has-text("night-shift")');
	await page.click('#users tr:has-text("night-shift") button:text-is("Disable")');
	await page.waitForSelector('#users tr:has-text("night-shift") button:text-is("Enable")');
	await go('/system?tab=audit');
	return (await page.textContent('#audit')).includes('night-shift') ? complaints() : 'the audit says nothing of it';
});

await check('who may less sees less', async () => {
	await go('/system?tab=users');
	await page.click('main button:text-is("Add user")');
	await page.fill('dialog input[name=name]', 'trainee');
	await page.fill('dialog textarea[name=roles]', 'default viewer');
	await page.click('dialog button[type=submit]');
	const once = await page.textContent('dialog .pg-copy code');
	await page.context().clearCookies();
	await page.goto(want.base + 'login');
	await page.waitForLoadState('networkidle');
	errors.splice(0);
	await page.fill('input[name=user]', 'trainee');
	await page.fill('input[name=password]', once);
	await page.click('main button[type=submit]');
	await page.waitForSelector('input[name=new]');
	await page.waitForLoadState('networkidle'); /* else the form may be drawn again while it is filled in */
	for (const f of await page.$$('main input[type=password]'))
		await f.fill((await f.getAttribute('name')) === 'old' ? once : want.chosen);
	await page.click('main button[type=submit]');
	await page.waitForSelector('input[name=new]', { state: 'detached' });
	await inPeriod('/own', { lang: 'en' });
	await page.screenshot({ path: join(SHOTS, 'own-masked-en.png'), fullPage: true });
	const own = await page.textContent('main');
	if (/203\.0\.113\.25|gnp\.exe|noc@/.test(own) || !own.includes('see-subscriber'))
		return 'a subscriber is shown, or nobody says that he is masked';
	await inPeriod('/explore');
	if (/198\.18\./.test(await page.textContent('main')))
		return 'a dark address is shown';
	await go('/findings/' + want.finding);
	if (/198\.18\.|203\.0\.113\.25/.test(await page.textContent('main')) || await page.$('main textarea'))
		return 'a finding shows too much, or lets him write';
	await go('/system');
	const tabs = await page.$$eval('.pg-tabs a', (all) => all.map((a) => a.textContent));
	return tabs.includes('Users') || tabs.includes('Audit') ? 'tabs of an administrator: ' + tabs : complaints();
});

await check('the language changes in place', async () => {
	await go('/help', { lang: 'en' });
	await page.click('header a[hreflang=ja]');
	await page.waitForSelector('html[lang=ja]');
	return /[ぁ-ん]/.test(await page.textContent('main')) ? complaints() : 'no Japanese';
});

await browser.close();
process.exit(failed ? 1 : 0);
