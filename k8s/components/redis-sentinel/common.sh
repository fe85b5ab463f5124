# Read by the other scripts: passwords, and how to ask a server something.
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

# The primary as most Sentinels name it: "<host> <port>", or nothing while there is no majority.
named_primary() {
  for sentinel in $SENTINELS; do
    ask sentinel "${sentinel%:*}" "${sentinel##*:}" sentinel get-master-addr-by-name main | paste -s -d ' '
  done | sort | uniq -c | awk '$1 >= 2 && NF == 3 && $3 ~ /^[0-9]+$/ { print $2, $3 }'
}
