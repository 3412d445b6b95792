// Test data: what is not a core type: HyperLogLogs, vector sets, function libraries.
import type { Argument, Command } from './commands.ts';
import { BINARY, YEAR_2099 } from './dataset-strings.ts';
import type { Random } from './random.ts';

export function* hyperLogLogs(random: Random): Generator<Command> {
  yield ['PFADD', 'hll:empty'];
  yield ['PFADD', 'hll:sparse', 'a', 'b', 'c'];
  // Above 3,000 bytes the sparse form gives way to the dense one.
  for (let i = 0; i < 20; i++) yield ['PFADD', 'hll:dense', ...Array.from({ length: 500 }, () => random.bytes(8))];
}

/** Vector sets of each quantisation, with attributes, holes, a projection. */
export function* vectors(random: Random): Generator<Command> {
  const vector = (dimensions: number): Buffer => {
    const floats = Float32Array.from({ length: dimensions }, () => random.fraction() * 2 - 1);
    return Buffer.from(floats.buffer);
  };
  const add = function* (key: string, count: number, dimensions: number, before: Argument[], after: Argument[]) {
    for (let i = 0; i < count; i++) {
      const command: Command = ['VADD', key, ...before, 'FP32', vector(dimensions), `element:${i}`, ...after];
      yield i % 4 === 0 ? ([...command, 'SETATTR', JSON.stringify({ i, name: random.text(9) })] as const) : command;
    }
  };
  yield* add('vectors:one', 1, 3, [], []);
  yield* add('vectors:int8', 60, 8, [], ['Q8']);
  yield* add('vectors:float', 60, 8, [], ['NOQUANT', 'M', 8]);
  yield* add('vectors:binary', 60, 64, [], ['BIN']);
  yield* add('vectors:reduced', 30, 16, ['REDUCE', 4], []);
  for (const name of BINARY) yield ['VADD', 'vectors:int8', 'FP32', vector(8), name, 'Q8'];
  for (let i = 0; i < 30; i += 3) yield ['VREM', 'vectors:float', `element:${i}`];
  yield ['PEXPIREAT', 'vectors:binary', YEAR_2099];
}

export function* functions(): Generator<Command> {
  const greet = `#!lua name=greetings
-- Grüße, 你好: code is bytes too
local function greet(keys, args)
  return 'hello ' .. (args[1] or 'world')
end
redis.register_function('greet', greet)
redis.register_function{function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end,
  flags={'no-writes'}, description='reads one key'}
`;
  const padding = '-- the same line again and again, which LZF likes\n'.repeat(40);
  yield ['FUNCTION', 'LOAD', greet];
  yield [
    'FUNCTION',
    'LOAD',
    `#!lua name=padded\n${padding}redis.register_function('answer', function() return 42 end)\n`,
  ];
}
