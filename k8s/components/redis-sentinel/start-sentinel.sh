# Starts a Sentinel with the settings as they are now and what it has learnt before: who is primary, whom it knows,
# and in which epoch. HOST and PORT: what it is called.
set -eu
. /etc/redis/common.sh

cat > /run/redis/users.acl << END
user default off
user holdfast on >$(password holdfast) &+switch-master +auth +hello +ping +role +info +subscribe +client|setname +client|getname +client|id +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas +sentinel|slaves +sentinel|sentinels +sentinel|myid
user sentinel on >$(password sentinel) allchannels +@all
user probe on nopass +ping
END
state=/data/sentinel.conf
touch "$state"
{
  grep '^sentinel monitor ' "$state" || grep '^sentinel monitor ' /etc/redis/sentinel.conf
  grep -v '^sentinel monitor ' /etc/redis/sentinel.conf
  grep -E '^sentinel (myid|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) ' "$state" || true
  echo "aclfile /run/redis/users.acl"
  echo "sentinel announce-ip $HOST"
  echo "sentinel announce-port $PORT"
  echo "sentinel sentinel-user sentinel"
  echo "sentinel sentinel-pass $(password sentinel)"
  echo "sentinel auth-user main sentinel"
  echo "sentinel auth-pass main $(password sentinel)"
} > "$state.new"
mv "$state.new" "$state"
exec redis-server "$state" --sentinel
