# probe.sh ready: answers and has its data. probe.sh alive: answers at all, if only that it is loading.
. /etc/redis/common.sh

answer=$(ask probe 127.0.0.1 "$PORT" ping)
case "$1 $answer" in
  *" PONG" | "alive LOADING"* | "alive BUSY"* | "alive MASTERDOWN"*) exit 0 ;;
esac
echo "$answer"
exit 1
