#!/bin/bash
# A virtual machine (qemu without KVM, Debian's cloud kernel) with cgroup v2 and all its controllers: for real memory,
# io, pids and OOM numbers, which the namespace lab cannot give where v1 owns the controllers. See docs/lab.md.
#
#   vm.sh check CACHE            exit 0 when this machine can run the VM, else 1 and the reason on standard error; gets
#                                the kernel into CACHE when it is not there yet
#   vm.sh run CACHE IO_FOLDER    runs IO_FOLDER/cmd.sh as root inside (where the folder is /io); leaves IO_FOLDER/out
#                                (what it printed) and IO_FOLDER/rc; exit code: that of cmd.sh, 125 without a result
#
# VM_MEM_MIB (1024), VM_TIMEOUT_S (120), VM_DISK (image file shown as /dev/vda), LAB_BIND (folders that may lie on other
# file systems than /, or where the VM has its own, one per line). The machine's root is shown read-only; the only writable share is IO_FOLDER.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "lab vm: $*" >&2
  exit 1
}

# Its place is Debian's own choice of release.
virtiofsd() { ls /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd 2> /dev/null | head -1; }

check() {
  [ "$(id -u)" = 0 ] || fail "needs root: it shares the root file system"
  [ "$(uname -m)" = x86_64 ] || fail "needs an x86_64 machine"
  local tool
  for tool in qemu-system-x86_64 cpio setpriv busybox mkfs.ext4 cc; do
    command -v $tool > /dev/null || fail "$tool is missing: apt-get install qemu-system-x86 cpio util-linux busybox-static e2fsprogs build-essential"
  done
  [ -n "$(virtiofsd)" ] || fail "virtiofsd is missing: apt-get install qemu-system-common (Debian 12) or virtiofsd"
  ! ldd /bin/busybox > /dev/null 2>&1 || fail "busybox must be static: apt-get install busybox-static"
  "$HERE/fetch.sh" "$1"
}

# tsc_khz FOLDER: the guest is told the frequency of its time stamp counter. On a busy host its own measurement goes wrong: by hand, of
# eight boots beside 16 busy loops two found 258 and 872 MHz where there are 2445, so that their clocks ran up to nine times too
# fast, each timeout ended early, and PID 1 was too late for all of them.
tsc_khz() {
  cc -O2 -o "$1/.tsc-khz" "$HERE/tsc-khz.c"
  "$1/.tsc-khz"
}

# share NAME FOLDER ro|rw: serves a folder on IO_FOLDER/.NAME until the VM or we end. A bind mount in a private mount
# namespace makes "ro" a promise of the kernel.
pids=()
share() {
  setpriv --pdeathsig KILL unshare -m bash -c '
    set -eu
    source=$2
    if [ "$3" = ro ]; then
      mount --make-rprivate /
      mount -t tmpfs tmpfs /mnt
      mkdir /mnt/source
      mount --bind "$2" /mnt/source
      mount -o remount,bind,ro /mnt/source
      source=/mnt/source
    fi
    exec "$4" --socket-path="$1" -o source="$source" -o sandbox=chroot -o cache=$([ "$3" = ro ] && echo always || echo none)
  ' - "$io/.$1" "$2" "$3" "$(virtiofsd)" > "$io/.$1.log" 2>&1 &
  pids+=($!)
  devices+=(-chardev "socket,id=$1,path=$io/.$1" -device "vhost-user-fs-pci,chardev=$1,tag=$1")
}

# stands_still: the guest got no further than its boot, for a timer of its second CPU was never heard of again. It happened once in
# some fifty boots (30 November 2026, beside all other tests): the kernel says so after 21 s, and did nothing for the 14 minutes it was left.
stands_still() { [ ! -e "$io/out" ] && grep -qs "kthread timer wakeup didn't happen" "$io/console.log"; }

# end_boot: the emulator and its shares are gone, sockets included.
end_boot() {
  kill -KILL "${pids[@]}" 2> /dev/null || true
  { wait || true; } 2> /dev/null
  pids=() devices=()
  find "$io" -maxdepth 1 -type s -delete
}

# boot CACHE SECONDS: the emulator runs, as process $pid, for so long at most.
boot() {
  local cache=$1 folder try count=0
  share host / ro
  share io "$io" rw
  : > "$io/.bind"
  while IFS= read -r folder; do
    [ -n "$folder" ] || continue
    case $(realpath "$folder")/ in
      /tmp/* | /var/tmp/* | /run/* | /var/log/*) ;; # the VM has its own
      *) [ "$(stat -c %d "$folder")" != "$(stat -c %d /)" ] || continue ;;
    esac
    share "bind$count" "$folder" ro
    echo "$folder" >> "$io/.bind"
    count=$((count + 1))
  done <<< "${LAB_BIND:-}"
  for try in $(seq 500); do
    [ "$(find "$io" -maxdepth 1 -type s | wc -l)" = $((2 + count)) ] && break
    sleep 0.02
  done

  if [ -n "${VM_DISK:-}" ]; then
    devices+=(-drive "file=$VM_DISK,if=none,id=disk,format=raw" -device virtio-blk-pci,drive=disk)
  fi
  # qemu64 boots 0.8 s faster than max. thread=multi uses both cores. No network card: the guest has only lo.
  setpriv --pdeathsig TERM timeout --signal=KILL "$2" \
    setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg,thread=multi -cpu qemu64 -smp 2 -m "$mem" -M q35 -nodefaults -no-reboot -nographic \
    -object "memory-backend-memfd,id=mem,size=${mem}M,share=on" -numa node,memdev=mem \
    -kernel "$cache/kernel/vmlinuz" -initrd "$io/.initrd" \
    -append "console=ttyS0 quiet cgroup_no_v1=all psi=1 mitigations=off nokaslr tsc=reliable tsc_early_khz=$khz no_timer_check random.trust_cpu=on rcupdate.rcu_expedited=1 panic=-1" \
    -serial "file:$io/console.log" "${devices[@]}" > "$io/.qemu.log" 2>&1 &
  pid=$!
  pids+=("$pid")
}

run() {
  local cache=$1 limit=${VM_TIMEOUT_S:-120} boots=0 watcher
  mem=${VM_MEM_MIB:-1024}
  io=$(realpath "$2")
  check "$cache"
  # unix(7): a socket path holds 107 bytes.
  [ ${#io} -le 90 ] || fail "the path of the folder is too long for a socket: $io"
  "$HERE/mkinitrd.sh" "$cache/kernel" "$io/.initrd"
  cp "$HERE/../masks.sh" "$io/.masks.sh"
  rm -f "$io/out" "$io/rc"
  khz=$(tsc_khz "$io")
  # While there is a file .hold in the folder, the script waits: for the test of a boot that comes to nothing.
  echo 'cd /io; while [ -e .hold ]; do sleep 0.2; done; bash cmd.sh > out 2>&1; echo $? > rc; sync' > "$io/.run"

  # They hold nothing that matters; once this script is gone, so are they.
  trap end_boot EXIT
  trap 'exit 143' TERM INT HUP
  SECONDS=0
  while :; do
    boots=$((boots + 1))
    rm -f "$io/console.log"
    boot "$cache" "$((limit > SECONDS ? limit - SECONDS : 1))"
    # Which is the last is left to itself.
    watcher=
    if [ $boots -lt 3 ]; then
      setpriv --pdeathsig KILL bash -c "$(declare -f stands_still)"'; io=$1
        while [ ! -e "$io/out" ]; do
          ! stands_still || exec kill -KILL "$2"
          sleep 1
        done' - "$io" "$pid" &
      watcher=$!
      pids+=("$watcher")
    fi
    { wait "$pid" || true; } 2> /dev/null
    [ -n "$watcher" ] && stands_still || break
    echo "lab vm: the guest stood still at boot: $(grep -c 'timer wakeup' "$io/console.log") reports of its kernel; once more" >&2
    end_boot
  done
  if [ -s "$io/rc" ]; then exit "$(cat "$io/rc")"; fi
  tail -n 20 "$io/.qemu.log" "$io/console.log" >&2 2> /dev/null || true
  echo "lab vm: no result within $limit s" >&2
  exit 125
}

case ${1:-} in
  check) check "${2:?usage: vm.sh check CACHE}" ;;
  run) run "${2:?usage: vm.sh run CACHE IO_FOLDER}" "${3:?usage: vm.sh run CACHE IO_FOLDER}" ;;
  *) fail "usage: vm.sh check CACHE | run CACHE IO_FOLDER" ;;
esac
