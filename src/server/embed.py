"""Writes a JSON file as a C array of its bytes, without white space: `embed.py NAME FILE OUTPUT`. Fails on what is
no JSON, and on a reference to a schema that is not there."""
import json
import re
import sys

name, source, output = sys.argv[1:]
with open(source, encoding='utf-8') as file:
    document = json.load(file)
text = json.dumps(document, separators=(',', ':'), ensure_ascii=True)
for wanted in re.findall(r'#/components/schemas/(\w+)', text):
    if wanted not in document:
        sys.exit(f'{source}: there is no schema {wanted}')
rows = [text[i:i + 24] for i in range(0, len(text), 24)]
with open(output, 'w', encoding='ascii') as file:
    file.write(f'/* Made from {source.rsplit("/", 1)[-1]}. */\n#include "server/openapi.h"\n\n')
    file.write(f'const char {name}[] = {{\n')
    for row in rows:
        file.write('    ' + ', '.join(str(ord(c)) for c in row) + ',\n')
    file.write(f'    0}};\nconst size_t {name}_bytes = sizeof {name} - 1;\n')
