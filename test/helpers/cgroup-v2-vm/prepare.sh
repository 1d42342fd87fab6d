#!/bin/bash
# Puts a Debian kernel, its modules and a small initramfs into $1 (a cache directory), once. The guest's root filesystem is the
# host's own, shared read-only over virtiofs with a tmpfs overlay on top: all that was built on the host is there.
# Needs qemu-system-x86 busybox-static kmod xz-utils cpio. Nothing is installed: the kernel package is only unpacked.
set -euo pipefail
cache=$1
kernel_package=${KERNEL_PACKAGE:-linux-image-cloud-amd64}
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -s "$cache/vmlinuz" ]; then
  newest() { apt-cache depends "$kernel_package" 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }'; }
  image=$(newest)
  [ -n "$image" ] || { apt-get -qq update; image=$(newest); }
  [ -n "$image" ] || { echo "no $kernel_package in Debian's package lists" >&2; exit 1; }
  download() { (cd "$work" && apt-get -qq -o Acquire::Retries=5 download "$image"); }
  chmod 755 "$work"
  download || { apt-get -qq -o Acquire::Retries=5 update && download; }
  dpkg-deb -x "$work"/*.deb "$work/kernel"
  rm -rf "$cache/modules"
  cp -a "$work/kernel/lib/modules" "$cache/modules"
  mkdir -p "$work/root/lib"
  ln -s "$cache/modules" "$work/root/lib/modules"
  depmod -b "$work/root" "$(ls "$cache/modules")"
  cp "$work"/kernel/boot/vmlinuz-* "$cache/vmlinuz.new"
  mv "$cache/vmlinuz.new" "$cache/vmlinuz"
fi

if [ "$cache/initrd.gz" -nt "$here/prepare.sh" ] && [ "$cache/initrd.gz" -nt "$here/init.sh" ] && [ "$cache/initrd.gz" -nt "$here/guest.sh" ] &&
  [ "$cache/initrd.gz" -nt "$cache/vmlinuz" ]; then exit 0; fi
initramfs=$work/initramfs
mkdir -p "$initramfs"/{bin,proc,sys,dev,lower,rw,new,modules}
cp "$(command -v busybox)" "$initramfs/bin/busybox"
cp "$here/init.sh" "$initramfs/init"
cp "$here/guest.sh" "$initramfs/guest.sh"
chmod 755 "$initramfs/init" "$initramfs/guest.sh"
# In load order, numbered; what the kernel has built in needs no file.
mkdir -p "$work/root/lib"
ln -sfn "$cache/modules" "$work/root/lib/modules"
version=$(ls "$cache/modules")
number=10
for module in virtio_pci virtiofs virtio_console qemu_fw_cfg overlay; do
  while read -r _ file _; do
    case $file in
      *.xz) xz -dc "$file" > "$initramfs/modules/$number-$(basename "$file" .xz)" ;;
      /*) cp "$file" "$initramfs/modules/$number-$(basename "$file")" ;;
    esac
    number=$((number + 1))
  done < <(modprobe --dirname "$work/root" --set-version "$version" --show-depends "$module" | grep '^insmod')
done
(cd "$initramfs" && find . | cpio -o -H newc --quiet | gzip -1) > "$cache/initrd.new"
mv "$cache/initrd.new" "$cache/initrd.gz"
