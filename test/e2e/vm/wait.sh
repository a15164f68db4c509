# Sourced before the others of this folder.

# wait_for CONDITION...: nothing here signals what is awaited. A slow machine emulates another that is slower still: the first
# state of each unit took it two minutes.
wait_for() {
  local end=$((SECONDS + 300))
  until "$@"; do
    if [ $SECONDS -ge $end ]; then
      echo "waited in vain for: $*"
      exit 1
    fi
    sleep 0.2
  done
}
