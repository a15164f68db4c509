#!/bin/bash
# First process of the lab's namespaces, started by lab.sh: builds a root that shares no writable byte with the
# machine, then becomes systemd. Every mount here lives in the private mount namespace and ends with it.
#
#   lab-init.sh EMPTY_FOLDER
#
# LAB_BIND  folders (one per line) shown read-only at their own path: the overlay keeps serving the old version of a
#           file that is replaced below it, so what is being built must be bound
# LAB_BUS   daemon (default) or broker
set -eu
M=$1
R=$M/root
HERE=$(cd "$(dirname "$0")" && pwd)

mount --make-rprivate /
# overlayfs refuses an upper folder inside its own lower tree (ELOOP): the upper one is on a tmpfs.
mount -t tmpfs -o mode=755,size=4g lab "$M"
mkdir "$M/upper" "$M/work" "$R"
mount -t overlay overlay -o "lowerdir=/,upperdir=$M/upper,workdir=$M/work" "$R"
for d in run var/log; do mount -t tmpfs -o mode=755 tmpfs "$R/$d"; done
for d in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$R/$d"; done

# sysctls belong to the machine, except those of the private network namespace.
mount -t proc proc "$R/proc"
mount --bind "$R/proc/sys/net" "$R/proc/sys/net"
mount --rbind "$R/proc/sys" "$R/proc/sys"
mount -o remount,bind,ro "$R/proc/sys"
mount -t sysfs -o ro sysfs "$R/sys"
mount -t cgroup2 cgroup2 "$R/sys/fs/cgroup"

mount -t tmpfs -o mode=755 tmpfs "$R/dev"
for d in null zero full random urandom tty; do
  : > "$R/dev/$d"
  mount --bind "/dev/$d" "$R/dev/$d"
done
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t tmpfs tmpfs "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
ln -s /proc/self/fd "$R/dev/fd"
for i in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${i%:*}" "$R/dev/${i#*:}"; done

while IFS= read -r d; do
  [ -n "$d" ] || continue
  mkdir -p "$R$d"
  mount --bind "$d" "$R$d"
  mount -o remount,bind,ro "$R$d"
done <<< "${LAB_BIND:-}"

# What the machine enables must not start here.
U=$R/etc/systemd/system
mount -t tmpfs -o mode=755 tmpfs "$U"
. "$HERE/masks.sh"
: > "$R/etc/fstab"
mkdir -p "$R/run/lock" "$R/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nRateLimitIntervalSec=0\n' > "$R/etc/systemd/journald.conf.d/lab.conf"
if [ "${LAB_BUS:-daemon}" = broker ]; then ln -s /lib/systemd/system/dbus-broker.service "$U/dbus.service"; fi

cd "$R"
mkdir -p .old
pivot_root . .old
umount -l /.old

# container= keeps systemd from setting the machine's sysctls and clock. The clock has no namespace: CAP_SYS_TIME and
# CAP_WAKE_ALARM go; CAP_SYSLOG goes because the kernel log is shared too.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=lab LANG=C.UTF-8 \
  SYSTEMD_GENERATOR_PATH=/nonexistent \
  setpriv --bounding-set=-sys_time,-syslog,-wake_alarm \
  /lib/systemd/systemd --system --unit=lab.target --log-target=journal-or-kmsg --show-status=no
