# Reads JSON Lines as strictly as JSON is defined, and says how many there are, or what is wrong with which.
import json
import sys

SAFE = 2**53 - 1


def refuse(name):
    raise ValueError('%s is no JSON' % name)


def whole(digits):
    if abs(int(digits)) > SAFE:
        raise ValueError('%s is no number that all parsers hold' % digits)
    return int(digits)


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError('a name comes twice')
    return dict(pairs)


def read(line):
    if not line.endswith(b'\n'):
        raise ValueError('it has no end')
    text = line.decode('utf-8', 'strict')
    value = json.loads(text, parse_constant=refuse, parse_int=whole, object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise ValueError('it is no object')
    # Half a surrogate pair can be escaped in JSON, but is no text.
    json.dumps(value, ensure_ascii=False).encode('utf-8', 'strict')


number = 0
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        read(line)
    except ValueError as error:
        sys.exit('line %d: %s' % (number, error))
print(number)
