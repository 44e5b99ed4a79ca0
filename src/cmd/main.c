// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one row a noun, its commands in the file of its name. */
#include "base/cli.h"

int main(int argc, char **argv)
{
	static const struct cli_noun *const nouns = NULL;
	return cli_main(SAKIMORI_VERSION, nouns, 0, argc, argv);
}
