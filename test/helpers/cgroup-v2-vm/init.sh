#!/bin/busybox sh
# First process of the guest: the host's root read-only below, a tmpfs above, then guest.sh.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*.ko; do $b insmod "$module" 2>&1 | $b grep -v "File exists"; done
$b mount -t virtiofs -o ro root /lower || { echo "the host's root did not mount"; $b poweroff -f; }
$b mount -t tmpfs -o size=60% rw /rw
$b mkdir /rw/upper /rw/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work,metacopy=off,xino=off overlay /new
for directory in proc sys dev; do $b mkdir -p /new/$directory; $b mount --move /$directory /new/$directory; done
$b mkdir -p /new/run/guest
$b cp /guest.sh /new/run/guest/guest.sh
exec $b switch_root /new /run/guest/guest.sh
