#!/bin/bash
# Turns an Amazon Linux 2023 instance into a NAT: forwards what the VPC sends and puts its own address on it.
set -euo pipefail

echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-nat.conf
sysctl --system

# 512 MiB are too little for dnf.
dd if=/dev/zero of=/swapfile bs=1M count=1024
chmod 600 /swapfile
mkswap /swapfile
echo '/swapfile none swap defaults 0 0' >> /etc/fstab
swapon /swapfile

until dnf install -y nftables dnf-utils; do sleep 5; done

cat > /etc/sysconfig/nftables.conf <<'RULES'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${vpc_cidr} ip daddr != ${vpc_cidr} masquerade
  }
}
RULES
systemctl enable --now nftables

# Amazon Linux keeps to the release that it was made with, unless it is told otherwise. A restart takes half a minute.
# https://docs.aws.amazon.com/linux/al2023/ug/deterministic-upgrades-usage.html
cat > /etc/systemd/system/nat-update.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/usr/bin/dnf upgrade -y --releasever=latest
ExecStart=/bin/sh -c 'needs-restarting -r || systemctl reboot'
UNIT
cat > /etc/systemd/system/nat-update.timer <<'UNIT'
[Timer]
OnCalendar=Sun *-*-* 03:00:00 UTC
RandomizedDelaySec=3h
Persistent=true

[Install]
WantedBy=timers.target
UNIT
systemctl enable --now nat-update.timer
