// Where files come in and results stay, and where jobs remember how far they got: one bucket, one table.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { accept, allow } from './permissions.ts';

export interface StoreProps {
  /** What is left when the stack is deleted: both, or nothing. @default 'retain' */
  readonly removal?: 'retain' | 'destroy';
  /** `s3` for keys that AWS keeps, or the ARN of a KMS key. @default 's3' */
  readonly encryption?: string;
  /** Days that results are kept. @default 'forever' */
  readonly resultDays?: number | 'forever';
  /** Days that plans and unpacked input are kept. @default 7 */
  readonly workDays?: number;
}

/** What a function may do in a folder. */
export type FolderUse = 'read' | 'write' | 'abort' | 'remove' | 'tag';

const ACTIONS: Record<FolderUse, readonly string[]> = {
  read: ['s3:GetObject', 's3:GetObjectVersion'],
  write: ['s3:PutObject', 's3:AbortMultipartUpload'],
  abort: ['s3:AbortMultipartUpload'],
  remove: ['s3:DeleteObject'],
  tag: ['s3:GetObjectTagging', 's3:GetObjectVersionTagging', 's3:PutObjectTagging', 's3:PutObjectVersionTagging'],
};

/** Old versions are of no use to a job: each has pinned its own. */
const OLD_VERSION_DAYS = 30;
/** An upload that nobody ends costs as much as its parts. */
const UPLOAD_DAYS = 7;

/**
 * The bucket and the table of keyferry.
 *
 * @example new Store(this, 'Store', { workDays: 14 });
 */
export class Store extends Construct {
  readonly bucket: s3.Bucket;
  readonly table: dynamodb.TableV2;
  readonly #key: kms.IKey | undefined;

  constructor(scope: Construct, id: string, props: StoreProps = {}) {
    super(scope, id);
    const { removal = 'retain', encryption = 's3', resultDays = 'forever', workDays = 7 } = props;
    const removalPolicy = removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    this.#key = encryption === 's3' ? undefined : kms.Key.fromKeyArn(this, 'Key', encryption);
    this.bucket = new s3.Bucket(this, 'Bucket', {
      removalPolicy,
      versioned: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      ...(this.#key === undefined
        ? { encryption: s3.BucketEncryption.S3_MANAGED }
        : { encryption: s3.BucketEncryption.KMS, encryptionKey: this.#key, bucketKeyEnabled: true }),
      lifecycleRules: [
        { id: 'work', prefix: 'work/', expiration: Duration.days(workDays) },
        ...(resultDays === 'forever'
          ? []
          : [{ id: 'results', prefix: 'results/', expiration: Duration.days(resultDays) }]),
        {
          id: 'leftovers',
          noncurrentVersionExpiration: Duration.days(OLD_VERSION_DAYS),
          abortIncompleteMultipartUploadAfter: Duration.days(UPLOAD_DAYS),
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    // `eventBridgeEnabled` would bring a custom resource, its function and its role; the property alone does the same.
    const template = this.bucket.node.defaultChild as s3.CfnBucket;
    template.addPropertyOverride('NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled', true);
    accept(this.bucket, 'accessLogs', 'AwsSolutions-S1');
    this.table = new dynamodb.TableV2(this, 'Table', {
      removalPolicy,
      // The layout is that of lib/checkpoint/dynamodb/table.ts.
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expires',
      globalSecondaryIndexes: [
        {
          indexName: 'jobs',
          partitionKey: { name: 'listed', type: dynamodb.AttributeType.STRING },
          sortKey: { name: 'createdAt', type: dynamodb.AttributeType.NUMBER },
        },
      ],
      billing: dynamodb.Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: removal === 'retain',
      ...(this.#key === undefined ? {} : { encryption: dynamodb.TableEncryptionV2.customerManagedKey(this.#key) }),
    });
  }

  /**
   * Lets a role use a folder of the bucket.
   *
   * @param folder without a slash at its end: `work/restore/cache`
   */
  grantFolder(role: iam.IRole, folder: string, ...uses: readonly FolderUse[]): void {
    for (const use of uses) allow(role, ACTIONS[use], [this.bucket.arnForObjects(`${folder}/*`)], 'folder');
    // Without it S3 says "forbidden" of an object that is not there.
    if (uses.includes('read')) allow(role, ['s3:ListBucket'], [this.bucket.bucketArn]);
    this.grantKey(role);
  }

  /** Lets a role read and write records, by itself or in transactions. */
  grantTable(role: iam.IRole): void {
    const actions = ['GetItem', 'Query', 'UpdateItem', 'ConditionCheckItem'].map((name) => `dynamodb:${name}`);
    allow(role, actions, [this.table.tableArn]);
    this.grantKey(role);
  }

  /** Lets a role use the KMS key, where there is one. */
  grantKey(role: iam.IRole): void {
    if (this.#key === undefined) return;
    allow(role, ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'], [this.#key.keyArn]);
  }
}
