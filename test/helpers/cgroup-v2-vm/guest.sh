#!/bin/sh
# Second stage: a usual Linux with a pure cgroup v2 hierarchy and every controller enabled; runs the command and reports its status.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
mount -t tmpfs run /run
mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm
mount -t devpts -o mode=600,ptmxmode=666 devpts /dev/pts
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
# A real overlay upper directory cannot be on an overlay: /tmp and berth's default root are tmpfs.
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /var/lib/berth
mount -t tmpfs state /var/lib/berth
hostname cgroup-v2
ip link set lo up
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/init
for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null; done
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done
for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name") in
    output) output=/dev/${port##*/} ;;
    status) status=/dev/${port##*/} ;;
  esac
done
mkdir -p /mnt/tree
mount -t virtiofs -o ro tree /mnt/tree
cd /mnt/tree || exit 1
seconds=$(sed -n 's/.*guest_seconds=\([0-9]*\).*/\1/p' /proc/cmdline)
cat /sys/firmware/qemu_fw_cfg/by_name/opt/command/raw > /tmp/.command
setsid timeout "$seconds" bash /tmp/.command < /dev/null > "$output" 2>&1
echo $? > "$status"
sync
echo o > /proc/sysrq-trigger
sleep 5
