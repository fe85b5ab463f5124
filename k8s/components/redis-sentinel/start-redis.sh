# Starts a server in the role that the Sentinels give it. They keep what they know on disk, so also after all pods
# were away at once nobody becomes primary who missed something. HOST and PORT: what this server is called.
set -eu
. /etc/redis/common.sh

primary=$(named_primary)
until [ -n "$primary" ]; do
  echo "Waiting until most Sentinels name a primary."
  sleep 1
  primary=$(named_primary)
done
echo "The primary is $primary; this is $HOST $PORT."

# The provider may read and write its own keys, and nothing that concerns the server itself.
cat > /run/redis/users.acl << END
user default off
user holdfast on >$(password holdfast) resetchannels ~hf:* +@all -@admin -@dangerous -@pubsub +info
user replication on >$(password replication) +psync +replconf +ping
user sentinel on >$(password sentinel) &__sentinel__:* +multi +exec +slaveof +ping +subscribe +publish +info +role +config|rewrite +client|setname +client|kill +script|kill
user probe on nopass +ping
END
{
  cat /etc/redis/redis.conf
  echo "aclfile /run/redis/users.acl"
  echo "masteruser replication"
  echo "masterauth $(password replication)"
  echo "replica-announce-ip $HOST"
  echo "replica-announce-port $PORT"
  if [ "$primary" != "$HOST $PORT" ]; then echo "replicaof $primary"; fi
} > /run/redis/redis.conf
exec redis-server /run/redis/redis.conf
