#!/bin/bash
# Becomes systemd, as the first process of new namespaces, on a root that vanishes with them. Started by machine.py.
#   pid1.sh DIRECTORY TARGET
# DIRECTORY/binds: lines of SOURCE and TARGET, bound read-only. Everything else is the machine's own tree, read through
# an overlay; what is written goes to a tmpfs (shown at /run/written).
set -euo pipefail
[ $$ = 1 ] || { echo "pid1.sh: only as the first process of a new namespace" >&2; exit 2; }
directory=$1 target=$2
mount --make-rprivate /

layers=$directory/mnt
mount -t tmpfs -o mode=755 tmpfs "$layers"
mkdir "$layers/written" "$layers/work" "$layers/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/written,workdir=$layers/work" "$layers/root"
root=$layers/root

# The kernel's settings are the machine's. Read-only before anything of systemd runs, and looked at (nothing is written).
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
if [ -w "$root/proc/sys/fs/protected_fifos" ]; then echo "pid1.sh: /proc/sys is writable" >&2; exit 3; fi
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"

while read -r source place; do
  mkdir -p "$root$place"
  mount --bind "$source" "$root$place"
  mount -o remount,bind,ro "$root$place"
done < "$directory/binds"

# A Python that is built with a shared library looks for it where it was built, which may be a home directory: hidden.
mkdir -p "$root/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultEnvironment=LD_LIBRARY_PATH=/opt/python/lib\n' > "$root/etc/systemd/system.conf.d/test.conf"

# What would touch the kernel or the hardware, or run long and is of no use, is never started.
units=$root/etc/systemd/system
mkdir -p "$units"
for unit in \
  systemd-sysctl systemd-modules-load systemd-timesyncd systemd-udevd systemd-udev-trigger systemd-remount-fs \
  systemd-binfmt systemd-hwdb-update systemd-random-seed systemd-pstore; do
  ln -sfn /dev/null "$units/$unit.service"
done
for unit in \
  systemd-journald-audit.socket sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  dev-hugepages.mount proc-sys-fs-binfmt_misc.automount e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer \
  man-db.timer dpkg-db-backup.timer; do
  ln -sfn /dev/null "$units/$unit"
done
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' > "$units/$target"

rm -f "$root/etc/hostname"
echo voxbridge-test > "$root/etc/hostname"
rm -rf "$root/var/log/journal" # the journal is kept in memory

mkdir "$root/run/old" "$root/run/written"
mount --bind "$layers/written" "$root/run/written"
cd "$root"
pivot_root . run/old
umount -l /run/old
rmdir /run/old
mount --make-rshared / # else LoadCredential= gives an empty directory
# container=: systemd leaves hardware and kernel alone, and "power off" is an exit.
exec env -i container=voxbridge-test LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system "--unit=$target" --log-target=journal --show-status=0
