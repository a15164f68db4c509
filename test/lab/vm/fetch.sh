#!/bin/bash
# fetch.sh CACHE_FOLDER: gets Debian's cloud kernel into CACHE_FOLDER/kernel (vmlinuz, modules/), once. 26 MB to
# download; unpacked with dpkg -x, nothing is installed. No network is needed when it is there already.
set -eu
CACHE=$1
MODULES="drivers/virtio/virtio drivers/virtio/virtio_ring drivers/virtio/virtio_pci_modern_dev
  drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci fs/fuse/fuse fs/fuse/virtiofs fs/overlayfs/overlay
  drivers/block/virtio_blk"

fail() {
  echo "lab vm: $*" >&2
  exit 1
}

[ -f "$CACHE/kernel/vmlinuz" ] && exit 0
[ "$(uname -m)" = x86_64 ] || fail "the VM lab needs an x86_64 machine"
command -v apt-get > /dev/null && command -v dpkg > /dev/null || fail "no kernel in $CACHE/kernel, and no apt-get to get Debian's"
# One try that can hang (a proxy that swallows packets) must not outlast the tests.
apt_get() { timeout 120 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@" >&2; }

newest() { apt-cache depends linux-image-cloud-amd64 2> /dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1; }
package=$(newest)
if [ -z "$package" ]; then
  apt_get update || fail "no kernel in $CACHE/kernel, and apt-get update failed"
  package=$(newest)
fi
[ -n "$package" ] || fail "apt knows no linux-image-cloud-amd64: check /etc/apt/sources.list"

mkdir -p "$CACHE"
# mktemp(1) puts a name of its own in place of the X.
draft=$(mktemp -d "$CACHE/draft.XXXXXX")
trap 'rm -rf "$draft"' EXIT
# As root apt drops to its own user, which may not write here.
(cd "$draft" && apt_get -o APT::Sandbox::User=root download "$package") || fail "no kernel in $CACHE/kernel, and cannot download $package"
dpkg -x "$draft"/*.deb "$draft/unpacked"
mkdir -p "$draft/kernel/modules"
cp "$draft"/unpacked/boot/vmlinuz-* "$draft/kernel/vmlinuz"
for module in $MODULES; do cp "$draft"/unpacked/lib/modules/*/kernel/"$module".ko "$draft/kernel/modules/"; done
mv -T "$draft/kernel" "$CACHE/kernel" 2> /dev/null || [ -f "$CACHE/kernel/vmlinuz" ] # another process may have been first
