// SPDX-License-Identifier: Apache-2.0
// Builds the pages. usage: node build.mjs [--c FILE] [--depfile FILE] [--dir FOLDER] [--sizes]
//   --c        the files as C source        --depfile  what they were made of, for ninja
//   --dir      the files themselves         --sizes    what each costs on the wire
// The same sources give the same octets, on any machine.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack, toC } from './build/write.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const LANGUAGES = ['en', 'ja'];
/* What of npm ends up in the pages; its licence goes along. */
const BUNDLED = [['preact', 'LICENSE'], ['htm', 'LICENSE'], ['uplot', 'LICENSE'], ['world-atlas', 'LICENSE'],
	['d3-geo', 'LICENSE']];
const read = new Set();

function text(...names) {
	const file = join(HERE, ...names);
	read.add(file);
	return readFileSync(file, 'utf8');
}

function hashed(name, data) {
	const [stem, end] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.'))];
	const hash = createHash('sha256').update(data).digest('hex').slice(0, 10);
	return { path: `/assets/${stem}-${hash}${end}`, data: Buffer.from(data), immutable: true };
}

/* All messages of a language; a key that two files give is a mistake. */
function messages(language) {
	const all = {};
	for (const name of readdirSync(join(HERE, 'messages')).sort()) {
		if (!name.endsWith(`.${language}.json`))
			continue;
		for (const [key, value] of Object.entries(JSON.parse(text('messages', name)))) {
			if (key in all)
				throw new Error(`messages/${name}: ${key} is in another file too`);
			all[key] = value;
		}
	}
	return all;
}

function licences() {
	const head = 'Parts of these pages come from others. Their licences:\n';
	return head + BUNDLED.map(([name, file]) => {
		const { version, license } = JSON.parse(text('node_modules', name, 'package.json'));
		return `\n---- ${name} ${version} (${license})\n\n${text('node_modules', name, file).trim()}\n`;
	}).join('');
}

async function scripts(define) {
	const { build } = await import('esbuild');
	const made = await build({
		absWorkingDir: HERE, entryPoints: ['src/app.js', 'src/app.css'], outdir: '/assets', write: false,
		bundle: true, minify: true, splitting: true, format: 'esm', target: 'es2022', legalComments: 'none',
		entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', metafile: true, define, logLevel: 'warning',
		loader: { '.svg': 'text' },
	});
	Object.keys(made.metafile.inputs).forEach((name) => read.add(join(HERE, name)));
	return made;
}

async function make() {
	const files = [];
	const add = (name, data) => {
		files.push(hashed(name, data));
		return files.at(-1).path;
	};
	const { bake } = await import('./build/map.mjs');
	const merged = Object.fromEntries(LANGUAGES.map((l) => [l, messages(l)]));
	/* The report's own words are its alone: C code writes them. */
	const shown = (l) => Object.fromEntries(Object.entries(merged[l]).filter(([key]) => !key.startsWith('report.')));
	const words = Object.fromEntries(LANGUAGES.map((l) => [l, add(`messages-${l}.json`, JSON.stringify(shown(l)))]));
	const atlas = join(HERE, 'node_modules/world-atlas/countries-110m.json');
	const maps = Object.fromEntries([0, 150].map((m) => [m, add(`world-${m}.json`, JSON.stringify(bake(atlas, m)))]));
	const made = await scripts({ MESSAGES: JSON.stringify(words), WORLDS: JSON.stringify(maps) });
	for (const f of made.outputFiles)
		files.push({ path: f.path, data: Buffer.from(f.contents), immutable: true });
	const named = (start) => files.find((f) => f.path.startsWith(start)).path;
	const icon = add('icon.svg', text('src', 'icon.svg'));
	const page = (form) => text('src', 'index.html').replace('@SCRIPT@', named('/assets/app-') && made.outputFiles
		.find((f) => /\/app-[^/]*\.js$/.test(f.path)).path)
		.replace('@STYLE@', made.outputFiles.find((f) => f.path.endsWith('.css')).path)
		.replace('@ICON@', icon).replace('@FORM@', form)
		.replace(/@en:([\w.-]+)@/g, (_, key) => merged.en[key]).replace(/@ja:([\w.-]+)@/g, (_, key) => merged.ja[key]);
	const plain = (path, data) => files.push({ path, data: Buffer.from(data), immutable: false });
	plain('/index.html', page(''));
	plain('/login.html', page(text('src', 'login.html')));
	plain('/favicon.svg', text('src', 'icon.svg'));
	plain('/assets/licences.txt', licences());
	plain('/robots.txt', 'User-agent: *\nDisallow: /\n');
	return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function option(name) {
	const at = process.argv.indexOf(name);
	return at < 0 ? null : process.argv[at + 1];
}

function depfile(target) {
	for (const name of ['build.mjs', 'build/map.mjs', 'build/write.mjs', 'package-lock.json'])
		read.add(join(HERE, name));
	return `${target}: ${[...read].sort().map((f) => f.replace(/ /g, '\\ ')).join(' ')}\n`;
}

const files = await make().catch((e) => {
	const lacks = e.code === 'ERR_MODULE_NOT_FOUND' || e.code === 'ENOENT';
	console.error(`web/build.mjs: ${e.message}${lacks ? '\nweb/node_modules lacks something: run tools/setup' : ''}`);
	process.exit(1);
});
const packed = files.map((f) => pack(f.path, f.data, f.immutable));
if (option('--c'))
	writeFileSync(option('--c'), toC(packed));
if (option('--depfile'))
	writeFileSync(option('--depfile'), depfile(option('--c')));
for (const f of option('--dir') ? files : []) {
	const name = join(option('--dir'), f.path);
	mkdirSync(dirname(name), { recursive: true });
	writeFileSync(name, f.data);
}
if (process.argv.includes('--sizes')) {
	for (const a of packed)
		console.log([a.plain.length, (a.gzip ?? a.plain).length, (a.br ?? a.plain).length, a.path].join('\t'));
}
