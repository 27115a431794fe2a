"""Subnets and their way out, what brings requests in, and who may call whom."""

from facts.base import Facts


# Public and private subnets that are parts of a network.
PARTS = {
    "10.0.0.0/16": (["10.0.1.0/24", "10.0.2.0/24"], ["10.0.10.0/24", "10.0.11.0/24"]),
    "10.20.16.0/21": (["10.20.16.32/27", "10.20.16.64/27"], ["10.20.17.64/27", "10.20.17.96/27"]),
}
# The ranges of the stand-in's VPC, and what such a one has of its own.
EXISTING_CIDRS = ["10.60.0.0/16", "100.64.0.0/20"]
PARTS_OF_A_NETWORK = [
    "aws_default_security_group",
    "aws_eip",
    "aws_instance",
    "aws_internet_gateway",
    "aws_nat_gateway",
    "aws_route",
    "aws_route_table",
    "aws_route_table_association",
    "aws_subnet",
    "aws_vpc",
]


class Network(Facts):
    def network(self):
        self.endpoints()
        self.existing_network() if self.var["vpc_id"] else self.own_network()

    def existing_network(self):
        """Nothing of the network is made; what stands in it stands in what was given."""
        state, var = self.state, self.var
        self.private, self.public = set(var["private_subnet_ids"]), set(var["public_subnet_ids"])
        self.same("made of a network", {kind: len(state.all(kind)) for kind in PARTS_OF_A_NETWORK if state.all(kind)}, {})
        of_vpc = ["aws_security_group", "aws_flow_log", "aws_vpc_endpoint", "aws_lb_target_group"]
        self.same("VPCs in use", {each["vpc_id"] for kind in of_vpc for each in state.all(kind)}, {var["vpc_id"]})
        self.same("fixed addresses that are told", state.outputs["egress_addresses"], [])
        group = state.one("aws_security_group", name=f"{self.name}-endpoints")["id"]
        rules = state.all("aws_vpc_security_group_ingress_rule", security_group_id=group)
        self.same("who may call the endpoints", {rule["cidr_ipv4"] for rule in rules}, set(EXISTING_CIDRS))

    def own_network(self):
        state, var = self.state, self.var
        vpc = state.one("aws_vpc")
        self.same(
            "VPC",
            (vpc["cidr_block"], vpc["enable_dns_support"], vpc["enable_dns_hostnames"]),
            (var["vpc_cidr"], True, True),
        )
        subnets = {s["cidr_block"]: s for s in state.all("aws_subnet")}
        public, private = PARTS[var["vpc_cidr"]]
        self.same("subnets", sorted(subnets), sorted(public + private))
        for group in (public, private):
            zones = {subnets[c]["availability_zone"] for c in group}
            # The stand-in's us-east-1b is use1-az3, which has no VPC links.
            able = "ac" if var["region"] == "us-east-1" else "ab"
            self.same(f"zones of {group}", zones, {var["region"] + letter for letter in able})
        self.true(
            "no subnet gives public addresses by itself",
            not any(s["map_public_ip_on_launch"] for s in subnets.values()),
        )
        self.public = {subnets[c]["id"] for c in public}
        self.private = {subnets[c]["id"] for c in private}

        tables = {a["subnet_id"]: a["route_table_id"] for a in state.all("aws_route_table_association")}
        ways = {(r["route_table_id"], r["destination_cidr_block"]): r for r in state.all("aws_route")}
        gateway = state.one("aws_internet_gateway")["id"]
        for subnet in self.public:
            self.same("a public subnet's way out", ways[tables[subnet], "0.0.0.0/0"]["gateway_id"], gateway)
        way_out = [ways.get((tables[subnet], "0.0.0.0/0")) for subnet in self.private]
        nats = {n["id"]: n for n in state.all("aws_nat_gateway")}
        if var["egress"] == "nat_gateway":
            self.same("NAT gateways", len(nats), 2 if var.get("nat_gateway_per_zone") else 1)
            self.same("NAT gateways in use", {w["nat_gateway_id"] for w in way_out}, set(nats))
            self.true("NAT gateways are in public subnets", {n["subnet_id"] for n in nats.values()} <= self.public)
            self.true(
                "NAT gateways have addresses",
                {n["allocation_id"] for n in nats.values()} <= {e["id"] for e in state.all("aws_eip")},
            )
        else:
            self.same("NAT gateways", len(nats), 0)
        addresses = [each["public_ip"] for each in state.all("aws_eip")]
        self.same("fixed addresses", len(addresses), {"nat_instance": 1, "public": 0}.get(var["egress"], len(nats)))
        self.same("fixed addresses that are told", state.outputs["egress_addresses"], addresses)
        if var["egress"] == "nat_instance":
            nat = state.one("aws_instance")
            self.true("the NAT instance is in a public subnet", nat["subnet_id"] in self.public)
            address = state.one("aws_eip_association")
            self.same("its address", address["allocation_id"], state.one("aws_eip")["id"])
            self.same("what has it", address["network_interface_id"], nat["primary_network_interface_id"])
            self.true("it updates itself", "dnf upgrade -y --releasever=latest" in nat["user_data"])
            self.same("its source check", nat["source_dest_check"], False)
            self.same("its metadata tokens", nat["metadata_options"][0]["http_tokens"], "required")
            self.true("its disk is encrypted", nat["root_block_device"][0]["encrypted"])
            self.same(
                "ways through it", {w["network_interface_id"] for w in way_out}, {nat["primary_network_interface_id"]}
            )
        else:
            self.same("instances", len(state.all("aws_instance")), 0)
        if var["egress"] == "public":
            self.same("ways out of the private subnets", way_out, [None, None])

        for endpoint in state.all("aws_vpc_endpoint", vpc_endpoint_type="Gateway"):
            self.same("route tables of a gateway endpoint", set(endpoint["route_table_ids"]), set(tables.values()))

    def endpoints(self):
        state, var = self.state, self.var
        services = lambda kind: {
            each["service_name"].split(".", 3)[3] for each in state.all("aws_vpc_endpoint", vpc_endpoint_type=kind)
        }
        self.same("gateway endpoints", services("Gateway"), set() if var["vpc_id"] else {"dynamodb", "s3"})
        self.same("interface endpoints", services("Interface"), set(var["interface_endpoints"]))
        self.same("flow logs", len(state.all("aws_flow_log")), int(var.get("flow_logs", False)))

    def front(self):
        state = self.state
        for kind in ("aws_lb", "aws_lb_target_group", "aws_lb_listener"):
            self.same(kind, len(state.all(kind)), int(self.alb))
        self.same("Cloud Map services", len(state.all("aws_service_discovery_service")), int(not self.alb))
        if not self.alb:
            records = state.one("aws_service_discovery_service")["dns_config"][0]["dns_records"]
            self.same("records", [r["type"] for r in records], ["SRV"])
            return
        balancer, group, listener = state.one("aws_lb"), state.one("aws_lb_target_group"), state.one("aws_lb_listener")
        self.same("load balancer", (balancer["internal"], balancer["load_balancer_type"]), (True, "application"))
        self.same("its subnets", set(balancer["subnets"]), self.private)
        self.same("its protection", balancer["enable_deletion_protection"], self.var.get("deletion_protection", False))
        self.same("target group", (group["port"], group["protocol"], group["target_type"]), (8080, "HTTP", "ip"))
        check = group["health_check"][0]
        self.same("target health check", (check["path"], check["matcher"]), ("/health", "200"))
        self.same("deregistration delay", int(group["deregistration_delay"]), 120 if self.streaming else 30)
        self.same("listener", (listener["port"], listener["protocol"]), (80, "HTTP"))
        self.same("stage-stripping rules", len(state.all("aws_lb_listener_rule")), int(self.streaming))

    def security_groups(self):
        state = self.state
        groups = {g["name"]: g["id"] for g in state.all("aws_security_group")}
        self.same("the tasks' group", self.router_group, groups[f"{self.name}-router"])
        caller = groups[f"{self.name}-alb" if self.alb else f"{self.name}-vpc-link"]
        rules = lambda kind, group: sorted(
            (r["from_port"], r["to_port"], r["ip_protocol"], r["referenced_security_group_id"] or r["cidr_ipv4"])
            for r in state.all(kind, security_group_id=group)
        )
        ingress, egress = "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"
        self.same("who may call the tasks", rules(ingress, self.router_group), [(8080, 8080, "tcp", caller)])
        self.same(
            "whom the tasks may call",
            rules(egress, self.router_group),
            [(p, p, "tcp", "0.0.0.0/0") for p in self.var["egress_ports"]],
        )
        link = groups[f"{self.name}-vpc-link"]
        if self.alb:
            callers = [(80, 80, "tcp", link if self.var["vpc_id"] else "0.0.0.0/0")]
            self.same("who may call the load balancer", rules(ingress, caller), callers)
            self.same("whom it may call", rules(egress, caller), [(8080, 8080, "tcp", self.router_group)])
        self.same(
            "whom the VPC link may call",
            rules(egress, link),
            [(80, 80, "tcp", caller)] if self.alb else [(8080, 8080, "tcp", self.router_group)],
        )
        self.same("who may call the VPC link", rules(ingress, link), [])
        for closed in state.all("aws_default_security_group"):
            self.same("the default group", (list(closed["ingress"]), list(closed["egress"])), ([], []))
        self.same("default groups that are taken over", len(state.all("aws_default_security_group")), 0 if self.var["vpc_id"] else 1)
