// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one row a noun, its commands in the file of its name. */
#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	static const struct cli_noun nouns[] = {
		{ "range", "networks and traffic of one's own making", cmd_range, CMD_RANGE_N },
	};
	return cli_main(SAKIMORI_VERSION, nouns, sizeof nouns / sizeof *nouns, argc, argv);
}
