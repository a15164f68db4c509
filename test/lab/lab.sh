#!/bin/bash
# A real systemd as PID 1 of new pid, mount, uts, ipc, cgroup and network namespaces: up in a quarter of a second,
# nothing of the machine changed. See docs/lab.md.
#
#   lab.sh check              exit 0 when this machine can run a lab, else 1 and the reason on standard error
#   lab.sh hold NAME          boots, prints "ready PID CGROUP_DIRECTORY", runs until standard input ends, then cleans
#                             up: a lab started this way cannot outlive the process that holds the other end
#   lab.sh up NAME            boots and returns: for work by hand
#   lab.sh exec NAME CMD...   runs a command inside
#   lab.sh install NAME       installs the misbehaving services of fixtures/, for `systemctl start misbehaving.target`
#   lab.sh fixtures NAME      installs them and starts them all
#   lab.sh down NAME          ends a lab and removes all of it
#   lab.sh sweep              removes what labs of dead processes left behind (every boot does this first)
#
# LAB_BIND, LAB_BUS: see lab-init.sh.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
STATE=/run/unitscope-lab
PREFIX=unitscope-lab-

fail() {
  echo "lab: $*" >&2
  exit 1
}

# Where cgroup v2 is mounted: the whole tree (unified) or beside v1 (hybrid). Prints nothing when nowhere.
cgroup_mount() {
  awk '$3 == "cgroup2" { if ($2 == "/sys/fs/cgroup") { print $2; found = 1; exit } if (other == "") other = $2 }
       END { if (!found && other != "") print other }' /proc/self/mounts
}

check() {
  [ "$(id -u)" = 0 ] || fail "needs root: it makes namespaces and mounts"
  local tool
  for tool in unshare nsenter setpriv setsid dbus-daemon /lib/systemd/systemd; do
    command -v "$tool" > /dev/null || fail "$tool is missing: apt-get install systemd dbus util-linux"
  done
  if [ "${LAB_BUS:-daemon}" = broker ]; then
    command -v dbus-broker-launch > /dev/null || fail "dbus-broker is missing: apt-get install dbus-broker"
  fi
  local mount
  mount=$(cgroup_mount)
  [ -n "$mount" ] || fail "no cgroup2 file system is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup"
  local probe=$mount/${PREFIX}probe-$$
  mkdir "$probe" 2> /dev/null || fail "cannot make a cgroup in $mount: in a container, run it privileged"
  rmdir "$probe"
  unshare --pid --mount --uts --ipc --cgroup --net --fork true 2> /dev/null ||
    fail "cannot make namespaces: in a container, run it privileged"
}

# "PID STARTTIME" names a process for good; a PID alone may be used again. The command name (field 2) may hold blanks.
identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2> /dev/null) || return 1
  stat=${stat##*) }
  set -- "$1" $stat
  echo "$1 ${21}"
}

# Ends everything in the cgroup of lab $1 and removes its folders. Safe to repeat.
teardown() {
  local dir=$STATE/$1 group
  group=$(cat "$dir/cgroup" 2> /dev/null || true)
  if [ -n "$group" ] && [ -d "$group" ]; then
    # One write kills the whole subtree, forks included (kernel 5.14); no PID can be mistaken.
    echo 1 > "$group/cgroup.kill" 2> /dev/null || true
    local try
    for try in $(seq 500); do
      find "$group" -depth -type d -exec rmdir {} + 2> /dev/null && break
      sleep 0.02
    done
    if [ -d "$group" ]; then echo "lab: $group could not be removed: $(find "$group" -name cgroup.procs -exec cat {} + | tr '\n' ' ')" >&2 || true; fi
  fi
  rm -rf --one-file-system "$dir"
}

sweep() {
  local dir owner pid
  for dir in "$STATE"/*/; do
    [ -d "$dir" ] || continue
    owner=$(cat "$dir/owner" 2> /dev/null) || continue
    pid=${owner%% *}
    [ "$(identity "$pid" || true)" = "$owner" ] || teardown "$(basename "$dir")"
  done
}

# Boots lab $1; sets $outer (the unshare process) and $init (the lab's PID 1 as seen from here). From here on the end of
# this script, however it comes, ends the lab.
boot() {
  case $1 in "" | .* | *[!A-Za-z0-9._-]*) fail "not a lab name: '$1' (letters, digits, dot, dash, underscore)" ;; esac
  check
  mkdir -p -m 700 "$STATE"
  sweep
  local dir=$STATE/$1 mount group log
  mount=$(cgroup_mount)
  group=$mount/$PREFIX$1
  log=$dir/console.log
  [ ! -e "$dir" ] || fail "a lab named $1 runs already: lab.sh down $1"

  # The folder appears under its name only with its owner inside, so that no sweep takes it for a leftover.
  local draft=$STATE/.$1.$$
  mkdir -p "$draft/mnt"
  identity $$ > "$draft/owner"
  echo "$group" > "$draft/cgroup"
  mv -T "$draft" "$dir"
  trap "teardown $1" EXIT
  mkdir -p "$group"

  # Where v2 owns controllers (unified), give the lab all there are; each may be refused on its own.
  local controller
  for controller in $(cat "$mount/cgroup.controllers"); do
    echo "+$controller" > "$mount/cgroup.subtree_control" 2> /dev/null || true
  done

  # In the cgroup BEFORE unshare --cgroup: that directory becomes the root the lab sees.
  (
    echo "$BASHPID" > "$group/cgroup.procs"
    exec setsid ${DIE_WITH_PARENT:+setpriv --pdeathsig KILL} \
      unshare --pid --mount --uts --ipc --cgroup --net --fork --kill-child=SIGKILL \
      bash "$HERE/lab-init.sh" "$dir/mnt" < /dev/null > "$log" 2>&1
  ) &
  outer=$!
  local try
  for try in $(seq 2000); do
    init=$(tr -d ' ' 2> /dev/null < "/proc/$outer/task/$outer/children" || true)
    if [ -n "$init" ] && [ -S "/proc/$init/root/run/systemd/private" ]; then
      echo "$init" > "$dir/pid"
      return
    fi
    kill -0 "$outer" 2> /dev/null || break
    sleep 0.005
  done
  echo "lab: systemd did not come up; its console said:" >&2
  cat "$log" >&2
  exit 1
}

inside() {
  local dir=$STATE/$1 pid
  pid=$(cat "$dir/pid" 2> /dev/null) || fail "no lab named $1 is up"
  shift
  echo $$ > "$(cat "$dir/cgroup")/init.scope/cgroup.procs"
  exec nsenter -t "$pid" -m -u -i -n -p -C -r -w setpriv --bounding-set=-sys_time,-syslog,-wake_alarm "$@"
}

command=${1:-}
case $command in
  check) check ;;
  sweep) sweep ;;
  hold)
    trap 'exit 143' TERM
    trap '' INT HUP
    exec 3<&0
    DIE_WITH_PARENT=1 boot "$2"
    echo "ready $init $(cat "$STATE/$2/cgroup")"
    # A holder that was killed no longer reads our standard error, and the shell reports there what it sees die: that
    # SIGPIPE would end us in the middle of the cleaning up.
    trap '' PIPE
    cat <&3 > /dev/null &
    reader=$!
    wait -n "$outer" "$reader" || true
    if ! kill -0 "$outer" 2> /dev/null; then
      kill "$reader" 2> /dev/null || true
      echo "lab: its systemd ended by itself" >&2
      exit 1
    fi
    ;;
  up)
    trap 'exit 143' TERM INT HUP
    boot "$2"
    identity "$outer" > "$STATE/$2/owner"
    trap - EXIT
    ;;
  exec)
    [ $# -ge 3 ] || fail "usage: lab.sh exec NAME CMD..."
    shift
    inside "$@"
    ;;
  install | fixtures)
    root=/proc/$(cat "$STATE/${2:?usage: lab.sh $command NAME}/pid")/root
    mkdir -p "$root/run/fixtures" "$root/run/systemd/system"
    cp "$HERE"/fixtures/*.sh "$root/run/fixtures/"
    cp "$HERE"/fixtures/*.{service,timer,target} "$root/run/systemd/system/"
    start='systemctl daemon-reload'
    [ "$command" = install ] || start="$start && systemctl start --no-block misbehaving.target"
    inside "$2" sh -c "$start"
    ;;
  down)
    [ -d "$STATE/${2:?usage: lab.sh down NAME}" ] || fail "no lab named $2"
    teardown "$2"
    ;;
  *) fail "usage: lab.sh check | hold NAME | up NAME | exec NAME CMD... | install NAME | fixtures NAME | down NAME | sweep" ;;
esac
