# Runs inside the VM: services are killed for want of memory in every way there is, and others by hand, while two
# agents watch. Leaves in /io/runs a line `unit invocation result` for each run that ended, as systemd has it; what they wrote is
# beside it. $1: node, $2: the agent's main.js.
set -eu

units() { (cd /io/units && ls -d $1 2> /dev/null || true); }
# all COMMAND PATTERN: has systemctl do it to all of them at once, if there are any.
all() { [ -z "$(units "$2")" ] || systemctl $1 $(units "$2"); }
failed() { [ "$(systemctl show -p ActiveState --value $(units "$1") | grep -c failed)" = "$(units "$1" | wc -l)" ]; }
active() { [ "$(systemctl show -p SubState --value $(units "$1") | grep -c running)" = "$(units "$1" | wc -l)" ]; }
note() {
  local unit
  for unit in $(units "$1"); do
    echo "$unit $(systemctl show -p InvocationID --value "$unit") $(systemctl show -p Result --value "$unit")"
  done >> /io/runs
}

cp /io/units/* /run/systemd/system/
mkdir -p /run/runs
systemctl daemon-reload
# Two agents see the same kills: one may read the kernel's log, the other is as it is installed.
agents=
trap 'kill -KILL $agents 2> /dev/null || true' EXIT
for name in log counters; do
  "$1" "$2" run --config "/io/$name.yaml" > "/io/$name.log" 2>&1 &
  agents="$agents $!"
done
for name in log counters; do
  wait_for grep -qs '"message":"running"' "/io/$name.log"
  # State metrics are in the file only once the units have been read.
  wait_for grep -q systemd.unit.state "/io/$name.jsonl"
done

# One after the other.
for unit in $(units 'slow*') $(units 'fast*') $(units 'child*') $(units 'group*') $(units 'inner*'); do systemctl start "$unit" || true; done
# Those that somebody else ends, while memory runs out beside them.
all start 'shot*'
wait_for active 'shot*'
all 'start --no-block' 'storm*'
for unit in $(units 'shot*'); do
  case $unit in
    shot-main*) kill -KILL "$(systemctl show -p MainPID --value "$unit")" ;;
    *) systemctl kill -s KILL "$unit" ;;
  esac
done
all start 'again*'
all start 'lives*'
for unit in $(units 'lives*'); do wait_for test -e "/run/runs/$unit.twice"; done
for kind in slow fast child group inner storm shot again; do wait_for failed "$kind*"; note "$kind*"; done
note 'lives*'
for unit in $(units 'again*'); do sed "s/^/$unit /" "/run/runs/$unit"; done > /io/again
# The kernel kills whoever it would if the machine itself ran out of memory: really to run out takes minutes in a VM.
all start 'global*'
wait_for active 'global*'
[ -z "$(units 'global*')" ] || echo f > /proc/sysrq-trigger
wait_for failed 'global*'
note 'global*'
sleep 11 # what may live on is told after ten seconds
cat /sys/fs/cgroup/system.slice/memory.events > /io/slice
kill -TERM $agents
for agent in $agents; do wait $agent; done
