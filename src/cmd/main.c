// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one row a noun, its commands in the file of its name. */
#include "cmd/range.h"
#include "cmd/telescope.h"

int main(int argc, char **argv)
{
	const struct cli_noun nouns[] = { telescope_noun, range_noun };
	return cli_main(SAKIMORI_VERSION, nouns, sizeof nouns / sizeof *nouns, argc, argv);
}
