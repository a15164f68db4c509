#!/bin/bash
# agent-container.sh HOST_PID BIND... -- COMMAND...
#
# Runs COMMAND as a container runtime on the host of process HOST_PID (a lab) would: as nobody, without a capability, in
# mount, pid, ipc, uts and cgroup namespaces of its own, with a root that holds the machine's programs, /proc, /dev/null
# and what BIND names (SOURCE:TARGET), all read-only but /tmp. The network is that of the caller. Ends with this script.
set -eu
if [ "${1:-}" != --inside ]; then
  host=$1
  shift
  exec setpriv --pdeathsig KILL nsenter -t "$host" -m unshare --mount --pid --ipc --uts --cgroup --fork --kill-child=SIGKILL bash "$0" --inside "$@"
fi
shift
root=/run/agent-container
mkdir -p "$root"
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# bind SOURCE TARGET: read-only. A file or a socket needs a file to be mounted on.
bind() {
  local target=$root$2
  if [ -d "$1" ]; then mkdir -p "$target"; else
    mkdir -p "$(dirname "$target")"
    : > "$target"
  fi
  mount --bind "$1" "$target"
  mount -o remount,bind,ro "$target"
}
bind /usr /usr
for folder in bin sbin lib lib64; do [ ! -L /$folder ] || ln -s "usr/$folder" "$root/$folder"; done
while [ "$1" != -- ]; do
  bind "${1%%:*}" "${1#*:}"
  shift
done
shift
mkdir "$root/proc" "$root/dev" "$root/old"
: > "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount -t proc proc "$root/proc"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mount -o remount,ro /
# A change of user clears what --kill-child has set, so it is set again.
exec setpriv --pdeathsig KILL --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
