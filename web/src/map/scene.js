// SPDX-License-Identifier: Apache-2.0
/*
 * The picture of the map: land drawn once, then in each frame one stroke and one fill a class, however many packets fly.
 * It has a clock of its own (ms), which can stand still or run slower than the wall's.
 */
import { CLASSES, COLOURS } from '../lib/classes.js';
import { project } from './project.js';

const FLIGHT = 1600, TAIL = .16, MOST = 6000, DOT = 5000;
export const FLOOR = 34; /* room below the world for the darknet's own mark, in its units */

export class Scene {
	constructor(canvas, world) {
		this.canvas = canvas;
		this.ctx = canvas.getContext('2d', { alpha: false });
		this.world = world;
		this.flights = CLASSES.map(() => []);
		this.hidden = new Set();
		this.heads = new Float64Array(MOST);
		this.at = new Float64Array(2);
		this.clock = 0;
		this.speed = 1;
		this.calm = false;
		this.targets = [];
		this.pulse = 0;
		this.colours = COLOURS.dark;
	}

	/* palette: {sea, land, border, ink, accent}; CSS pixels */
	size(width, height, dpr, isDark, palette) {
		const { canvas, world } = this;
		canvas.width = Math.round(width * dpr);
		canvas.height = Math.round(height * dpr);
		this.k = Math.min(canvas.width / world.width, canvas.height / (world.height + FLOOR));
		this.dx = (canvas.width - world.width * this.k) / 2;
		this.dy = (canvas.height - (world.height + FLOOR) * this.k) / 2;
		this.dpr = dpr;
		/* A line of one device pixel is drawn many times faster without a graphics card. */
		this.thin = dpr > 1 ? 1.1 : .98;
		this.colours = COLOURS[isDark ? 'dark' : 'light'];
		this.palette = palette;
		this.drawBase();
	}

	drawBase() {
		const { canvas, world, palette, k } = this;
		this.base = new OffscreenCanvas(Math.max(1, canvas.width), Math.max(1, canvas.height));
		const c = this.base.getContext('2d');
		c.fillStyle = palette.sea;
		c.fillRect(0, 0, canvas.width, canvas.height);
		c.setTransform(k, 0, 0, k, this.dx, this.dy - world.top * k);
		c.fillStyle = palette.land;
		c.fill(new Path2D(world.land));
		c.strokeStyle = palette.border;
		c.lineWidth = this.dpr * .6 / k;
		c.stroke(new Path2D(world.borders));
	}

	/* Where the packets fly to: [{name, lon, lat}]; without a place: at the foot of the map. */
	setTargets(list) {
		const placeless = list.filter((s) => !Number.isFinite(s.lon));
		this.targets = list.map((s) => {
			if (Number.isFinite(s.lon)) {
				project(this.world, s.lon, s.lat, this.at);
				return { name: s.name, x: this.at[0], y: this.at[1] };
			}
			const i = placeless.indexOf(s), step = this.world.width / (placeless.length + 1);
			return { name: s.name, x: step * (i + 1), y: this.world.height + FLOOR * .45, foot: true };
		});
	}

	count() {
		return this.flights.reduce((n, f) => n + f.length, 0);
	}

	/* A packet of class cls leaves at `start` (this clock) for target i. */
	add(lon, lat, cls, i, start) {
		const list = this.flights[cls];
		if (list.length >= MOST / 3 || !this.targets.length)
			return;
		project(this.world, lon, lat, this.at);
		const [x0, y0] = this.at, to = this.targets[i] ?? this.targets[0];
		const far = Math.hypot(to.x - x0, to.y - y0);
		/* The bow bends upwards, the more the farther; a little different each time, or one source would be one line. */
		list.push({ x0, y0, cx: (x0 + to.x) / 2, cy: Math.min(y0, to.y) - far * (.16 + Math.random() * .12), x1: to.x, y1: to.y, start, took: FLIGHT * (.7 + far / 1200) });
	}

	clear() {
		this.flights.forEach((f) => f.length = 0);
	}

	/* One frame; `passed` milliseconds of the wall since the last. Returns how many are to be seen. */
	frame(passed) {
		this.clock += passed * this.speed;
		const { ctx } = this;
		if (!this.base)
			return 0;
		ctx.setTransform(1, 0, 0, 1, 0, 0);
		ctx.drawImage(this.base, 0, 0);
		ctx.setTransform(this.k, 0, 0, this.k, this.dx, this.dy);
		const unit = this.dpr / this.k;
		this.drawTargets(unit, passed);
		let seen = 0;
		for (let cls = 0; cls < this.flights.length; cls++)
			seen += this.calm ? this.drawDots(cls, unit) : this.drawFlights(cls, unit);
		return seen;
	}

	/* Keeps what still flies; order doesn't matter. */
	drawFlights(cls, unit) {
		const { ctx, clock } = this, list = this.flights[cls], show = !this.hidden.has(cls);
		const heads = this.heads, d = 2.4 * unit;
		let kept = 0, seen = 0, n = 0;
		ctx.beginPath();
		for (let i = 0; i < list.length; i++) {
			const a = list[i], t = (clock - a.start) / a.took;
			if (t >= 1 + TAIL)
				continue;
			list[kept++] = a;
			if (t < 0 || !show)
				continue;
			seen++;
			trace(ctx, a, Math.max(0, t - TAIL), Math.min(1, t));
			if (t < 1) {
				const u = 1 - t;
				heads[n++] = u * u * a.x0 + 2 * u * t * a.cx + t * t * a.x1 - d / 2;
				heads[n++] = u * u * a.y0 + 2 * u * t * a.cy + t * t * a.y1 - d / 2;
			}
		}
		list.length = kept;
		if (!seen)
			return 0;
		ctx.strokeStyle = ctx.fillStyle = this.colours[cls];
		ctx.globalAlpha = .62;
		ctx.lineWidth = this.thin * unit;
		ctx.stroke();
		ctx.globalAlpha = 1;
		for (let i = 0; i < n; i += 2)
			ctx.fillRect(heads[i], heads[i + 1], d, d);
		return seen;
	}

	/* Without flight: a dot where each came from, which fades in three steps. */
	drawDots(cls, unit) {
		const { ctx, clock } = this, list = this.flights[cls], r = 2.5 * unit;
		const ages = [new Path2D(), new Path2D(), new Path2D()];
		let kept = 0, seen = 0;
		for (const a of list) {
			const age = (clock - a.start) / DOT;
			if (age >= 1)
				continue;
			list[kept++] = a;
			if (age < 0 || this.hidden.has(cls))
				continue;
			seen++;
			ages[Math.floor(age * 3)].rect(a.x0 - r / 2, a.y0 - r / 2, r, r);
		}
		list.length = kept;
		ctx.fillStyle = this.colours[cls];
		ages.forEach((p, i) => {
			ctx.globalAlpha = 1 - i * .32;
			ctx.fill(p);
		});
		ctx.globalAlpha = 1;
		return seen;
	}

	drawTargets(unit, passed) {
		const { ctx, palette } = this;
		this.pulse = (this.pulse + passed * this.speed / 2400) % 1;
		ctx.lineWidth = 1.2 * unit;
		ctx.font = `600 ${11 * unit}px system-ui, sans-serif`;
		for (const to of this.targets) {
			ctx.strokeStyle = ctx.fillStyle = palette.accent;
			gate(ctx, to.x, to.y, 7 * unit);
			if (!this.calm && this.speed) {
				ctx.globalAlpha = .5 * (1 - this.pulse);
				ctx.beginPath();
				ctx.arc(to.x, to.y, (6 + 14 * this.pulse) * unit, 0, 2 * Math.PI);
				ctx.stroke();
				ctx.globalAlpha = 1;
			}
			ctx.fillStyle = palette.ink;
			ctx.textAlign = to.foot ? 'left' : 'center';
			ctx.fillText(to.name, to.x + (to.foot ? 12 * unit : 0), to.y + (to.foot ? 4 : 19) * unit);
		}
	}
}

/* The piece of a bow between u and v (de Casteljau's subdivision). */
function trace(ctx, a, u, v) {
	const p = 1 - u, q = 1 - v, m = p * v + u * q;
	ctx.moveTo(p * p * a.x0 + 2 * p * u * a.cx + u * u * a.x1, p * p * a.y0 + 2 * p * u * a.cy + u * u * a.y1);
	ctx.quadraticCurveTo(p * q * a.x0 + m * a.cx + u * v * a.x1, p * q * a.y0 + m * a.cy + u * v * a.y1,
		q * q * a.x0 + 2 * q * v * a.cx + v * v * a.x1, q * q * a.y0 + 2 * q * v * a.cy + v * v * a.y1);
}

function gate(ctx, x, y, r) {
	ctx.beginPath();
	ctx.moveTo(x - r, y - r * .8);
	ctx.quadraticCurveTo(x, y - r * .45, x + r, y - r * .8);
	ctx.moveTo(x - r * .75, y - r * .15);
	ctx.lineTo(x + r * .75, y - r * .15);
	ctx.moveTo(x - r * .55, y - r * .6);
	ctx.lineTo(x - r * .65, y + r);
	ctx.moveTo(x + r * .55, y - r * .6);
	ctx.lineTo(x + r * .65, y + r);
	ctx.stroke();
}
