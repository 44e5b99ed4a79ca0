// SPDX-License-Identifier: Apache-2.0
// Files of the console as C (src/console/assets.h): as they are, gzip and brotli where that is smaller.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TYPES = {
	html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8',
	json: 'application/json', svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8',
	webmanifest: 'application/manifest+json',
};

export function pack(path, plain, immutable) {
	const gzip = gzipSync(plain, { level: 9 });
	gzip[9] = 255; /* the system it was made on is nobody's business, and differs */
	const br = brotliCompressSync(plain, { params: {
		[constants.BROTLI_PARAM_QUALITY]: 11,
		[constants.BROTLI_PARAM_LGWIN]: 22,
		[constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
	} });
	return {
		path, immutable, type: TYPES[path.split('.').pop()], plain,
		gzip: gzip.length < plain.length ? gzip : null, br: br.length < plain.length ? br : null,
	};
}

/* Octal escapes always have three digits: what follows can't join them. */
const ESCAPED = Array.from({ length: 256 }, (_, b) => {
	const c = String.fromCharCode(b);
	return b >= 32 && b < 127 && !'"\\?'.includes(c) ? c : '\\' + b.toString(8).padStart(3, '0');
});

function literal(octets) {
	const lines = [];
	for (let at = 0; at < octets.length; at += 64) {
		let line = '';
		for (const b of octets.subarray(at, at + 64))
			line += ESCAPED[b];
		lines.push('\t"' + line + '"');
	}
	return lines.length ? lines.join('\n') : '\t""';
}

export function toC(packed) {
	const out = ['// SPDX-License-Identifier: Apache-2.0', '/* Made by web/build.mjs. */', '#include "console/assets.h"', ''];
	const rows = [];
	packed.forEach((a, i) => {
		const cell = (what) => {
			if (!a[what])
				return ['NULL', 0];
			out.push(`static const uint8_t ${what}_${i}[] =`, literal(a[what]) + ';');
			return [`${what}_${i}`, a[what].length];
		};
		const [plain, gzip, br] = ['plain', 'gzip', 'br'].map(cell);
		rows.push(`\t{ "${a.path}", "${a.type}", ${plain[0]}, ${gzip[0]}, ${br[0]}, ` +
			`${plain[1]}, ${gzip[1]}, ${br[1]}, ${a.immutable} },`);
	});
	out.push('', 'const struct asset assets[] = {', ...rows, '};', `const size_t assets_n = ${packed.length};`, '');
	return out.join('\n');
}
