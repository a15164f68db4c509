# Runs inside the VM: the agent watches four services whose numbers are known beforehand; the kernel's own files are kept
# beside what the agent says. $1: the agent's main.js, $2: node.
set -eu
cp /io/units/* /run/systemd/system/
mount /dev/vda /mnt
systemctl daemon-reload

"$2" "$1" run --config /io/agent.yaml > /io/agent.log 2>&1 &
agent=$!
# The agent has made its file once its snapshot of the units has gone through the pipeline.
for try in $(seq 600); do [ -s /io/agent.jsonl ] && break; sleep 0.1; done

systemctl start writer.service eater.service forker.service
systemctl start victim.service
for try in $(seq 300); do systemctl is-failed --quiet victim.service && break; sleep 0.1; done
# Direct writes and the files in memory are done once the units say so; two collections later the agent has seen them.
for unit in writer eater forker; do
  for try in $(seq 300); do [ -e /run/$unit.done ] && break; sleep 0.1; done
done
sleep 4

cd /sys/fs/cgroup/system.slice
for file in eater.service/memory.current eater.service/memory.peak writer.service/io.stat forker.service/pids.current; do
  echo "$file $(cat $file)"
done > /io/kernel
kill -TERM $agent
wait $agent
