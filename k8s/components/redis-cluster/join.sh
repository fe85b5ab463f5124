# Makes one cluster out of the NODES, or completes one: may be run at any time, again, and after a run that was
# killed. The first PRIMARIES of them share the slots; the others become replicas. What the cluster has decided
# since, such as a failover, stays as it is.
set -eu
. /etc/redis/common.sh

count=$(echo $NODES | wc -w)
all=$(seq 1 "$count")

# info <number> <field>
info() {
  node "$1" cluster info | tr -d '\r' | sed -n "s/^$2://p"
}

# What a node says of itself: "primary <id>", "replica <id of its primary>", or "nothing <id>". What others say of it
# may be some seconds old.
role() {
  node "$1" cluster nodes | awk '/myself/ {
    if ($3 ~ /slave/) print "replica", $4
    else if (NF > 8) print "primary", $1
    else print "nothing", $1
  }'
}

# until_all <what for> <command...>, given the number of each node in turn, for two minutes at most
until_all() {
  what=$1
  shift
  tries=0
  for n in $all; do
    until "$@" "$n"; do
      tries=$((tries + 1))
      if [ "$tries" -gt 240 ]; then
        echo "Gave up: node $n $what." >&2
        exit 1
      fi
      sleep 0.5
    done
  done
}

answers() { [ "$(node "$1" ping)" = PONG ]; }
knows_all() {
  [ "$(info "$1" cluster_known_nodes)" -ge "$count" ] && ! node "$1" cluster nodes | grep -q handshake
}
is_well() {
  [ "$(info "$1" cluster_state)" = ok ] &&
    ! node "$1" cluster nodes | awk '$3 ~ /master/ && $3 !~ /fail/ && NF == 8' | grep -q .
}

until_all "does not answer" answers

# Slots that nobody has, to the first nodes. In a cluster that is whole there are none.
assigned=0
for n in $all; do
  seen=$(info "$n" cluster_slots_assigned)
  if [ "$seen" -gt "$assigned" ]; then assigned=$seen; fi
done
if [ "$assigned" -lt 16384 ]; then
  for n in $(seq 1 "$PRIMARIES"); do
    first=$(((n - 1) * 16384 / PRIMARIES))
    last=$((n * 16384 / PRIMARIES - 1))
    # Refused when it was done before: then the slots are its own, and the check at the end is what counts.
    node "$n" cluster addslotsrange "$first" "$last" > /dev/null || true
    node "$n" cluster set-config-epoch "$n" > /dev/null || true
  done
fi

for n in $all; do
  if ! knows_all "$n"; then meet "$n"; fi
done
until_all "does not know all others" knows_all

# A node without slots follows the primary that has the fewest replicas.
for n in $all; do
  case "$(role "$n")" in nothing*) ;; *) continue ;; esac
  tries=0
  while :; do
    primary=$(for m in $all; do role "$m"; done | awk '
      $1 == "primary" { primaries[$2] }
      $1 == "replica" { replicas[$2]++ }
      END { for (id in primaries) print replicas[id] + 0, id }' | sort -n | awk 'NR == 1 { print $2 }')
    if [ -n "$primary" ] && [ "$(node "$n" cluster replicate "$primary")" = OK ]; then break; fi
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
      echo "Gave up: node $n finds no primary to follow." >&2
      exit 1
    fi
    sleep 0.5
  done
done

until_all "does not call the cluster whole" is_well
if [ "$(info 1 cluster_slots_assigned)" != 16384 ]; then
  echo "Some slots belong to nobody." >&2
  exit 1
fi
node 1 cluster nodes
