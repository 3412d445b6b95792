// A VPC of the configuration, imported by what it is made of, and the endpoints that the stack may make in it.
import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface NetworkProps {
  /** The VPC's id. */
  readonly vpc: string;
  /** Where functions get their addresses. */
  readonly subnets: readonly { readonly id: string; readonly zone: string; readonly routeTable?: string | undefined }[];
  /** Ids of the functions' security groups. */
  readonly securityGroups: readonly string[];
  /**
   * `create` makes gateway endpoints for S3 and DynamoDB, which cost nothing, and an interface endpoint for Secrets
   * Manager, which costs something in each zone. @default 'none'
   */
  readonly endpoints?: 'none' | 'create' | 'existing';
}

/** Where functions run. Nothing is looked up: what stands in the configuration is what the template says. */
export class Network extends Construct {
  /** What a function is given. */
  readonly placement: {
    readonly vpc: ec2.IVpc;
    readonly vpcSubnets: ec2.SubnetSelection;
    readonly securityGroups: ec2.ISecurityGroup[];
  };

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const subnets = props.subnets.map(({ id: subnetId, zone }) =>
      ec2.Subnet.fromSubnetAttributes(this, subnetId, { subnetId, availabilityZone: zone }),
    );
    this.placement = {
      vpc: ec2.Vpc.fromVpcAttributes(this, 'Vpc', {
        vpcId: props.vpc,
        availabilityZones: props.subnets.map(({ zone }) => zone),
        privateSubnetIds: props.subnets.map(({ id: subnetId }) => subnetId),
      }),
      vpcSubnets: { subnets },
      securityGroups: props.securityGroups.map((group) =>
        ec2.SecurityGroup.fromSecurityGroupId(this, group, group, { mutable: false }),
      ),
    };
    if (props.endpoints === 'create') this.#makeEndpoints(props);
  }

  #makeEndpoints({ vpc, subnets, securityGroups }: NetworkProps): void {
    const { region } = Stack.of(this);
    const routeTableIds = [...new Set(subnets.flatMap(({ routeTable }) => routeTable ?? []))];
    for (const service of ['s3', 'dynamodb']) {
      new ec2.CfnVPCEndpoint(this, `${service}-endpoint`, {
        vpcId: vpc,
        vpcEndpointType: 'Gateway',
        serviceName: `com.amazonaws.${region}.${service}`,
        routeTableIds,
      });
    }
    const group = new ec2.CfnSecurityGroup(this, 'endpoint-group', {
      vpcId: vpc,
      groupDescription: 'keyferry: its functions reach Secrets Manager',
      securityGroupIngress: securityGroups.map((sourceSecurityGroupId) => ({
        ...{ ipProtocol: 'tcp', fromPort: 443, toPort: 443, sourceSecurityGroupId },
        description: 'HTTPS from functions',
      })),
    });
    new ec2.CfnVPCEndpoint(this, 'secretsmanager-endpoint', {
      vpcId: vpc,
      vpcEndpointType: 'Interface',
      serviceName: `com.amazonaws.${region}.secretsmanager`,
      privateDnsEnabled: true,
      subnetIds: subnets.map(({ id }) => id),
      securityGroupIds: [group.attrGroupId],
    });
  }
}
