"""A VPC that the account has already: what the look-ups of data sources find."""

VPC = "vpc-0e1a2b3c4d5e6f708"
CIDRS = ["10.60.0.0/16", "100.64.0.0/20"]
# Two private and two public subnets. The second zone's letter is c: the stand-in's us-east-1b has no VPC links.
SUBNETS = {
    "subnet-0a1": ("10.60.1.0/24", "us-east-1a", "use1-az1"),
    "subnet-0a2": ("10.60.2.0/24", "us-east-1c", "use1-az2"),
    "subnet-0b1": ("10.60.11.0/24", "us-east-1a", "use1-az1"),
    "subnet-0b2": ("10.60.12.0/24", "us-east-1c", "use1-az2"),
}
# By subnet; the second private one has the VPC's main table.
TABLES = {"subnet-0a1": "rtb-private", "subnet-0b1": "rtb-public", "subnet-0b2": "rtb-public"}
MAIN = "rtb-main"
ROUTES = {
    "rtb-private": {"nat_gateway_id": "nat-0e1"},
    MAIN: {"transit_gateway_id": "tgw-0e1"},
    "rtb-public": {"gateway_id": "igw-0e1"},
}


def found(short, kind, configuration):
    """The attributes of what a data source looks up; none where it is no look-up in a VPC. `short` is its schema."""
    if kind == "aws_vpc":
        associations = [{"association_id": f"a-{cidr}", "cidr_block": cidr, "state": "associated"} for cidr in CIDRS]
        dns = {"enable_dns_support": True, "enable_dns_hostnames": True}
        return {"cidr_block_associations": associations, "main_route_table_id": MAIN, **dns}
    if kind == "aws_subnet":
        cidr, zone, zone_id = SUBNETS[configuration["id"]]
        return {"vpc_id": VPC, "cidr_block": cidr, "availability_zone": zone, "availability_zone_id": zone_id}
    if kind == "aws_route_tables":
        [subnet] = configuration["filter"][0]["values"]
        return {"ids": [TABLES[subnet]] if subnet in TABLES else []}
    if kind == "aws_route_table":
        inside = {"cidr_block": CIDRS[0], "gateway_id": "local"}
        outside = {"cidr_block": "0.0.0.0/0", **ROUTES[configuration["route_table_id"]]}
        _, (_, (_, attributes)) = short["a"]["routes"]
        return {"routes": [dict.fromkeys(attributes, "") | route for route in (inside, outside)]}
    return {}
