# Before a server is told to end: where it is the primary, another one takes over first, so that writes wait for
# a moment instead of for the Sentinels to notice. Never fails: then they notice.
. /etc/redis/common.sh

[ "$(named_primary)" = "$HOST $PORT" ] || exit 0
for sentinel in $SENTINELS; do
  answer=$(ask sentinel "${sentinel%:*}" "${sentinel##*:}" sentinel failover main)
  echo "$sentinel: $answer"
  [ "$answer" = OK ] && break
done
tries=0
while [ "$(named_primary)" = "$HOST $PORT" ] && [ "$tries" -lt 20 ]; do
  tries=$((tries + 1))
  sleep 0.5
done
exit 0
