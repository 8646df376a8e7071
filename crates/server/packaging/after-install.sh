#!/bin/sh
# Makes the user, its directory and, on a machine without data, the root key. Nothing is started: the settings come first.
set -eu

if ! getent passwd csms > /dev/null; then
    useradd --system --home-dir /var/lib/csms --no-create-home --shell /usr/sbin/nologin csms
fi
if [ ! -d /var/lib/csms ]; then
    mkdir -p /var/lib/csms
    chown csms:csms /var/lib/csms
    chmod 700 /var/lib/csms
fi
# Data without its key is not given another one.
if [ ! -e /etc/csms/root.key ] && [ ! -e /var/lib/csms/csms.db ]; then
    (umask 077; od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' > /etc/csms/root.key)
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
