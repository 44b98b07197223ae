#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the prelude's Ruby files into one C table: embed.py OUT FILE..."""
import os
import sys

with open(sys.argv[1], 'w', encoding='utf-8') as out:
    out.write('/* made by embed.py */\n#include "dialplan/zygote/prelude.h"\n\n')
    for i, path in enumerate(sys.argv[2:]):
        with open(path, 'rb') as f:
            data = f.read()
        out.write('static const char file_%d[] = {' % i)
        for n, byte in enumerate(data):
            out.write(('\n\t' if n % 16 == 0 else ' ') + '%d,' % (byte if byte < 128 else byte - 256))
        out.write('\n};\n\n')
    out.write('const struct prelude_file prelude_files[] = {\n')
    for i, path in enumerate(sys.argv[2:]):
        out.write('\t{ "%s", file_%d, sizeof(file_%d) },\n' % (os.path.basename(path), i, i))
    out.write('\t{ 0 },\n};\n')
