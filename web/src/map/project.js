// SPDX-License-Identifier: Apache-2.0
// Longitude and latitude to the baked map (Natural Earth projection, T. Patterson; coefficients as in d3-geo).
const RAD = Math.PI / 180;

/* world: of web/build/map.mjs. out[0], out[1]: in its units, width x height. */
export function project(world, lon, lat, out) {
	let l = lon - world.middle;
	l = (((l + 180) % 360 + 360) % 360 - 180) * RAD;
	const p = lat * RAD, p2 = p * p, p4 = p2 * p2;
	const x = l * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4)));
	const y = p * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)));
	out[0] = world.x + x * world.scale;
	out[1] = world.y - y * world.scale - world.top;
	return out;
}
