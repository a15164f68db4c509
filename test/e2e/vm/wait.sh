# Sourced before the others of this folder.

# wait_for CONDITION...: nothing here signals what is awaited.
wait_for() {
  local end=$((SECONDS + 120))
  until "$@"; do
    if [ $SECONDS -ge $end ]; then
      echo "waited in vain for: $*"
      exit 1
    fi
    sleep 0.2
  done
}
