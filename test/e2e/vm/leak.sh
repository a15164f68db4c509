# Runs inside the VM: the agent watches a service that leaks, one that fills the page cache, and one that comes to rest, until the
# first is killed at its limit. Once it is foretold when that will be, the agent is stopped, and another one goes on: it sees the kill,
# or where the machine is slow reads of it. What the kernel counted at the end stands in /io/kernel. $1: node, $2: the agent's main.js.
set -eu

says() { grep -q "$1" /io/agent.jsonl; }

cp /io/units/* /run/systemd/system/
mount /dev/vda /mnt
# A reload that the agent sees would make the starts below a deployment.
systemctl daemon-reload
# This script is a job of the boot: without it the machine has started, and patterns are looked for.
systemctl cancel

# start_agent NODE MAIN LOG
start_agent() {
  "$1" "$2" run --config /io/agent.yaml > "/io/$3" 2>&1 &
  agent=$!
  wait_for grep -qs '"message":"running"' "/io/$3"
}
trap 'kill -KILL $agent 2> /dev/null || true' EXIT
start_agent "$1" "$2" agent.log
wait_for says systemd.unit.state
systemctl is-system-running > /io/system || true

systemctl start leaker.service cacher.service rester.service
wait_for says pattern.prediction.detected
kill -TERM $agent
wait $agent
start_agent "$1" "$2" next-agent.log
wait_for says systemd.unit.oom_killed
wait_for says pattern.prediction.cleared

cd /sys/fs/cgroup/system.slice
for unit in cacher rester; do
  echo "$unit current $(cat $unit.service/memory.current)"
  sed -n -e "s/^anon /$unit anon /p" -e "s/^file /$unit file /p" $unit.service/memory.stat
done > /io/kernel

kill -TERM $agent
wait $agent
