#!/bin/bash
# run.sh CACHE SECONDS TREE COMMAND: boots the guest of prepare.sh, runs COMMAND with bash in TREE (read-only there), prints its output
# and exits with its status; 124 when the time is over, 125 when the guest gave no status (its console goes to stderr).
set -u
cache=$1 seconds=$2 tree=$3 command=$4
work=$(mktemp -d "${TMPDIR:-/tmp}/cgroup-v2-vm.XXXXXX")
daemons=()
trap 'kill "${daemons[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
printf '%s\n' "$command" > "$work/command"
: > "$work/status"

# share TAG DIRECTORY CACHE: a virtiofs daemon that sees DIRECTORY through a bind mount of its own
share() {
  mkdir -p "$work/$1"
  unshare --mount --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$2" "$work/$1" \
    /usr/lib/qemu/virtiofsd --socket-path="$work/$1.sock" -o source="$work/$1" -o cache="$3" -o xattr -o log_level=err \
    --rlimit-nofile=0 > "$work/$1.log" 2>&1 &
  daemons+=($!)
}
share root / always
share tree "$tree" auto
until [ -S "$work/root.sock" ] && [ -S "$work/tree.sock" ]; do
  for daemon in "${daemons[@]}"; do kill -0 "$daemon" 2>/dev/null || { cat "$work"/*.log >&2; exit 125; }; done
  sleep 0.05
done

# Against hanging alone: an emulated processor may take minutes to boot where others want the real ones.
timeout $((seconds + 600)) qemu-system-x86_64 \
  -machine q35,usb=off,graphics=off -accel tcg,thread=multi -cpu max -smp 2 -m 3072M \
  -nodefaults -no-user-config -no-reboot -display none -net none \
  -object memory-backend-memfd,id=memory,size=3072M,share=on -numa node,memdev=memory \
  -chardev socket,id=root,path="$work/root.sock" -device vhost-user-fs-pci,chardev=root,tag=root,queue-size=256 \
  -chardev socket,id=tree,path="$work/tree.sock" -device vhost-user-fs-pci,chardev=tree,tag=tree \
  -chardev file,id=console,path="$work/console" -serial chardev:console \
  -device virtio-serial-pci \
  -chardev file,id=output,path="$work/output" -device virtserialport,chardev=output,name=output \
  -chardev file,id=status,path="$work/status" -device virtserialport,chardev=status,name=status \
  -device virtio-rng-pci -fw_cfg name=opt/command,file="$work/command" \
  -kernel "$cache/vmlinuz" -initrd "$cache/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off cgroup_no_v1=all psi=1 rdinit=/init guest_seconds=$seconds" \
  < /dev/null > "$work/qemu.log" 2>&1
cat "$work/output"
status=$(tr -dc 0-9 < "$work/status")
[ -n "$status" ] || tail -n 40 "$work/console" "$work"/*.log >&2
exit "${status:-125}"
