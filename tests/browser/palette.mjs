// SPDX-License-Identifier: Apache-2.0
// A screenshot with at most 256 colours, a third of its size: pages have few, but for edges of letters and lines.
import { crc32, deflateSync, inflateSync } from 'node:zlib';

function chunks(png) {
	const found = { IDAT: [] };
	for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
		const name = png.toString('latin1', at + 4, at + 8), data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
		name === 'IDAT' ? found.IDAT.push(data) : found[name] = data;
	}
	return found;
}

function paeth(a, b, c) {
	const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
	return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* PNG, 9: undoes the filter of each line, in place. */
function lines(raw, stride, n, height) {
	for (let y = 0; y < height; y++) {
		const at = y * (stride + 1) + 1, kind = raw[at - 1];
		for (let x = 0; x < stride; x++) {
			const a = x >= n ? raw[at + x - n] : 0, b = y ? raw[at + x - stride - 1] : 0, c = x >= n && y ? raw[at + x - stride - 1 - n] : 0;
			raw[at + x] += [0, a, b, (a + b) >> 1, kind === 4 ? paeth(a, b, c) : 0][kind];
		}
	}
}

function nearest(colours, key) {
	let best = 0, least = Infinity;
	for (let i = 0; i < colours.length; i++) {
		const c = colours[i], r = (c >> 16) - (key >> 16), g = (c >> 8 & 255) - (key >> 8 & 255), b = (c & 255) - (key & 255);
		const far = r * r * 2 + g * g * 4 + b * b * 3;
		if (far < least)
			[best, least] = [i, far];
	}
	return best;
}

/* The colours used most, that differ enough from those taken before. */
function palette(counts) {
	const taken = [];
	for (const [least, all] of [[900, 160], [200, 230], [0, 256]])
		for (const [key] of [...counts].sort((a, b) => b[1] - a[1])) {
			if (taken.length >= all)
				break;
			const near = taken[nearest(taken, key)] ?? ~key;
			const r = (near >> 16) - (key >> 16), g = (near >> 8 & 255) - (key >> 8 & 255), b = (near & 255) - (key & 255);
			if (r * r * 2 + g * g * 4 + b * b * 3 > least)
				taken.push(key);
		}
	return taken;
}

function chunk(name, data) {
	const out = Buffer.alloc(12 + data.length);
	out.writeUInt32BE(data.length, 0);
	out.write(name, 4, 'latin1');
	data.copy(out, 8);
	out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
	return out;
}

export function indexed(png) {
	const { IHDR, IDAT } = chunks(png);
	const width = IHDR.readUInt32BE(0), height = IHDR.readUInt32BE(4), n = IHDR[9] === 6 ? 4 : 3;
	const raw = inflateSync(Buffer.concat(IDAT)), counts = new Map();
	lines(raw, width * n, n, height);
	const key = (x, y) => raw.readUIntBE(y * (width * n + 1) + 1 + x * n, 3);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++)
			counts.set(key(x, y), (counts.get(key(x, y)) ?? 0) + 1);
	const colours = palette(counts), known = new Map(), out = Buffer.alloc((width + 1) * height);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const k = key(x, y);
			if (!known.has(k))
				known.set(k, nearest(colours, k));
			out[y * (width + 1) + 1 + x] = known.get(k);
		}
	const head = Buffer.from(IHDR), table = Buffer.alloc(colours.length * 3);
	head[8] = 8;
	head[9] = 3;
	colours.forEach((c, i) => table.writeUIntBE(c, i * 3, 3));
	return Buffer.concat([png.subarray(0, 8), chunk('IHDR', head), chunk('PLTE', table), chunk('IDAT', deflateSync(out, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}
