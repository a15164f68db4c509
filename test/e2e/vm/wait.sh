# Sourced before the others of this folder.

# Nobody writes into it: to read from it waits without a process, which are what an emulated machine is slowest at.
mkfifo /run/idle
exec 9<> /run/idle

# wait_for CONDITION...: nothing here signals what is awaited. A slow machine emulates another that is slower still: the first
# state of each unit took it two minutes. To ask five times a second took a third of its time from whom it waited for.
wait_for() {
  local end=$((SECONDS + 400))
  until "$@"; do
    if [ $SECONDS -ge $end ]; then
      echo "waited in vain for: $*"
      exit 1
    fi
    read -rt 1 -u 9 || true
  done
}
