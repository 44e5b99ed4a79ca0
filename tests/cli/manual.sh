#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every noun has a manual page, and the pages list the commands and options that the program has.
exec "${TOP:-.}/tools/update-man" --check
