#!/bin/bash
# mkinitrd.sh KERNEL_FOLDER OUT: packs busybox, the modules and init into a 1.4 MB initial ramdisk.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT
mkdir -p "$draft"/{bin,modules,proc,sys,dev,lower,upper,root}
cp /bin/busybox "$draft/bin/busybox"
cp "$1"/modules/*.ko "$draft/modules/"
cp "$HERE/init" "$draft/init"
chmod +x "$draft/init"
(cd "$draft" && find . | cpio -o -H newc --quiet) | gzip -1 > "$2"
