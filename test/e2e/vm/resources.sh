# Runs inside the VM: the agent watches services whose numbers are known beforehand. What the kernel itself says at the
# end stands in /io/kernel, beside what the agent wrote. $1: node, $2: the agent's main.js.
set -eu

says() { grep -q "$1" /io/agent.jsonl; }

cp /io/units/* /run/systemd/system/
mkdir -p /run/fixtures
mount /dev/vda /mnt
systemctl daemon-reload

"$1" "$2" run --config /io/agent.yaml > /io/agent.log 2>&1 &
agent=$!
trap 'kill -KILL $agent 2> /dev/null || true' EXIT
wait_for grep -qs '"message":"running"' /io/agent.log
# State metrics are in the file only once the units have been read.
wait_for says systemd.unit.state

systemctl start writer.service eater.service forker.service survivor.service limited.service boxed.service
systemctl start victim.service
for unit in writer eater forker survivor limited; do wait_for test -e /run/$unit.done; done
wait_for systemctl is-failed --quiet victim.service
wait_for says systemd.unit.failed
# A container of a runtime that asks systemd for nothing: its cgroup is nobody's but the runtime's.
box=/sys/fs/cgroup/docker/$(printf '0123456789abcdef%.0s' 1 2 3 4)
mkdir -p "$box"
echo +memory > /sys/fs/cgroup/docker/cgroup.subtree_control
echo 24M > "$box/memory.max"
[ ! -e "$box/memory.swap.max" ] || echo 0 > "$box/memory.swap.max"
(
  echo $BASHPID > "$box/cgroup.procs"
  exec tail /dev/zero
) || true
wait_for says container.oom_killed
# Everything holds still from here: with two more readings the agent has it all.
readings() { grep -c systemd.unit.memory.usage /io/agent.jsonl; }
enough=$(($(readings) + 2))
caught_up() { [ "$(readings)" -ge "$enough" ]; }
wait_for caught_up

cd /sys/fs/cgroup/system.slice
for file in eater.service/memory.current eater.service/memory.peak forker.service/pids.current limited.service/pids.events; do
  echo "$file $(cat "$file")"
done > /io/kernel
grep . writer.service/io.stat | sed 's/^/writer.service\/io.stat /' >> /io/kernel
grep '^oom_kill ' survivor.service/memory.events | sed 's/^/survivor.service\/memory.events /' >> /io/kernel

kill -TERM $agent
wait $agent
