# Starts a node. HOST and PORT: what it is called; POD_IP: where it is this time; NODES: where all of them are.
set -eu
. /etc/redis/common.sh

# The provider may read and write its own keys, and nothing that concerns the server itself.
cat > /run/redis/users.acl << END
user default off
user holdfast on >$(password holdfast) resetchannels ~hf:* +@all -@admin -@dangerous -@pubsub +info +cluster|slots +cluster|shards +cluster|nodes +cluster|info
user replication on >$(password replication) +psync +replconf +ping
user cluster on >$(password cluster) +cluster +ping +info
user probe on nopass +ping
END
{
  cat /etc/redis/redis.conf
  echo "aclfile /run/redis/users.acl"
  echo "masteruser replication"
  echo "masterauth $(password replication)"
  echo "cluster-announce-ip $POD_IP"
  echo "cluster-announce-hostname $HOST"
} > /run/redis/redis.conf

# Pods come back with other addresses. One alone is found by the others, since it knows where they are; after all
# of them were away nobody knows anybody. So whoever has been in the cluster tells the others where it is.
number=$(echo "$NODES" | tr -s ' ' '\n' | grep -nxF "$HOST:$PORT" | cut -d : -f 1)
(
  tries=0
  while [ "$tries" -lt 30 ]; do
    tries=$((tries + 1))
    sleep 2
    known=$(node "$number" cluster info | tr -d '\r' | sed -n 's/^cluster_known_nodes://p')
    case "$known" in
      "" | 1) ;;
      *)
        if node "$number" cluster nodes | grep -v myself | grep -q disconnected; then meet "$number"; else exit 0; fi
        ;;
    esac
  done
) &
exec redis-server /run/redis/redis.conf
