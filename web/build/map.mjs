// SPDX-License-Identifier: Apache-2.0
// Bakes the world to one path in whole numbers: land and borders (Natural Earth, 1:110m, by world-atlas).
import { readFileSync } from 'node:fs';
import { geoNaturalEarth1, geoPath } from 'd3-geo';
import { merge, mesh } from 'topojson-client';

export const WIDTH = 1000;

/* `middle`: longitude in the middle of the map. What is returned is all that a page needs to place a point. */
export function bake(file, middle) {
	const world = JSON.parse(readFileSync(file, 'utf8'));
	const { countries } = world.objects;
	/* Without Antarctica: nothing sends from there, and the room is needed. */
	const land = merge(world, countries.geometries.filter((g) => g.id !== '010'));
	const projection = geoNaturalEarth1().rotate([-middle, 0]).fitWidth(WIDTH, { type: 'Sphere' });
	const path = geoPath(projection).digits(0);
	const box = geoPath(projection).bounds(land);
	const [x, y] = projection.translate();
	const top = Math.floor(box[0][1]) - 4;
	return {
		width: WIDTH, height: Math.ceil(box[1][1]) + 4 - top, top, middle,
		scale: projection.scale(), x, y,
		land: path(land), borders: path(mesh(world, countries, (a, b) => a !== b)),
	};
}
