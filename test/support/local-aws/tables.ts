// Tables of the local AWS, and clients of them that die at a certain call.
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, type DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';

/** A new table as the stack makes it (lib/checkpoint/dynamodb/table.ts); its name. */
export async function newTable(client: DynamoDBClient): Promise<string> {
  const TableName = `test-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
        { AttributeName: 'listed', AttributeType: 'S' },
        { AttributeName: 'createdAt', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'jobs',
          KeySchema: [
            { AttributeName: 'listed', KeyType: 'HASH' },
            { AttributeName: 'createdAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
  const TimeToLiveSpecification = { AttributeName: 'expires', Enabled: true };
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  return TableName;
}

/** The death of a process, as its own code would never see it. */
export class Crash extends Error {}

/** Lets a client's calls fail for good from the n-th one on (1 is the first), which itself may have reached the table. */
export function crashAt(client: DynamoDBClient, n: number, reached: boolean): { readonly calls: number } {
  const count = { calls: 0 };
  client.middlewareStack.add(
    (next) => async (args) => {
      const call = ++count.calls;
      if (call === n && reached) await next(args);
      if (call >= n) throw new Crash(`at call ${n}`);
      return next(args);
    },
    { step: 'initialize', name: 'crash' },
  );
  return count;
}
