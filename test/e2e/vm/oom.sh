# Runs inside the VM: services are killed for want of memory in every way there is, and others by hand, while two
# agents watch. Leaves in /io/runs a line `unit invocation result` for each run that ended, as systemd has it; what they wrote is
# beside it. $1: node, $2: the agent's main.js. To start systemctl takes half a second here: it is asked of many units at once.
set -eu

cd /io/units
# show PROPERTY UNIT...: its value, a line for each unit.
show() { systemctl show -p "$1" --value "${@:2}" | grep .; }
all_are() { [ "$(show "$1" "${@:3}" | grep -cx "$2")" = $(($# - 2)) ]; }
note() { paste -d ' ' <(printf '%s\n' "$@") <(show InvocationID "$@") <(show Result "$@") >> /io/runs; }

cp * /run/systemd/system/
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
for unit in slow* fast* child* group* inner*; do systemctl start "$unit" || true; done
# Those that somebody else ends, while memory runs out beside them.
systemctl start lives* shot*
wait_for all_are SubState running shot*
systemctl start --no-block storm*
kill -KILL $(show MainPID shot-main*)
systemctl kill -s KILL shot-unit*
systemctl start again*
for unit in lives*; do wait_for test -e "/run/runs/$unit.twice"; done
ended=$(echo slow* fast* child* group* inner* storm* shot* again*)
wait_for all_are ActiveState failed $ended
note $ended lives*
for unit in again*; do sed "s/^/$unit /" "/run/runs/$unit"; done > /io/again
# The kernel kills whoever it would if the machine itself ran out of memory: really to run out takes minutes in a VM.
systemctl start global*
wait_for all_are SubState running global*
echo f > /proc/sysrq-trigger
wait_for all_are ActiveState failed global*
note global*
sleep 11 # what may live on is told after ten seconds
cat /sys/fs/cgroup/system.slice/memory.events > /io/slice
kill -TERM $agents
for agent in $agents; do wait $agent; done
