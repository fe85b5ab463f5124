# Read by the other scripts: passwords, and how to ask a node something.
umask 077

password() {
  cat "/run/secrets/redis-users/$1"
}

# ask <user> <host> <port> <command...>, with an answer within two seconds or none.
ask() {
  user=$1 host=$2 port=$3
  shift 3
  REDISCLI_AUTH=$(password "$user" 2> /dev/null || echo none) timeout 2 redis-cli \
    --tls --cacert /run/secrets/redis-tls/ca.crt -h "$host" -p "$port" --user "$user" "$@" 2>&1
}

# node <number> <command...>, counted from 1 in the order of NODES.
node() {
  address=$(echo "$NODES" | tr -s ' ' '\n' | sed -n "$1p")
  shift
  ask cluster "${address%:*}" "${address##*:}" "$@"
}

# meet <number>: tells every node where that one is now. A node that is known already only gets its new address.
meet() {
  address=$(echo "$NODES" | tr -s ' ' '\n' | sed -n "$1p")
  ip=$(getent ahostsv4 "${address%:*}" | awk 'NR == 1 { print $1 }')
  [ -n "$ip" ] || ip=$(getent ahosts "${address%:*}" | awk 'NR == 1 { print $1 }')
  number=0
  for peer in $NODES; do
    number=$((number + 1))
    if [ "$number" != "$1" ]; then
      ask cluster "${peer%:*}" "${peer##*:}" cluster meet "$ip" "${address##*:}" > /dev/null || true
    fi
  done
}
