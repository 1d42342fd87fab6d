// What berth needs from Debian, each with the file that shows it is there (looking for files is faster than asking dpkg).

/** To build and to run. */
export const BUILD_PACKAGES = [
  { name: "g++", file: "/usr/bin/g++" },
  { name: "make", file: "/usr/bin/make" },
  { name: "python3", file: ["/usr/bin/python3", "/usr/local/bin/python3"] },
  { name: "libzstd-dev", file: "/usr/include/zstd.h" },
  { name: "libseccomp-dev", file: "/usr/include/seccomp.h" },
  { name: "libisal2", file: ["/usr/lib/x86_64-linux-gnu/libisal.so.2", "/usr/lib/aarch64-linux-gnu/libisal.so.2"] },
];

/** To test: foreign clients and registries, an S3 server (Ceph RGW), a real root filesystem, a cgroup v2 virtual machine. */
export const TEST_PACKAGES = [
  { name: "radosgw", file: "/usr/bin/radosgw" },
  { name: "ceph-mon", file: "/usr/bin/ceph-mon" },
  { name: "ceph-osd", file: "/usr/bin/ceph-osd" },
  { name: "docker-registry", file: "/usr/bin/docker-registry" },
  { name: "podman", file: "/usr/bin/podman" },
  { name: "buildah", file: "/usr/bin/buildah" },
  { name: "skopeo", file: "/usr/bin/skopeo" },
  // Docker's own package is as good, and Debian's would replace it.
  { name: "docker.io", file: ["/usr/sbin/dockerd", "/usr/bin/dockerd"] },
  { name: "nginx-light", file: "/usr/sbin/nginx" },
  { name: "curl", file: "/usr/bin/curl" },
  { name: "systemd", file: "/usr/bin/systemd-analyze" },
  { name: "openssl", file: "/usr/bin/openssl" },
  { name: "util-linux-extra", file: "/usr/bin/fincore" },
  { name: "busybox-static", file: "/bin/busybox" },
  { name: "debootstrap", file: "/usr/sbin/debootstrap" },
  { name: "qemu-system-x86", file: "/usr/bin/qemu-system-x86_64" },
  { name: "kmod", file: "/sbin/depmod" },
  { name: "cpio", file: "/bin/cpio" },
  { name: "xz-utils", file: "/usr/bin/xz" },
  { name: "zstd", file: "/usr/bin/zstd" },
];

/** For `npm run check`. */
export const CHECK_PACKAGES = [{ name: "clang-format", file: "/usr/bin/clang-format" }];
