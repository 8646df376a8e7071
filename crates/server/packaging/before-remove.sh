#!/bin/sh
# Stops the server when the package is removed, not when it is upgraded ("upgrade" for dpkg, 1 for rpm).
set -eu

case "${1:-}" in
    upgrade | 1) ;;
    *)
        if [ -d /run/systemd/system ]; then
            systemctl disable --now csms.service || true
        fi
        ;;
esac
